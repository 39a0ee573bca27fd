package confine

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights over files, by the ABI version that brought them.
const (
	filesV1 = 1<<13 - 1 // execute to make_sym
	filesV2 = filesV1 | unix.LANDLOCK_ACCESS_FS_REFER
	filesV3 = filesV2 | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	filesV5 = filesV3 | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

	readFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE
	readDir  = readFile | unix.LANDLOCK_ACCESS_FS_READ_DIR
)

// landlockABI is the version that this kernel offers, 0 for none.
func landlockABI() int {
	version, _, e := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e != 0 {
		return 0
	}
	return int(version)
}

// ruleset is struct landlock_ruleset_attr; a kernel of version 1 to 3 knows its first word only, one of 4 and 5 two.
type ruleset struct{ files, net, scoped uint64 }

// handled is all that a version can forbid, and the size of the struct that it knows.
func handled(abi int) (r ruleset, size uintptr) {
	r, size = ruleset{files: filesV1}, 8
	switch {
	case abi >= 5:
		r.files = filesV5
	case abi >= 3:
		r.files = filesV3
	case abi == 2:
		r.files = filesV2
	}
	if abi >= 4 {
		r.net, size = unix.LANDLOCK_ACCESS_NET_BIND_TCP|unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, 16
	}
	if abi >= 6 {
		r.scoped, size = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET|unix.LANDLOCK_SCOPE_SIGNAL, 24
	}
	return r, size
}

// restrictFiles leaves the named paths readable and nothing else reachable to the calling thread and what it starts: no
// other file, no TCP port, no abstract socket and no signal beyond itself, as far as the kernel's version goes. It
// returns that version, 0 where there is none.
func restrictFiles(read []string) (abi int, err error) {
	if abi = landlockABI(); abi == 0 {
		return 0, nil
	}
	attr, size := handled(abi)
	fd, _, e := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if e != 0 {
		return 0, fmt.Errorf("a Landlock rule set: %w", e)
	}
	defer unix.Close(int(fd))
	for _, path := range outermost(read) {
		if err := allowReading(int(fd), path); err != nil {
			return 0, fmt.Errorf("landlock for %s: %w", path, err)
		}
	}
	if _, _, e := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); e != 0 {
		return 0, fmt.Errorf("landlock: %w", e)
	}
	return abi, nil
}

// allowReading adds a path; one that a link of the host leads nowhere is passed over.
func allowReading(ruleset int, path string) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return err
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: readFile, Parent_fd: int32(fd)}
	if info.Mode&unix.S_IFMT == unix.S_IFDIR {
		rule.Allowed_access = readDir
	}
	_, _, e := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}
