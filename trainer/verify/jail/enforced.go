package jail

import (
	"runtime"
	"strconv"
	"strings"
	"sync"

	"spar/internal/fault"
	"spar/trainer/verify/jail/confine"
)

// Feature is one means of confinement on this host.
type Feature struct {
	Name   string `json:"name"`
	On     bool   `json:"on"`
	Detail string `json:"detail"` // what it does, or why it is missing and what to enable
}

// Enforced says what this host can enforce, found out by confining a child.
func Enforced() []Feature {
	s := survey()
	if s.err != nil {
		return []Feature{{Name: "jail", Detail: s.err.Error()}}
	}
	r := s.report
	return []Feature{
		feature("namespaces", r.Namespaces, "own user, pid, net, ipc, uts, cgroup and mount namespaces", s.refused+"; "+enableNamespaces),
		feature("empty root", r.Root == "empty", "no file but the program's own", r.Root),
		feature("landlock", r.Landlock > 0, "ABI "+strconv.Itoa(r.Landlock)+", no file but the program's own", enableLandlock),
		feature("seccomp", r.Seccomp == "on", "no sockets, processes, signals, files to write", r.Seccomp),
		feature("limits", r.Limited(), "memory, CPU time, descriptors, no core files", r.Limits),
	}
}

func feature(name string, on bool, does, missing string) Feature {
	if on {
		return Feature{Name: name, On: true, Detail: does}
	}
	if missing == "" {
		missing = "not asked for"
	}
	return Feature{Name: name, Detail: missing}
}

const (
	enableNamespaces = "allow them: sysctl user.max_user_namespaces above 0, kernel.apparmor_restrict_unprivileged_userns 0; in a container, a seccomp profile with unshare and mount"
	enableLandlock   = "Linux 5.13 or newer with landlock in its list of security modules (kernel option lsm=), and in a container a seccomp profile with its calls"
	enableSeccomp    = "a kernel with CONFIG_SECCOMP_FILTER, on amd64 or arm64"
)

// surveyed is what a child could enforce with the best plan that works here.
type surveyed struct {
	plan    confine.Plan
	report  confine.Report
	refused string // why there are no namespaces
	err     error
}

// survey tries once: everything, and where the host refuses to start such a child, first without changing the user, as in
// a container whose users are mapped, then without namespaces.
var survey = sync.OnceValue(func() (s surveyed) {
	for _, namespaces := range []bool{true, false} {
		for _, other := range []bool{true, false} {
			s.plan = confine.Full()
			s.plan.Namespaces, s.plan.Nobody = namespaces, other
			if s.report, s.err = surveyPlan(s.plan); s.err == nil {
				return s
			}
			if s.refused == "" {
				s.refused = s.err.Error()
			}
		}
	}
	return s
})

func surveyPlan(plan confine.Plan) (confine.Report, error) {
	type answer struct {
		report confine.Report
		err    error
	}
	done := make(chan answer)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its child, which is gone by then
		p, err := startProcess(setup{Confine: confine.Config{Plan: plan, Exec: true}, Survey: true}, 1<<16)
		if err != nil {
			done <- answer{err: err}
			return
		}
		p.kill()
		done <- answer{report: p.report}
	}()
	a := <-done
	return a.report, a.err
}

// minimum is nil when a child with this report can reach neither network, files nor processes, and its memory is
// limited; otherwise the error says what to enable. native tells a process of Python or of a tool, which must open
// its modules or libraries.
func minimum(s surveyed, native bool) error {
	if s.err != nil {
		return fault.Inputf("this host does not let programs be confined: %w", s.err)
	}
	var missing, enable []string
	lacks := func(has bool, what string, means ...string) {
		if !has {
			missing = append(missing, what)
			enable = append(enable, strings.Join(means, "; or "))
		}
	}
	lacks(s.report.NoNetwork(), "no network", enableNamespaces, enableSeccomp)
	lacks(s.report.NoFiles(native), "no files", enableLandlock, enableNamespaces)
	lacks(s.report.NoProcesses(), "no other processes", enableNamespaces, enableSeccomp)
	lacks(s.report.Limited(), "limits", "a host that lets setrlimit lower limits ("+s.report.Limits+")")
	if len(missing) == 0 {
		return nil
	}
	return fault.Inputf("this host cannot confine model-written programs: it does not enforce %s; enable: %s; or run them unconfined, by name and at your own risk",
		strings.Join(missing, ", "), strings.Join(enable, "; and "))
}
