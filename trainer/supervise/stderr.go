package supervise

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// DivertStderr sends this process's standard error to the log in the run directory dir and returns a file for what the user
// is to read. The trace of a crash, of Go or of native code, then goes to the log alone, and the supervisor's one sentence
// is all that the terminal shows.
func DivertStderr(dir string) (user *os.File, err error) {
	log, err := os.OpenFile(filepath.Join(dir, LogName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("worker log: %w", err)
	}
	user, err = divert(int(log.Fd()))
	return user, errors.Join(err, log.Close())
}

func divert(log int) (*os.File, error) {
	own, err := unix.FcntlInt(uintptr(unix.Stderr), unix.F_DUPFD_CLOEXEC, unix.Stderr+1)
	if err != nil {
		return nil, fmt.Errorf("duplicate standard error: %w", err)
	}
	if err := unix.Dup3(log, unix.Stderr, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("send standard error to the worker log: %w", err), unix.Close(own))
	}
	return os.NewFile(uintptr(own), os.Stderr.Name()), nil
}
