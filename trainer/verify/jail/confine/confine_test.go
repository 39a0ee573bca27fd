package confine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// run interprets a filter for one call, as the kernel would.
func run(t *testing.T, program []unix.SockFilter, arch, number uint32, args ...uint32) uint32 {
	t.Helper()
	data := func(offset uint32) uint32 {
		switch {
		case offset == offNumber:
			return number
		case offset == offArch:
			return arch
		case (offset-offArgs)%8 == 0 && int(offset-offArgs)/8 < len(args):
			return args[(offset-offArgs)/8]
		}
		return 0
	}
	var a uint32
	for pc := 0; pc < len(program); pc++ {
		i := program[pc]
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			a = data(i.K)
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= i.K
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(i.K)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			if yes := a == i.K; yes || i.Code == unix.BPF_JMP|unix.BPF_JGE|unix.BPF_K && a >= i.K {
				pc += int(i.Jt)
			} else {
				pc += int(i.Jf)
			}
		case unix.BPF_RET | unix.BPF_K:
			return i.K
		default:
			t.Fatalf("instruction %d has code %#x", pc, i.Code)
		}
	}
	t.Fatal("the filter has no end")
	return 0
}

func TestFilter(t *testing.T) {
	const allow, kill = unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_KILL_PROCESS
	refuse, absent := deny(unix.EPERM), deny(unix.ENOSYS)
	const arch, pid = unix.AUDIT_ARCH_X86_64, 42
	goes, native := filter(arch, pid, Config{}), filter(arch, pid, Config{Exec: true})
	threaded := filter(arch, pid, Config{Exec: true, Thread: true})
	for _, c := range []struct {
		name         string
		number       uint32
		args         []uint32
		goes, native uint32
	}{
		{"read", unix.SYS_READ, nil, allow, allow},
		{"socket", unix.SYS_SOCKET, nil, refuse, refuse},
		{"execve", unix.SYS_EXECVE, nil, refuse, allow},
		{"open for reading", unix.SYS_OPENAT, []uint32{0, 0, unix.O_RDONLY | unix.O_CLOEXEC | unix.O_DIRECTORY}, refuse, allow},
		{"open for writing", unix.SYS_OPENAT, []uint32{0, 0, unix.O_WRONLY}, refuse, refuse},
		{"open for both", unix.SYS_OPENAT, []uint32{0, 0, unix.O_RDWR}, refuse, refuse},
		{"create", unix.SYS_OPENAT, []uint32{0, 0, unix.O_CREAT}, refuse, refuse},
		{"truncate", unix.SYS_OPENAT, []uint32{0, 0, unix.O_TRUNC}, refuse, refuse},
		{"temporary", unix.SYS_OPENAT, []uint32{0, 0, unix.O_TMPFILE}, refuse, refuse},
		{"thread", unix.SYS_CLONE, []uint32{threadFlags | unix.CLONE_SETTLS}, allow, refuse},
		{"process", unix.SYS_CLONE, []uint32{uint32(unix.SIGCHLD)}, refuse, refuse},
		{"vfork", unix.SYS_CLONE, []uint32{unix.CLONE_VM | unix.CLONE_VFORK}, refuse, refuse},
		{"clone3", unix.SYS_CLONE3, nil, absent, absent},
		{"kill", unix.SYS_KILL, []uint32{pid}, refuse, refuse},
		{"own signal", unix.SYS_TGKILL, []uint32{pid, 7}, allow, allow},
		{"other's signal", unix.SYS_TGKILL, []uint32{1, 1}, refuse, refuse},
		{"ask a limit", unix.SYS_PRLIMIT64, []uint32{0, unix.RLIMIT_AS, 0}, allow, allow},
		{"set a limit", unix.SYS_PRLIMIT64, []uint32{0, unix.RLIMIT_AS, 0x1000}, refuse, refuse},
		{"terminal", unix.SYS_IOCTL, []uint32{0, unix.TIOCSTI}, refuse, refuse},
		{"is a terminal", unix.SYS_IOCTL, []uint32{0, unix.TCGETS}, refuse, allow},
		{"x32 read", unix.SYS_READ | x32Bit, nil, refuse, refuse},
		{"unlink", unix.SYS_UNLINKAT, nil, refuse, refuse},
		{"ptrace", unix.SYS_PTRACE, nil, refuse, refuse},
		{"bpf", unix.SYS_BPF, nil, refuse, refuse},
		{"io_uring", unix.SYS_IO_URING_SETUP, nil, refuse, refuse},
		{"unheard of", 5000, nil, refuse, refuse},
	} {
		if got := run(t, goes, arch, c.number, c.args...); got != c.goes {
			t.Errorf("%s of a Go process: %#x, want %#x", c.name, got, c.goes)
		}
		if got := run(t, native, arch, c.number, c.args...); got != c.native {
			t.Errorf("%s of a native process: %#x, want %#x", c.name, got, c.native)
		}
		want := c.native
		if c.name == "thread" {
			want = allow
		}
		if got := run(t, threaded, arch, c.number, c.args...); got != want {
			t.Errorf("%s of a native process with threads: %#x, want %#x", c.name, got, want)
		}
	}
	if got := run(t, native, unix.AUDIT_ARCH_I386, unix.SYS_READ); got != kill {
		t.Errorf("a call of another architecture: %#x, want the end", got)
	}
}

func TestOutermost(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/b/c", "ab", "d"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	at := func(names ...string) (list []string) {
		for _, n := range names {
			list = append(list, filepath.Join(dir, n))
		}
		return list
	}
	if got, want := outermost(at("d", "a/b/c", "missing", "a", "ab", "a/b", "d")), at("a", "ab", "d"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestHandledGrowsWithTheKernel(t *testing.T) {
	if r, size := handled(1); size != 8 || r.net != 0 || r.scoped != 0 || r.files != filesV1 {
		t.Errorf("version 1: %+v, %d bytes", r, size)
	}
	if r, size := handled(4); size != 16 || r.net == 0 || r.scoped != 0 || r.files != filesV3 {
		t.Errorf("version 4: %+v, %d bytes", r, size)
	}
	if r, size := handled(9); size != 24 || r.scoped == 0 || r.files != filesV5 {
		t.Errorf("version 9: %+v, %d bytes", r, size)
	}
}

// TestReportsMinimum: each part of the minimum by each of its means, and by none.
func TestReportsMinimum(t *testing.T) {
	for _, c := range []struct {
		r                         Report
		network, files, processes bool
		filesOfGo                 bool
	}{
		{Report{}, false, false, false, false},
		{Report{Namespaces: true, Root: "mount: refused"}, true, false, true, false},
		{Report{Namespaces: true, Root: emptyRoot}, true, true, true, true},
		{Report{Landlock: 1}, false, true, false, true},
		{Report{Seccomp: on}, true, false, true, true},
		{Report{Seccomp: "seccomp: refused"}, false, false, false, false},
	} {
		if c.r.NoNetwork() != c.network || c.r.NoFiles(true) != c.files || c.r.NoProcesses() != c.processes || c.r.NoFiles(false) != c.filesOfGo {
			t.Errorf("%+v: network %t, files %t and %t, processes %t", c.r, c.r.NoNetwork(), c.r.NoFiles(true), c.r.NoFiles(false), c.r.NoProcesses())
		}
	}
}
