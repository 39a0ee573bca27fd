package confine

import "golang.org/x/sys/unix"

// nativeOfArch are the calls that only this architecture has.
var nativeOfArch = []uint32{
	unix.SYS_ARCH_PRCTL, unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_NEWFSTATAT, unix.SYS_ACCESS, unix.SYS_READLINK, unix.SYS_DUP2,
	unix.SYS_POLL, unix.SYS_SELECT, unix.SYS_EPOLL_WAIT, unix.SYS_TIME, unix.SYS_GETPGRP, unix.SYS_ALARM, unix.SYS_PAUSE,
	unix.SYS_GETRLIMIT,
}
