package confine

import "golang.org/x/sys/unix"

// nativeOfArch are the calls that only this architecture has or names so.
var nativeOfArch = []uint32{unix.SYS_FSTATAT, unix.SYS_GETRLIMIT}
