package trainer_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spar/trainer"
	"spar/trainer/supervise"
)

// TestCrumb checks that a run leaves its place and the engine's last op where a supervisor looks after a crash.
func TestCrumb(t *testing.T) {
	b := newBench(t)
	c := b.config("sft", "crumb")
	must(t, os.MkdirAll(c.OutputDir, 0o755))
	path := filepath.Join(c.OutputDir, supervise.CrumbName)
	crumb, err := supervise.CreateCrumb(path)
	must(t, err)
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{Crumb: crumb}))
	trace := supervise.ReadCrumb(path)
	if !strings.HasPrefix(trace.Place, "iteration 0, stage ") || trace.Op == "" || trace.Orderly {
		t.Errorf("the breadcrumb says %+v", trace)
	}
	must(t, crumb.Close())
	log, err := os.ReadFile(filepath.Join(c.OutputDir, supervise.LogName))
	must(t, err)
	if !strings.Contains(string(log), "pair: 16 pairs") {
		t.Errorf("the run's log is %q", log)
	}
}
