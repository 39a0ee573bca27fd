package jail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"spar/trainer/verify/jail/confine"
	"spar/trainer/verify/jail/dialect"
	"spar/trainer/verify/jail/wire"
)

// childName is how a process learns that it is one of the jail's.
const childName = "spar-jail"

// Descriptors of a child. What it prints goes to 1 and 2.
const (
	requestsFd = 3
	repliesFd  = 4
)

// outOfMemory is the exit status by which a child says that it ran out of memory; driver.py knows it too.
const outOfMemory = 101

// setup is the first message to a child, before anything hostile.
type setup struct {
	Confine confine.Config `json:"confine"`
	Exec    []string       `json:"exec"`   // a native program and its arguments; empty: this process interprets Starlark
	Environ []string       `json:"env"`    // of that program
	Stdin   bool           `json:"stdin"`  // what is executed reads its requests on standard input and replies on standard output
	Limit   int            `json:"limit"`  // bytes of a message
	Memory  int64          `json:"memory"` // bytes at which Go collects garbage at any price
	Survey  bool           `json:"survey"` // report and end
}

// Main turns a process that a pool has started into the jailed child, which never returns. In any other process it
// returns false at once. Call it first in main, and in TestMain of tests that open a pool.
func Main() (handled bool) {
	if len(os.Args) != 1 || os.Args[0] != childName {
		return false
	}
	runtime.LockOSThread()
	if err := child(); err != nil {
		wire.WriteFrame(descriptor(repliesFd), wire.Message("broken", wire.AppendText(nil, err.Error())))
		os.Exit(1)
	}
	os.Exit(0)
	return true
}

// descriptor reads and writes a file descriptor with nothing between.
type descriptor int

func (d descriptor) Read(b []byte) (int, error) {
	for {
		n, err := syscall.Read(int(d), b)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, err
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (d descriptor) Write(b []byte) (int, error) {
	for done := 0; done < len(b); {
		n, err := syscall.Write(int(d), b[done:])
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return done, err
		}
		done += max(n, 0)
	}
	return len(b), nil
}

func child() error {
	if err := closeOthers(); err != nil {
		return err
	}
	frame, err := wire.ReadFrame(descriptor(requestsFd), 1<<16)
	if err != nil {
		return fmt.Errorf("no set-up came: %w", err)
	}
	var s setup
	if err := json.Unmarshal(frame, &s); err != nil {
		return fmt.Errorf("the set-up cannot be read: %w", err)
	}
	if s.Memory > 0 {
		debug.SetMemoryLimit(s.Memory)
	}
	if len(s.Exec) > 0 {
		return becomeNative(s)
	}
	report, err := confine.Enter(s.Confine)
	if err != nil {
		return err
	}
	seal := confine.NewSeal(s.Confine)
	report = seal.Expect(report)
	if err := seal.Apply(); err != nil {
		report.Seccomp = err.Error()
	}
	if _, err := descriptor(repliesFd).Write(readyFrame(report)); err != nil || s.Survey {
		return err
	}
	runtime.GOMAXPROCS(2) // each thread's stack counts as memory
	server := dialect.Server{In: descriptor(requestsFd), Out: descriptor(repliesFd), Limit: s.Limit}
	return server.Serve()
}

// readyFrame is the first message from a child: what is enforced.
func readyFrame(r confine.Report) []byte {
	text, err := json.Marshal(r)
	if err != nil {
		text = []byte(err.Error()) // a struct of texts and numbers always marshals
	}
	var frame bytes.Buffer
	wire.WriteFrame(&frame, wire.Message("ready", wire.AppendText(nil, string(text))))
	return frame.Bytes()
}

// becomeNative executes the interpreter or the tool. All that it needs is made before the filter stands, since from then on this
// thread may neither start another nor take much memory.
func becomeNative(s setup) error {
	path, err := syscall.BytePtrFromString(s.Exec[0])
	if err != nil {
		return err
	}
	args, err := syscall.SlicePtrFromStrings(s.Exec)
	if err != nil {
		return err
	}
	environ, err := syscall.SlicePtrFromStrings(s.Environ)
	if err != nil {
		return err
	}
	report, err := confine.Enter(s.Confine)
	if err != nil {
		return err
	}
	seal := confine.NewSeal(s.Confine)
	ready := readyFrame(seal.Expect(report))
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(1) // no other thread of Go's runtime has work, which could want memory
	if err := seal.Apply(); err != nil {
		return err
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_WRITE, repliesFd, uintptr(unsafe.Pointer(&ready[0])), uintptr(len(ready))); e != 0 {
		return e
	}
	if s.Stdin {
		// These cannot fail: the descriptors are open, and the filter allows the calls.
		syscall.RawSyscall(syscall.SYS_DUP3, requestsFd, 0, 0)
		syscall.RawSyscall(syscall.SYS_CLOSE, requestsFd, 0, 0)
		syscall.RawSyscall(syscall.SYS_FCNTL, repliesFd, syscall.F_SETFD, syscall.FD_CLOEXEC)
	}
	_, _, e := syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&args[0])), uintptr(unsafe.Pointer(&environ[0])))
	return fmt.Errorf("executing %s: %w", s.Exec[0], e)
}

// closeOthers closes what the parent's parents left open. What Go's runtime has opened meanwhile closes at exec, which
// is how to tell it.
func closeOthers() error {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range list {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd <= repliesFd {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			syscall.Close(fd)
		}
	}
	return nil
}
