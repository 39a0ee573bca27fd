package trainer_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"spar/internal/fsys"
	"spar/trainer"
	"spar/trainer/learn/ledger"
	"spar/trainer/metrics"
)

// TestLedgerOfARun: every task of every iteration is in the ledger, the same rows are the same tasks, and a ledger that was damaged is made
// again with the same bytes.
func TestLedgerOfARun(t *testing.T) {
	b := newTasks(t)
	c := b.verified("rest_em", "remembered")
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
	path := filepath.Join(c.OutputDir, "iter-001", "tasks.ledger")
	before, err := os.ReadFile(path)
	must(t, err)
	l, err := ledger.Open(fsys.OS, path)
	must(t, err)
	if l.Len() != 12 {
		t.Errorf("%d tasks, want the 12 rows", l.Len())
	}
	for key, task := range l.Each() {
		if task.Last != 1 || task.Trials != int64(2*c.Sampling.Samples) {
			t.Errorf("task %v: %+v, want %d trials up to iteration 1", key, task, 2*c.Sampling.Samples)
		}
	}
	bad := bytes.Clone(before)
	bad[len(bad)-10] ^= 1
	must(t, os.WriteFile(path, bad, 0o600))
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
	after, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Error("the ledger made again is another")
	}
	records, err := metrics.Read(fsys.OS, c.OutputDir)
	must(t, err)
	seen := 0
	for _, r := range records {
		if n, has := r.Values["ledger/tasks"]; has {
			seen++
			if n != 12 || r.Values["ledger/tried"] != 12 || r.Values["ledger/expected_signal"] <= 0 || r.Values["ledger/expected_signal"] > 0.25 {
				t.Errorf("iteration %d: %v", r.Iteration, r.Values)
			}
		}
	}
	if seen < 2 {
		t.Errorf("%d iterations tell of the ledger", seen)
	}
}

// TestLedgerOfPlay: proposed tasks come into the ledger too.
func TestLedgerOfPlay(t *testing.T) {
	b := newTasks(t)
	c := b.played("data", "played")
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
	l, err := ledger.Open(fsys.OS, filepath.Join(c.OutputDir, "iter-001", "tasks.ledger"))
	must(t, err)
	if l.Len() != 12 {
		t.Errorf("%d tasks, want 12", l.Len())
	}
}
