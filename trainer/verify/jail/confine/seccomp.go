package confine

import (
	"os"
	"runtime"

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

// callFilter lets the process make only the calls that an interpreter needs: those of shared and native, and those
// of conditional when their arguments are harmless. Others fail with EPERM; those that C libraries try and then do
// without fail with ENOSYS. The filter survives exec. It is nil where none is written for the architecture.
func callFilter(c Config) *unix.SockFprog {
	arch, ok := auditArch[runtime.GOARCH]
	if !ok {
		return nil
	}
	program := filter(arch, uint32(os.Getpid()), c)
	return &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
}

var auditArch = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

func filter(arch, pid uint32, c Config) []unix.SockFilter {
	program := []unix.SockFilter{
		load(offArch), skipUnless(arch, 1), jump(1), give(unix.SECCOMP_RET_KILL_PROCESS),
		load(offNumber), {Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: x32Bit, Jt: 0, Jf: 1}, give(deny(unix.EPERM)),
	}
	calls := shared
	if c.Exec {
		calls = append(append([]uint32(nil), shared...), native...)
	}
	for _, n := range calls {
		program = append(program, skipUnless(n, 1), give(unix.SECCOMP_RET_ALLOW))
	}
	for _, n := range unknown {
		program = append(program, skipUnless(n, 1), give(deny(unix.ENOSYS)))
	}
	for _, rule := range conditional(pid, c) {
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
