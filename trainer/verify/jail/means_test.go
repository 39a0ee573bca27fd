package jail

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"spar/internal/fault"
	"spar/trainer/verify/jail/confine"
)

// startWith starts one process of a kind under a plan.
func startWith(t *testing.T, k kind, plan confine.Plan) (*process, error) {
	t.Helper()
	p := &Pool{options: Options{}.withDefaults()}
	s, err := p.setup(k)
	if err != nil {
		t.Fatal(err)
	}
	s.Confine.Plan = plan
	runtime.LockOSThread() // the child dies with its thread; the test's ends with the test
	child, err := p.startChecked(s, k.native())
	if err == nil {
		t.Cleanup(child.kill)
	}
	return child, err
}

// TestMeansAlone: a host that offers only some of the means still has the minimum if they cover it, and otherwise
// nothing is run.
func TestMeansAlone(t *testing.T) {
	needPython(t)
	s := survey()
	if s.err != nil || !s.report.Namespaces || s.report.Landlock == 0 {
		t.Skipf("this host lacks some of the means: %+v", s)
	}
	probe := `
def f(n):
    got = []
    for act in ("open('/etc/passwd').read()", "__import__('os').listdir('/home')", "__import__('socket').socket()", "__import__('os').fork()"):
        try:
            eval(act)
            got.append(act)
        except OSError:
            pass
    return got
`
	for _, c := range []struct {
		name     string
		language string
		plan     confine.Plan
		refused  string // part of the error; empty: it runs
	}{
		{"all", "python", confine.Full(), ""},
		{"no namespaces", "python", confine.Plan{Landlock: true, Seccomp: true}, ""},
		{"no landlock", "python", confine.Plan{Namespaces: true, Seccomp: true}, ""},
		{"seccomp alone", "python", confine.Plan{Seccomp: true}, "no files"},
		{"landlock alone", "python", confine.Plan{Landlock: true}, "no network"},
		{"nothing", "python", confine.Plan{}, "no network, no files, no other processes"},
		{"seccomp alone", "starlark", confine.Plan{Seccomp: true}, ""},
		{"namespaces alone", "starlark", confine.Plan{Namespaces: true}, ""},
		{"nothing", "starlark", confine.Plan{}, "no network, no files, no other processes"},
	} {
		t.Run(c.language+"/"+c.name, func(t *testing.T) {
			child, err := startWith(t, kind{language: c.language}, c.plan)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "enable") || fault.ExitCode(err) != 3 {
					t.Errorf("%v (exit %d), want a refusal that names %q", err, fault.ExitCode(err), c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.language == "starlark" {
				return
			}
			r := run{job: Job{Program: probe, Call: &Call{Function: "f"}}, candidate: child, timeout: time.Minute}
			r.arguments, err = parseArguments(&Call{Function: "f", Arguments: "1"})
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := r.exchange(); got.Verdict != Pass || got.Value != "[]" {
				t.Errorf("the program could do %s (%s, %s)", got.Value, got.Verdict, got.Detail)
			}
		})
	}
}

// TestToolMeansAlone: the same of a tool, which has one more right, to start threads.
func TestToolMeansAlone(t *testing.T) {
	if s := survey(); s.err != nil || !s.report.Namespaces || s.report.Landlock == 0 {
		t.Skipf("this host lacks some of the means: %+v", s)
	}
	tool := shell(t, Options{}, "read a < /etc/passwd || echo none; (echo forked)")
	for name, plan := range map[string]confine.Plan{
		"all": confine.Full(), "no namespaces": {Landlock: true, Seccomp: true}, "no landlock": {Namespaces: true, Seccomp: true},
	} {
		child, err := startWith(t, kind{tool: tool}, plan)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		child.requests.Close()
		child.wait()
		if printed := child.printed.text(); !strings.Contains(printed, "none") || strings.Contains(printed, "forked") {
			t.Errorf("%s: it printed %q", name, printed)
		}
	}
	for missing, plan := range map[string]confine.Plan{"no files": {Seccomp: true}, "no network": {Landlock: true}} {
		if _, err := startWith(t, kind{tool: tool}, plan); err == nil || !strings.Contains(err.Error(), missing) || fault.ExitCode(err) != 3 {
			t.Errorf("%v (exit %d), want a refusal that names %q", err, fault.ExitCode(err), missing)
		}
	}
}

// TestRefusalSays: what is missing, what to enable, and exit code 3.
func TestRefusalSays(t *testing.T) {
	for want, r := range map[string]confine.Report{
		"no network":         {Root: "empty", Limits: "on"},
		"no files":           {Namespaces: true, Root: "mount: refused", Limits: "on"},
		"no other processes": {Landlock: 7, Limits: "on"},
		"limits":             {Namespaces: true, Root: "empty", Seccomp: "on", Limits: "operation not permitted"},
	} {
		err := minimum(surveyed{report: r}, true)
		if err == nil || !strings.Contains(err.Error(), want) || fault.ExitCode(err) != 3 {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
	if err := minimum(surveyed{report: confine.Report{Landlock: 1, Seccomp: "on", Limits: "on"}}, true); err != nil {
		t.Errorf("Landlock and seccomp suffice, yet %v", err)
	}
}

// TestUnconfined: the override runs the same programs with the limits that need no rights.
func TestUnconfined(t *testing.T) {
	p := open(t, Options{Workers: 1, Unconfined: true, Timeout: 5 * time.Second})
	if r := do(t, p, Job{Language: "starlark", Program: "def f(n): return n + 1", Tests: "check_equal(f(1), 2)"}); r.Verdict != Pass {
		t.Errorf("%+v", r)
	}
	needPython(t)
	if r := do(t, p, Job{Language: "python", Program: "def f(n): return bytearray(1 << 34)", Tests: "f(1)"}); r.Verdict != OOM {
		t.Errorf("%+v, want oom", r)
	}
}

// TestParentDies: children end with the thread that started them, so a killed run leaves nothing.
func TestParentDies(t *testing.T) {
	done := make(chan *process)
	go func() {
		runtime.LockOSThread() // and the thread ends with this function
		p := &Pool{options: Options{}.withDefaults()}
		s, err := p.setup(kind{language: "starlark"})
		if err != nil {
			t.Error(err)
		}
		child, err := p.startChecked(s, false)
		if err != nil {
			t.Error(err)
		}
		done <- child
	}()
	child := <-done
	if child == nil {
		return
	}
	select {
	case <-child.ended:
	case <-time.After(10 * time.Second):
		t.Error("the child outlives its parent")
	}
	child.kill()
}

func TestClosedPoolRefuses(t *testing.T) {
	p := open(t, Options{Workers: 1})
	job := Job{Language: "starlark", Program: "def f(): return 1", Tests: "check(f())"}
	do(t, p, job)
	p.Close()
	if _, err := p.Run(context.Background(), job); err == nil {
		t.Error("a closed pool runs a job")
	}
}
