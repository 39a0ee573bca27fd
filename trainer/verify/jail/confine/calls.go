package confine

import "golang.org/x/sys/unix"

// shared are the calls of Go's runtime and of blocking reads and writes on open descriptors.
var shared = []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_CLOSE, unix.SYS_FUTEX,
	unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MADVISE, unix.SYS_BRK,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_GETRANDOM, unix.SYS_MINCORE,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_PIPE2,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_UNAME, unix.SYS_FSTAT,
}

// native are the further calls of a C program that starts, loads libraries and reads modules. None makes or changes a
// file, a process or a connection.
var native = append([]uint32{
	unix.SYS_EXECVE, unix.SYS_SET_TID_ADDRESS, unix.SYS_MREMAP,
	unix.SYS_PREAD64, unix.SYS_LSEEK, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_STATX, unix.SYS_FSTATFS,
	unix.SYS_READLINKAT, unix.SYS_FACCESSAT, unix.SYS_GETCWD, unix.SYS_GETDENTS64,
	unix.SYS_DUP, unix.SYS_DUP3, unix.SYS_FCNTL, unix.SYS_PPOLL, unix.SYS_PSELECT6,
	unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_GETPPID, unix.SYS_GETPGID, unix.SYS_GETSID,
	unix.SYS_GETGROUPS, unix.SYS_GETRUSAGE, unix.SYS_TIMES, unix.SYS_SYSINFO, unix.SYS_GETCPU,
	unix.SYS_RT_SIGPENDING, unix.SYS_RT_SIGSUSPEND, unix.SYS_RT_SIGTIMEDWAIT, unix.SYS_SETITIMER, unix.SYS_GETITIMER,
}, nativeOfArch...)

// unknown are calls that C libraries replace by older ones when the kernel seems not to have them.
var unknown = []uint32{unix.SYS_CLONE3, unix.SYS_FACCESSAT2, unix.SYS_OPENAT2}

// threadFlags are those of a thread of this process; a clone without them is a new process.
const threadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD

// writing are the flags of open that could change a file.
const writing = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC | unix.O_APPEND | 0o20000000 // O_TMPFILE's own bit

// conditional are the calls that depend on an argument. A Go process may start threads but open nothing; a native one
// may open for reading but start no process, and threads only where c says so. A signal may go to the process itself, which is how
// both runtimes end themselves.
func conditional(pid uint32, c Config) []rule {
	list := []rule{
		{call: unix.SYS_TGKILL, arg: 0, mask: ^uint32(0), want: pid},
		{call: unix.SYS_PRLIMIT64, arg: 2, mask: ^uint32(0), want: 0}, // asks for a limit, sets none
	}
	if !c.Exec || c.Thread {
		list = append(list, rule{call: unix.SYS_CLONE, arg: 0, mask: threadFlags, want: threadFlags})
	}
	if !c.Exec {
		return list
	}
	return append(list,
		rule{call: unix.SYS_OPENAT, arg: 2, mask: writing, want: 0},
		rule{call: unix.SYS_IOCTL, arg: 1, mask: ^uint32(0), want: unix.TCGETS},
		rule{call: unix.SYS_IOCTL, arg: 1, mask: ^uint32(0), want: 0x5451}, // FIOCLEX
	)
}
