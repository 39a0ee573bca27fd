package confine

import (
	"os"
	"syscall"
)

// nobody is the host's user that a root user's jailed processes become.
const nobody = 65534

// Attributes are what the parent starts the child with: it dies with the thread that started it, and gets its own
// namespaces, inside which it is root over nothing.
func Attributes(p Plan) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if p == (Plan{}) {
		return a
	}
	uid, gid := os.Getuid(), os.Getgid()
	root := p.Nobody && os.Geteuid() == 0 && othersMayExecute("/proc/self/exe")
	if root {
		uid, gid = nobody, nobody
	}
	if !p.Namespaces {
		if root {
			a.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		}
		return a
	}
	a.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC |
		syscall.CLONE_NEWUTS | syscall.CLONE_NEWNS | syscall.CLONE_NEWCGROUP
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
	if root {
		a.GidMappingsEnableSetgroups = true
		a.Credential = &syscall.Credential{Uid: 0, Gid: 0}
	}
	return a
}

func othersMayExecute(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode()&0o005 == 0o005
}
