package confine

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data, on a little-endian machine: the low half of argument n is at 16 + 8 n.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// x32 calls of amd64 carry this bit; none is allowed.
const x32Bit = 0x40000000

// filterCalls lets the process make only the calls that an interpreter needs: those of allowed, and those of
// conditional when their arguments are harmless. Others fail with EPERM; those that C libraries try and then do
// without fail with ENOSYS. The filter survives exec; before it, only the calling thread is filtered, so that Go's others
// live on until then.
func filterCalls(exec bool) string {
	arch, ok := auditArch[runtime.GOARCH]
	if !ok {
		return "no filter is written for " + runtime.GOARCH
	}
	program := filter(arch, uint32(os.Getpid()), exec)
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	flags := uintptr(unix.SECCOMP_FILTER_FLAG_TSYNC)
	if exec {
		flags = 0
	}
	_, _, e := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(program)
	if e != 0 {
		return fmt.Sprintf("seccomp: %v", e)
	}
	return on
}

var auditArch = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

func filter(arch, pid uint32, exec bool) []unix.SockFilter {
	program := []unix.SockFilter{
		load(offArch), skipUnless(arch, 1), jump(1), give(unix.SECCOMP_RET_KILL_PROCESS),
		load(offNumber), {Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: x32Bit, Jt: 0, Jf: 1}, give(deny(unix.EPERM)),
	}
	calls := shared
	if exec {
		calls = append(append([]uint32(nil), shared...), native...)
	}
	for _, n := range calls {
		program = append(program, skipUnless(n, 1), give(unix.SECCOMP_RET_ALLOW))
	}
	for _, n := range unknown {
		program = append(program, skipUnless(n, 1), give(deny(unix.ENOSYS)))
	}
	for _, rule := range conditional(pid, exec) {
		program = append(program, rule.assemble()...)
	}
	return append(program, give(deny(unix.EPERM)))
}

// rule allows a call when argument arg, masked, equals want.
type rule struct {
	call       uint32
	arg        uint32
	mask, want uint32
}

func (r rule) assemble() []unix.SockFilter {
	return []unix.SockFilter{
		skipUnless(r.call, 5),
		load(offArgs + 8*r.arg),
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: r.mask},
		skipUnless(r.want, 1), give(unix.SECCOMP_RET_ALLOW),
		load(offNumber),
	}
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

// skipUnless goes on when the loaded word is k and passes over n instructions otherwise.
func skipUnless(k uint32, n uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: n}
}

func jump(n uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JA, K: n} }

func give(k uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k}
}

func deny(e unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(e) }
