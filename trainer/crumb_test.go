package trainer_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"spar/trainer"
	"spar/trainer/supervise"
)

// pidWriter takes the process id that a supervised worker prints.
type pidWriter chan int

func (w pidWriter) Write(p []byte) (int, error) {
	pid, err := strconv.Atoi(strings.TrimSpace(string(p)))
	w <- pid
	return len(p), err
}

// TestKilledWorker kills a supervised worker in the middle of an update. The supervisor's sentence names iteration, stage, step and
// log; the breadcrumb named native ops on the way; and the run then ends as an undisturbed one.
func TestKilledWorker(t *testing.T) {
	b := newBench(t)
	c := b.config("sft", "supervised")
	c.MaxSteps = 2000
	config := b.path("supervised.yaml")
	must(t, os.WriteFile(config, []byte(c.Render()), 0o600))
	pids := make(pidWriter, 1)
	ended := make(chan error, 1)
	go func() {
		code, err := supervise.Run(supervise.Options{Args: []string{"supervised", config}, RunDir: c.OutputDir, Stdout: pids})
		if code != 1 {
			t.Errorf("exit code %d, want 1", code)
		}
		ended <- err
	}()
	pid := <-pids
	op := ""
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		trace := supervise.ReadCrumb(filepath.Join(c.OutputDir, supervise.CrumbName))
		if trace.Op != "" {
			op = trace.Op
		}
		if op != "" && strings.Contains(trace.Place, "stage update, step") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no native op in an update seen for 20 s; the breadcrumb says %+v", trace)
		}
	}
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	err := <-ended
	for _, part := range []string{"SIGKILL", "iteration 0, stage update, step ", "last native op: ", filepath.Join(c.OutputDir, supervise.LogName), "the same command continues"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the message %v lacks %q", err, part)
		}
	}
	log, err := os.ReadFile(filepath.Join(c.OutputDir, supervise.LogName))
	must(t, err)
	if !strings.Contains(string(log), "pair: 16 pairs") {
		t.Errorf("the run's log is %q", log)
	}
}

// supervised is the worker of TestKilledWorker.
func supervised(config string) error {
	c, err := trainer.LoadConfig(config)
	if err != nil {
		return err
	}
	crumb, err := supervise.CreateCrumb(filepath.Join(c.OutputDir, supervise.CrumbName))
	if err != nil {
		return err
	}
	if _, err := os.Stdout.WriteString(strconv.Itoa(os.Getpid()) + "\n"); err != nil {
		return err
	}
	return trainer.Run(context.Background(), c, trainer.RunOptions{Crumb: crumb})
}
