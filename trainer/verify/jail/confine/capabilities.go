package confine

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dropCapabilities empties every capability set and forbids gaining any by exec. With exec only the calling thread
// counts, since the others end there; otherwise all threads do it together.
func dropCapabilities(exec bool) error {
	if exec {
		for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
			unix.RawSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0) // refused without CAP_SETPCAP: then there is none to lose
		}
	}
	if _, _, e := call(exec, unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); e != 0 {
		return fmt.Errorf("no_new_privs: %w", e)
	}
	head := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	none := &[2]unix.CapUserData{}
	if _, _, e := call(exec, unix.SYS_CAPSET, uintptr(unsafe.Pointer(head)), uintptr(unsafe.Pointer(none)), 0); e != 0 {
		return fmt.Errorf("dropping capabilities: %w", e)
	}
	return nil
}

// call makes a system call on this thread or on all.
func call(thisThread bool, number, a, b, c uintptr) (uintptr, uintptr, syscall.Errno) {
	if thisThread {
		return syscall.RawSyscall6(number, a, b, c, 0, 0, 0)
	}
	return syscall.AllThreadsSyscall6(number, a, b, c, 0, 0, 0)
}
