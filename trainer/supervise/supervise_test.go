package supervise

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"spar/internal/fault"
)

// TestMain lets the test binary play the worker: its first argument after "worker" says how it ends.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		if os.Args[2] == "supervise" {
			_, _ = Run(Options{Args: []string{"worker", "wait", os.Args[3]}, RunDir: os.Args[3], Stdout: os.Stdout})
		} else {
			worker(os.Args[2], os.Args[3])
		}
		os.Exit(9)
	}
	os.Exit(m.Run())
}

func worker(how, dir string) {
	c, err := CreateCrumb(filepath.Join(dir, CrumbName))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(9)
	}
	if _, err := DivertStderr(dir); err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
	c.SetPlace("iteration 3, stage update, step 17")
	copy(c.Op(), "attention_backward\x00")
	switch how {
	case "ok":
		c.SetOrderly()
		os.Exit(0)
	case "usage":
		c.SetOrderly()
		os.Exit(2)
	case "panic":
		panic("planted")
	case "fault":
		var nowhere *int
		*nowhere = 1 //nolint:govet // planted
	case "wait":
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		fmt.Println("ready", os.Getpid())
		<-signals
		c.SetOrderly()
		os.Exit(143)
	case "segv":
		kill(syscall.SIGSEGV)
	case "kill":
		kill(syscall.SIGKILL)
	}
}

func kill(s syscall.Signal) {
	signal.Reset()
	_ = syscall.Kill(os.Getpid(), s)
	select {}
}

func TestEnds(t *testing.T) {
	for _, c := range []struct {
		how  string
		code int
		want []string // parts of the error; none: no error
	}{
		{"ok", 0, nil},
		{"usage", 2, nil},
		{"panic", 1, []string{"crashed"}},
		{"fault", 1, []string{"crashed"}},
		{"segv", 1, []string{"crashed"}},
		{"kill", 1, []string{"SIGKILL"}},
	} {
		t.Run(c.how, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			var terminal bytes.Buffer
			code, err := Run(Options{Args: []string{"worker", c.how, dir}, RunDir: dir, Stderr: &terminal})
			if terminal.Len() > 0 {
				t.Errorf("the user was shown more than the supervisor's sentence: %s", terminal.String())
			}
			if code != c.code || (err != nil) != (c.want != nil) {
				t.Fatalf("code %d, error %v; want %d", code, err, c.code)
			}
			if err == nil {
				return
			}
			log, readErr := os.ReadFile(filepath.Join(dir, LogName))
			if c.how == "panic" && (readErr != nil || !strings.Contains(string(log), "planted")) {
				t.Errorf("the log lacks the panic: %q, %v", log, readErr)
			}
			for _, part := range append(c.want, "iteration 3, stage update, step 17", "attention_backward", filepath.Join(dir, LogName), "same command continues") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the message %q lacks %q", err, part)
				}
			}
		})
	}
}

func TestSecondWorkerIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), CrumbName)
	first, err := CreateCrumb(path)
	if err != nil {
		t.Fatal(err)
	}
	first.SetPlace("here")
	if _, err := CreateCrumb(path); fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v, want class Input", err)
	}
	if got := ReadCrumb(path).Place; got != "here" {
		t.Errorf("the first worker's place is now %q", got)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := CreateCrumb(path)
	if err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	if got := ReadCrumb(path); got != (Trace{}) {
		t.Errorf("a new worker's crumb says %+v", got)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSignalIsForwarded(t *testing.T) {
	dir := t.TempDir()
	signals := make(chan os.Signal, 1)
	out := readyWriter(func(int) { signals <- syscall.SIGTERM })
	code, err := Run(Options{Args: []string{"worker", "wait", dir}, RunDir: dir, Stdout: out, Signals: signals})
	if code != 143 || err != nil {
		t.Errorf("code %d, error %v; want 143", code, err)
	}
}

// readyWriter calls its function with the process id once a worker says that it is ready.
type readyWriter func(pid int)

func (f readyWriter) Write(p []byte) (int, error) {
	if id, ok := strings.CutPrefix(strings.TrimSpace(string(p)), "ready "); ok {
		pid, err := strconv.Atoi(id)
		if err != nil {
			return 0, err
		}
		f(pid)
	}
	return len(p), nil
}

func TestWorkerDiesWithSupervisor(t *testing.T) {
	dir := t.TempDir()
	pids := make(chan int, 1)
	supervisor := exec.Command(os.Args[0], "worker", "supervise", dir)
	pipe, err := supervisor.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 64)
	n, err := pipe.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readyWriter(func(pid int) { pids <- pid }).Write(buffer[:n]); err != nil {
		t.Fatal(err)
	}
	pid := <-pids
	if err := supervisor.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = supervisor.Wait()
	for deadline := time.Now().Add(10 * time.Second); running(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("worker %d is alive 10 s after its supervisor was killed", pid)
		}
	}
}

// running is false for a process that is gone or a zombie nobody has waited for.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func TestOutOfMemoryCounter(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a/b/memory.events", "low 0\noom 5\noom_kill 3\n")
	write("memory/c/memory.oom_control", "oom_kill_disable 0\noom_kill 4\n")
	write("memory.events", "oom_kill 9\n")
	for groups, want := range map[string]int64{
		"0::/a/b\n":            3,
		"0::/not/mounted\n":    9,
		"4:cpu:/\n3:memory:/c": 4,
		"":                     0,
	} {
		if got := countKills(root, groups); got != want {
			t.Errorf("%q: %d kills, want %d", groups, got, want)
		}
	}
	if got := killedBy(syscall.SIGKILL, 1); !strings.Contains(got, "out-of-memory killer") || !strings.Contains(got, "tokens_per_batch") {
		t.Errorf("got %q", got)
	}
}
