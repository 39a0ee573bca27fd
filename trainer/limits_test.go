package trainer_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spar/internal/fsys"
	"spar/trainer"
	"spar/trainer/config"
	"spar/trainer/metrics"
)

// TestFixedPointStop: a policy that does not move leaves no gap, so the run ends after the iteration that shows it; again, it stays ended.
func TestFixedPointStop(t *testing.T) {
	b := newBench(t)
	c := b.config("spin", "arrived")
	c.Iterations, c.LearningRate, c.Limits.Gap = 3, config.PerIteration{0}, 0.01
	for range 2 {
		var log bytes.Buffer
		must(t, trainer.Run(context.Background(), c, trainer.RunOptions{Log: &log}))
		if !strings.Contains(log.String(), "nothing is left to imitate") {
			t.Errorf("the log lacks the reason:\n%s", log.String())
		}
		if _, err := os.Stat(filepath.Join(c.OutputDir, "iter-001")); err == nil {
			t.Fatal("the run went on")
		}
	}
	moving := b.config("spin", "moving")
	moving.Limits.Gap = 1e-6
	must(t, trainer.Run(context.Background(), moving, trainer.RunOptions{}))
	if _, err := os.Stat(filepath.Join(moving.OutputDir, "iter-001", "policy")); err != nil {
		t.Errorf("a run with a gap ended: %v", err)
	}
}

// TestRollBack: an iteration past a limit is not promoted, however often the command is given.
func TestRollBack(t *testing.T) {
	b := newBench(t)
	c := b.config("spin", "broken")
	c.LearningRate, c.Limits.RealLogpDrop, c.WarmupRatio = config.PerIteration{1e-4, 0.3}, 0.3, 0
	for range 2 {
		err := trainer.Run(context.Background(), c, trainer.RunOptions{})
		if trainer.ExitCode(err) != 5 || !strings.Contains(err.Error(), "iteration 1 is taken back: limits.real_logp_drop is 0.3") || !strings.Contains(err.Error(), "policy/ stays that of iteration 0") {
			t.Fatalf("got %v (exit code %d)", err, trainer.ExitCode(err))
		}
		kept, err := os.ReadFile(filepath.Join(c.OutputDir, "iter-000", "policy", "model.safetensors"))
		must(t, err)
		if !bytes.Equal(kept, policyBytes(t, c)) {
			t.Error("policy/ is not that of iteration 0")
		}
	}
}

// TestObserver: the condition is measured in every iteration, and a lost reading is made again with the same numbers.
func TestObserver(t *testing.T) {
	b := newBench(t)
	c := b.config("spin", "observed")
	c.Observer = config.Observer{Examples: 16, Epochs: 2, Controls: 2}
	var log bytes.Buffer
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{Log: &log}))
	if n := strings.Count(log.String(), "learnable information gained"); n != 2 {
		t.Errorf("the condition was printed %d times, want 2", n)
	}
	path := filepath.Join(c.OutputDir, "iter-001", "observer.json")
	before, err := os.ReadFile(path)
	must(t, err)
	must(t, os.Remove(path))
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
	after, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Error("the reading made again is another")
	}
	records, err := metrics.Read(fsys.OS, c.OutputDir)
	must(t, err)
	seen := map[int]bool{}
	for _, r := range records {
		if holds, measured := r.Values["info/holds"]; measured {
			seen[r.Iteration] = true
			if r.Iteration == 1 && (holds != 0 || r.Values["info/gain_bits"] != 0) {
				t.Errorf("the same data again is a gain: %v", r.Values)
			}
			if r.Values["info/tokens"] <= 0 || r.Values["info/s_bits"] == 0 {
				t.Errorf("values %v", r.Values)
			}
		}
	}
	if !seen[0] || !seen[1] {
		t.Errorf("measured in iterations %v, want 0 and 1", seen)
	}
}

// TestNothingToObserve: a proposer that sets no task ends nothing, and is told of.
func TestNothingToObserve(t *testing.T) {
	b := newTasks(t)
	c := b.played("open", "nothing")
	c.Observer = config.Observer{Examples: 16, Epochs: 2, Controls: 2}
	var log bytes.Buffer
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{Log: &log}))
	if !strings.Contains(log.String(), "too few examples") {
		t.Errorf("the log does not say so:\n%s", log.String())
	}
}
