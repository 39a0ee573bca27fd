// Package confine takes a process's rights away: the means the kernel offers, each on its own, so that
// where one is refused the others still stand. The parent starts the child with Attributes; the child
// calls Enter and then Seal.Apply once, before it sees anything hostile, and sends back what was really enforced.
//
//	namespaces   user, pid, net, ipc, uts, cgroup, mount: no other process, no network interface
//	empty root   the mount namespace's root holds nothing but the read-only paths that are named
//	Landlock     files outside those paths cannot be opened, whatever the mounts are; for a program that is executed
//	seccomp      an allow list of system calls: no sockets, no new processes, no open for writing
//	limits       memory, CPU seconds, file size 0, few descriptors, no core
//
// Two of these cut off the network (namespaces, seccomp) and two the files (empty root, Landlock); a host
// that offers one of each meets the minimum.
//
// A Go program cannot change all of its threads where it is linked with C, as it is with purego. So capabilities and
// Landlock are the calling thread's, which suffices where it goes on to exec; a process that stays Go is kept from every
// open by the filter, which the kernel puts on all threads at once.
//
// Enter and Apply act on the process and are not undone; they are called from one goroutine that is locked to its thread; everything else may be called from any goroutine.
package confine

import "os"

// Plan names the means to use.
type Plan struct {
	Namespaces bool
	Nobody     bool // processes of root become nobody on the host; no change for another user's
	Landlock   bool
	Seccomp    bool
}

// Full uses every means.
func Full() Plan { return Plan{Namespaces: true, Nobody: true, Landlock: true, Seccomp: true} }

// Limits of a process; 0 leaves one as it is.
type Limits struct {
	DataBytes    uint64 // private writable memory
	AddressBytes uint64 // address space; set last, for a process that is replaced by exec
	CPUSeconds   uint64
}

// Config is what a child enters.
type Config struct {
	Plan   Plan
	Limits Limits
	Read   []string // files and directories that stay readable; all that a native program needs
	Exec   bool     // the process goes on to execute a program; otherwise it stays Go and opens no file
	Thread bool     // that program may start threads of its own
}

// Report says what holds in a child. An empty text means that the means was not asked for.
type Report struct {
	Namespaces bool   `json:"namespaces"`
	Root       string `json:"root"`     // "empty", or why not
	Landlock   int    `json:"landlock"` // ABI version; 0: not enforced
	Seccomp    string `json:"seccomp"`  // "on", or why not
	Limits     string `json:"limits"`   // "on", or why not
}

// on is a report's word for what holds.
const on = "on"

// NoNetwork, NoFiles, NoProcesses and Limited say whether a part of the minimum holds.
func (r Report) NoNetwork() bool { return r.Namespaces || r.Seccomp == on }

// NoFiles takes no rule about paths where a process may open no file at all, as one that stays Go.
func (r Report) NoFiles(exec bool) bool {
	return r.Root == emptyRoot || r.Landlock > 0 || (!exec && r.Seccomp == on)
}

// NoProcesses holds where the process can start no other, or all it started end with it.
func (r Report) NoProcesses() bool { return r.Namespaces || r.Seccomp == on }

// Limited says whether memory and descriptors are limited.
func (r Report) Limited() bool { return r.Limits == on }

// Enter confines the calling process, all but for what Seal does. The error is that of a means that failed half-way; one that
// the host refuses is in the report.
func Enter(c Config) (Report, error) {
	var r Report
	r.Namespaces = c.Plan.Namespaces
	if c.Plan.Namespaces {
		r.Root = emptyTheRoot(c.Read)
	}
	if err := os.Chdir("/"); err != nil {
		return r, err
	}
	if c.Plan != (Plan{}) {
		if err := dropCapabilities(); err != nil {
			return r, err
		}
	}
	r.Limits = limit(c.Limits)
	if c.Plan.Landlock && c.Exec {
		abi, err := restrictFiles(c.Read)
		if err != nil {
			return r, err
		}
		r.Landlock = abi
	}
	return r, nil
}
