package confine

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxDescriptors is enough for a program that opens modules and nothing else.
const maxDescriptors = 64

// maxStack is what shells and Linux itself give a program.
const maxStack = 8 << 20

// limit sets what any jailed process gets.
func limit(l Limits) string {
	type one struct {
		what  int
		value uint64
	}
	list := []one{
		{unix.RLIMIT_CORE, 0}, {unix.RLIMIT_FSIZE, 0}, {unix.RLIMIT_MEMLOCK, 0}, {unix.RLIMIT_MSGQUEUE, 0},
		{unix.RLIMIT_NOFILE, maxDescriptors},
	}
	if l.DataBytes > 0 {
		list = append(list, one{unix.RLIMIT_DATA, l.DataBytes})
	}
	if l.CPUSeconds > 0 {
		list = append(list, one{unix.RLIMIT_CPU, l.CPUSeconds})
	}
	var stack syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_STACK, &stack); err != nil {
		return err.Error()
	}
	// Both the same, for some programs (cvc5) raise the one to the other and end when they may not.
	list = append(list, one{unix.RLIMIT_STACK, min(stack.Cur, maxStack)})
	for _, r := range list {
		if err := setLimit(r.what, r.value); err != nil {
			return err.Error()
		}
	}
	return on
}

func setLimit(what int, value uint64) error {
	// The package syscall's own call: exec would put back the number of descriptors otherwise.
	if err := syscall.Setrlimit(what, &syscall.Rlimit{Cur: value, Max: value}); err != nil {
		return fmt.Errorf("limit %d to %d: %w", what, value, err)
	}
	return nil
}
