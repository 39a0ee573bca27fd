package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// training is a directory with a config whose update takes long enough to be hit in the middle.
type training struct {
	t   *testing.T
	dir string
}

func newTraining(t *testing.T) training {
	t.Helper()
	model, err := filepath.Abs("testdata/models/chat")
	must(t, err)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "rows.jsonl"), []byte(`{"prompt":"There are","completion":" 12 apples."}
{"prompt":"A river","completion":" is long."}
{"messages":[{"role":"user","content":"What is 12 + 30?"},{"role":"assistant","content":"It is 42."}]}
`), 0o600))
	for _, name := range []string{"reference", "run"} {
		must(t, os.WriteFile(filepath.Join(dir, name+".yaml"), fmt.Appendf(nil, `model: %s
algorithm: spin
data: {train: rows.jsonl}
max_length: 96
sampling: {max_new_tokens: 8}
truncated_samples: keep
learning_rate: 1e-4
max_steps: 600
save_steps: 100
threads: 1
output_dir: %s
`, model, name), 0o600))
	}
	return training{t, dir}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start begins `spar train NAME.yaml`.
func (r training) start(name string) (*exec.Cmd, *bytes.Buffer) {
	r.t.Helper()
	program, err := exec.LookPath("spar")
	must(r.t, err)
	cmd := exec.Command(program, "train", name+".yaml")
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = r.dir, &stderr
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+scriptCache())
	must(r.t, cmd.Start())
	return cmd, &stderr
}

// wait returns the exit code, which must be want, and what the user was told at the end.
func (r training) wait(cmd *exec.Cmd, stderr *bytes.Buffer, want int) string {
	r.t.Helper()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		r.t.Fatalf("exit code %d, want %d\n%s", code, want, stderr)
	}
	var said []string
	for _, line := range strings.Split(stderr.String(), "\n") {
		if strings.HasPrefix(line, "spar: ") {
			said = append(said, line)
		}
	}
	if strings.Contains(stderr.String(), "goroutine") || strings.Contains(stderr.String(), "\r") || len(said) > 1 || (len(said) == 0) != (want == 0) {
		r.t.Fatalf("want one sentence for a failure and none for success, got\n%s", stderr)
	}
	return strings.Join(said, "")
}

// updating waits until the run has taken more than steps steps.
func (r training) updating(steps int, stderr *bytes.Buffer) {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		data, _ := os.ReadFile(filepath.Join(r.dir, "run", "metrics.jsonl"))
		if bytes.Count(data, []byte("\n")) > steps {
			return
		}
	}
	r.t.Fatalf("no %d steps after 30 s\n%s", steps, stderr)
}

// worker is the process that the supervisor runs.
func (r training) worker(supervisor int) int {
	r.t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", supervisor))
	must(r.t, err)
	for _, list := range lists {
		data, err := os.ReadFile(list)
		must(r.t, err)
		if pids := strings.Fields(string(data)); len(pids) == 1 {
			pid, err := strconv.Atoi(pids[0])
			must(r.t, err)
			return pid
		}
	}
	r.t.Fatal("the supervisor has no worker")
	return 0
}

func (r training) policy(name string) []byte {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, name, "policy", "model.safetensors"))
	must(r.t, err)
	return data
}

// TestBadLuck hits a run in the middle of its update, by a crash, a kill, Ctrl-C and a polite stop, and starts a second one beside it. Each
// time the user reads one sentence and gets the right exit code, and in the end the policy is that of an undisturbed run.
func TestBadLuck(t *testing.T) {
	r := newTraining(t)
	cmd, stderr := r.start("reference")
	r.wait(cmd, stderr, 0)
	for _, x := range []struct {
		name   string
		signal syscall.Signal
		worker bool // it hits the worker, not the supervisor
		code   int
		want   []string
	}{
		{"crash", syscall.SIGSEGV, true, 1, []string{"the worker crashed", "iteration 0, stage update, step ", "last native op: ", "run/worker.log", "the same command continues"}},
		{"kill", syscall.SIGKILL, true, 1, []string{"killed by SIGKILL", "iteration 0, stage update, step ", "last native op: ", "run/worker.log", "the same command continues"}},
		{"interrupt", syscall.SIGINT, false, 130, []string{"stopped by SIGINT after saving", "the same command continues"}},
		{"terminate", syscall.SIGTERM, false, 143, []string{"stopped by SIGTERM after saving", "the same command continues"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := training{t, r.dir}
			must(t, os.RemoveAll(filepath.Join(r.dir, "run")))
			cmd, stderr := r.start("run")
			r.updating(150, stderr)
			worker := r.worker(cmd.Process.Pid)
			if !x.worker {
				must(t, cmd.Process.Signal(x.signal))
			}
			if x.worker || x.signal == syscall.SIGTERM { // a service manager signals both
				must(t, syscall.Kill(worker, x.signal))
			}
			said := r.wait(cmd, stderr, x.code)
			for _, part := range x.want {
				if !strings.Contains(said, part) {
					t.Errorf("%q lacks %q", said, part)
				}
			}
			cmd, stderr = r.start("run")
			r.wait(cmd, stderr, 0)
			if !strings.Contains(stderr.String(), "continuing after step ") {
				t.Errorf("the run began its update anew:\n%s", stderr)
			}
			if !bytes.Equal(r.policy("run"), r.policy("reference")) {
				t.Error("the policy is not that of an undisturbed run")
			}
		})
	}
}

// TestSecondProcess starts a run that is going on already.
func TestSecondProcess(t *testing.T) {
	r := newTraining(t)
	first, stderr := r.start("run")
	r.updating(1, stderr)
	second, told := r.start("run")
	if said := r.wait(second, told, 3); !strings.Contains(said, "another process is working in this run directory") {
		t.Errorf("the second process says %q", said)
	}
	r.wait(first, stderr, 0)
}

// TestEarlySignal stops a run in its first moments: whatever it was doing, it ends with the signal's code and can be begun again.
func TestEarlySignal(t *testing.T) {
	r := newTraining(t)
	for _, wait := range []time.Duration{0, 5, 10, 20, 30, 50, 80} {
		must(t, os.RemoveAll(filepath.Join(r.dir, "run")))
		cmd, stderr := r.start("run")
		time.Sleep(wait * time.Millisecond)
		must(t, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait()
		state := cmd.ProcessState.Sys().(syscall.WaitStatus)
		// The kernel ends a process that has not yet come to main.
		if code := cmd.ProcessState.ExitCode(); code != 143 && !(state.Signaled() && state.Signal() == syscall.SIGTERM) {
			t.Errorf("after %d ms: exit code %d, want 143\n%s", wait, code, stderr)
		}
		if strings.Count(stderr.String(), "spar: ") > 1 {
			t.Errorf("after %d ms: more than one sentence\n%s", wait, stderr)
		}
	}
	cmd, stderr := r.start("run")
	r.wait(cmd, stderr, 0)
}
