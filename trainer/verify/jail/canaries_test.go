package jail

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// canaries are what attacks go for: files, servers and a process of the user's.
type canaries struct {
	dir, secret string
	listeners   []net.Listener
	udp         *net.UDPConn
	abstract    string
	process     *exec.Cmd
	before      string

	mu    sync.Mutex
	calls []string
}

func newCanaries(t *testing.T) *canaries {
	t.Helper()
	// Orphans become children of this process, where they can be counted.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "canary") // not t.TempDir, which only this user may enter
	if err != nil {
		t.Fatal(err)
	}
	c := &canaries{dir: dir, secret: "canary-" + strconv.Itoa(os.Getpid()) + "-sings"}
	t.Cleanup(c.end)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(c.dir, 0o777))
	must(os.WriteFile(filepath.Join(c.dir, "secret"), []byte(c.secret), 0o666))
	must(os.Chmod(filepath.Join(c.dir, "secret"), 0o666))
	c.abstract = "spar-" + filepath.Base(c.dir)
	c.listen(t, "tcp", "127.0.0.1:0")
	c.listen(t, "unix", filepath.Join(c.dir, "socket"))
	c.listen(t, "unix", "@"+c.abstract)
	c.udp, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(err)
	go func() {
		for b := make([]byte, 16); ; {
			if _, _, err := c.udp.ReadFrom(b); err != nil {
				return
			}
			c.called("a UDP packet came")
		}
	}()
	c.process = exec.Command("sleep", "1000")
	must(c.process.Start())
	c.before = c.state()
	return c
}

func (c *canaries) listen(t *testing.T, network, address string) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	c.listeners = append(c.listeners, l)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
			c.called(fmt.Sprintf("somebody connected to a %s socket", strings.ToUpper(network)))
		}
	}()
}

func (c *canaries) called(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, what)
}

// fill puts the canaries' whereabouts into a program.
func (c *canaries) fill(program string) string {
	_, port, _ := net.SplitHostPort(c.listeners[0].Addr().String())
	_, udp, _ := net.SplitHostPort(c.udp.LocalAddr().String())
	return strings.NewReplacer("@CANARY@", c.dir, "@PORT@", port, "@UDP@", udp, "@ABSTRACT@", c.abstract,
		"@PID@", strconv.Itoa(c.process.Process.Pid)).Replace(program)
}

// state describes the files: names, modes, sizes, times, contents.
func (c *canaries) state() string {
	var b strings.Builder
	filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			fmt.Fprintln(&b, err)
			return nil
		}
		info, err := d.Info()
		if err != nil {
			fmt.Fprintln(&b, err)
			return nil
		}
		text := []byte(nil)
		if info.Mode().IsRegular() {
			text, _ = os.ReadFile(path)
		}
		fmt.Fprintf(&b, "%s %v %d %v %.100q\n", filepath.Base(path), info.Mode(), info.Size(), info.ModTime(), text)
		return nil
	})
	return b.String()
}

// touched lists what has been done to the canaries.
func (c *canaries) touched() []string {
	c.mu.Lock()
	list := append([]string(nil), c.calls...)
	c.mu.Unlock()
	if now := c.state(); now != c.before {
		list = append(list, fmt.Sprintf("files were %s, now they are %s", c.before, now))
	}
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.process.Process.Pid)); err != nil || strings.Contains(string(status), ") Z ") {
		list = append(list, "the user's process was ended")
	}
	for _, place := range []string{"/tmp", "/dev/shm", "/var/tmp", "/"} {
		for _, name := range []string{"spar-attack", "link"} {
			if _, err := os.Lstat(filepath.Join(place, name)); err == nil {
				list = append(list, filepath.Join(place, name)+" was made")
			}
		}
	}
	return list
}

// end takes the canaries down.
func (c *canaries) end() {
	for _, l := range c.listeners {
		l.Close()
	}
	if c.udp != nil {
		c.udp.Close()
	}
	if c.process != nil && c.process.ProcessState == nil {
		c.process.Process.Kill()
		c.process.Wait()
	}
	for _, place := range []string{"/tmp", "/"} {
		os.Remove(filepath.Join(place, "link")) // of TestCanariesNotice
	}
	os.Chmod(c.dir, 0o777)
	os.RemoveAll(c.dir)
}

// children lists the processes whose parent is this one, but for the canary.
func (c *canaries) children(t *testing.T) []string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Fatalf("no processes are seen: %v", err)
	}
	var list []string
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) && filepath.Base(filepath.Dir(name)) != strconv.Itoa(c.process.Process.Pid) {
			list = append(list, string(text))
		}
	}
	return list
}

// descriptors lists what this process has open.
func descriptors(t *testing.T) (list []string) {
	t.Helper()
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(names) == 0 {
		t.Fatalf("no descriptors are seen: %v", err)
	}
	for _, name := range names {
		if to, err := os.Readlink(name); err == nil {
			list = append(list, to)
		}
	}
	return list
}
