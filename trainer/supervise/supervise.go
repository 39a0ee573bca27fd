// Package supervise runs a worker process and explains its death.
//
// The worker is this same program under a hidden verb; it holds the native library, the supervisor does
// not, so a crash in native code, a kill or the out-of-memory killer ends the worker only and becomes one
// sentence that names iteration, stage, last op and log file.
//
//	code, err := supervise.Run(supervise.Options{Args: []string{"worker", "train.yaml"}, RunDir: "runs/first", ...})
//
// Signals go on to the worker, which finishes its step, saves and exits 130 or 143. When the supervisor dies the kernel
// kills the worker. Run is for one goroutine.
package supervise

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"spar/internal/fault"
)

// Names of the supervisor's files in the run directory.
const (
	CrumbName = "breadcrumb"
	LogName   = "worker.log"
)

// Options say what to run.
type Options struct {
	Program string   // "" = this program
	Args    []string // of the worker
	RunDir  string   // made if absent
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Signals <-chan os.Signal // passed on to the worker; nil: none
}

// Run starts the worker and waits for it. A worker that ended by its own decision gives its exit code and no error;
// one that was killed or crashed gives code 1 and an error that says where it was.
func Run(o Options) (code int, err error) {
	// The parent-death signal is tied to the thread that started the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := os.MkdirAll(o.RunDir, 0o755); err != nil {
		return 1, fault.Inputf("output_dir: %w; give a directory that can be made and written", err)
	}
	cmd, err := command(o)
	if err != nil {
		return 1, err
	}
	kills := outOfMemoryKills()
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("start the worker: %w", err)
	}
	done := make(chan struct{})
	go forward(o.Signals, cmd.Process, done)
	waitErr := cmd.Wait()
	close(done)
	return verdict(o.RunDir, cmd.ProcessState, waitErr, outOfMemoryKills()-kills)
}

func command(o Options) (*exec.Cmd, error) {
	program := o.Program
	if program == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program to start the worker: %w", err)
		}
		program = self
	}
	cmd := exec.Command(program, o.Args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = o.Stdin, o.Stdout, o.Stderr
	// A group of its own, so that Ctrl-C reaches the worker once, through the supervisor.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd, nil
}

func forward(signals <-chan os.Signal, p *os.Process, done <-chan struct{}) {
	for {
		select {
		case s := <-signals:
			// An error means that the worker has just ended; Wait reports how.
			_ = p.Signal(s)
		case <-done:
			return
		}
	}
}

// verdict turns the end of the worker into a code and, for a crash, an explanation.
func verdict(runDir string, state *os.ProcessState, waitErr error, oomKills int64) (int, error) {
	var exit *exec.ExitError
	if waitErr != nil && !errors.As(waitErr, &exit) {
		return 1, fmt.Errorf("wait for the worker: %w", waitErr)
	}
	trace := ReadCrumb(filepath.Join(runDir, CrumbName))
	status, ok := state.Sys().(syscall.WaitStatus)
	if s := status.Signal(); ok && status.Signaled() && (s == syscall.SIGINT || s == syscall.SIGTERM) {
		return 128 + int(s), fmt.Errorf("stopped by %s before the run began; the same command begins it", unix.SignalName(s))
	}
	if ok && status.Signaled() {
		return 1, crash(runDir, trace, killedBy(status.Signal(), oomKills))
	}
	code := state.ExitCode()
	// The Go runtime itself exits with 2 after a fatal error such as SIGSEGV in native code.
	if code == 2 && !trace.Orderly && trace.Place != "" {
		return 1, crash(runDir, trace, "crashed (a fault in native code or a Go panic)")
	}
	return code, nil
}

func killedBy(s syscall.Signal, oomKills int64) string {
	switch {
	case s == syscall.SIGKILL && oomKills > 0:
		return "was killed by the kernel's out-of-memory killer; a smaller batch, tokens_per_batch or max_length needs less memory"
	case s == syscall.SIGKILL:
		return "was killed by SIGKILL (by hand, or by an out-of-memory killer outside this container)"
	}
	return fmt.Sprintf("was killed by %s (%s)", unix.SignalName(s), s)
}

func crash(runDir string, t Trace, what string) error {
	place, op := t.Place, t.Op
	if place == "" {
		place = "before its first stage"
	}
	if op == "" {
		op = "none, it was between ops"
	}
	return fmt.Errorf("the worker %s; it was in %s, last native op: %s; log: %s; the run is intact: the same command continues it",
		what, place, op, filepath.Join(runDir, LogName))
}
