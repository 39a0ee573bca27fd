package confine

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Seal is the last step of confinement, prepared: limits that a Go program could not live with for long, and the filter.
type Seal struct {
	exec   bool
	limits []resource
	filter *unix.SockFprog // nil: not asked for, or none is written
}

type resource struct {
	what  uintptr
	limit unix.Rlimit
}

// NewSeal prepares the last step, so that Apply takes no memory.
func NewSeal(c Config) *Seal {
	s := &Seal{exec: c.Exec}
	if n := c.tasks(); n > 0 {
		s.limits = append(s.limits, resource{unix.RLIMIT_NPROC, unix.Rlimit{Cur: n, Max: n}})
	}
	if n := c.Limits.AddressBytes; n > 0 {
		s.limits = append(s.limits, resource{unix.RLIMIT_AS, unix.Rlimit{Cur: n, Max: n}})
	}
	if c.Plan.Seccomp {
		s.filter = callFilter(c)
	}
	return s
}

// maxThreads of a native program that may have some.
const maxThreads = 64

// tasks is how many processes and threads of this user there may be, 0 for no limit. Outside a namespace of its own a
// program's threads would count together with all that the user runs; there the filter tells threads from processes.
func (c Config) tasks() uint64 {
	switch {
	case !c.Exec || c.Thread && !c.Plan.Namespaces:
		return 0
	case c.Thread:
		return maxThreads
	}
	return 1
}

// Expect completes a report with what holds when Apply succeeds.
func (s *Seal) Expect(r Report) Report {
	if s.filter != nil {
		r.Seccomp = on
	} else {
		r.Seccomp = "no filter"
	}
	return r
}

// Apply takes the last step. With Exec it holds for the calling thread, to which the goroutine must be locked and which
// must exec next: Go's other threads live on as they are until then. Otherwise it holds for all threads. An error says
// that the seal does not hold.
func (s *Seal) Apply() error {
	for i := range s.limits {
		l := &s.limits[i]
		if _, _, e := syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, l.what, uintptr(unsafe.Pointer(&l.limit)), 0, 0, 0); e != 0 {
			return fmt.Errorf("limit %d to %d: %w", l.what, l.limit.Cur, e)
		}
	}
	if s.filter == nil {
		return nil
	}
	flags := uintptr(unix.SECCOMP_FILTER_FLAG_TSYNC)
	if s.exec {
		flags = 0
	}
	_, _, e := syscall.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(s.filter)))
	if e != 0 {
		return fmt.Errorf("seccomp: %w", e)
	}
	return nil
}
