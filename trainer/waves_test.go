package trainer_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"spar/internal/fsys"
	"spar/loader/shard"
	"spar/trainer"
	"spar/trainer/config"
	"spar/trainer/metrics"
)

// stopping are a play and a selection loop whose tasks are decided before all of their eight responses are drawn.
func (b bench) stopping(algorithm, out string) *config.Config {
	c := b.verified(algorithm, out)
	if algorithm == "play" {
		c = b.played("data", out)
	}
	c.Sampling.Samples, c.Sampling.StopDecided, c.SaveSteps = 8, true, 1
	c.Selection.MaxPerPrompt = 1
	return c
}

// TestStopDecided: a stopped run draws of each task a beginning of what it would draw otherwise, no more waves than it takes to decide, and tells how
// much it saved.
func TestStopDecided(t *testing.T) {
	b := newTasks(t)
	for _, algorithm := range []string{"play", "rest_em"} {
		t.Run(algorithm, func(t *testing.T) {
			c := b.stopping(algorithm, algorithm)
			runTwice(t, c)
			all := b.stopping(algorithm, algorithm+"-all")
			all.Sampling.StopDecided = false
			must(t, trainer.Run(context.Background(), all, trainer.RunOptions{}))
			stopped, whole := firstRollouts(t, c), firstRollouts(t, all)
			drawn := 0
			for key, group := range stopped {
				drawn += len(group)
				checkStopped(t, algorithm, key, group)
				for j, rec := range group {
					if !slices.Equal(rec.Response, whole[key][j].Response) || rec.Verdict != whole[key][j].Verdict {
						t.Errorf("task %d, sample %d is another one without stopping", key, j)
					}
				}
			}
			if len(stopped) != len(whole) {
				t.Fatalf("%d tasks were drawn for, want %d", len(stopped), len(whole))
			}
			want := 1 - float64(drawn)/float64(8*len(whole))
			if got := savedShare(t, c); math.Abs(got-want) > 1e-12 || want <= 0 {
				t.Errorf("sample/saved_share is %v, want %v", got, want)
			}
		})
	}
}

// checkStopped: a wave of two came on top of what was not decided, and nothing on top of what was.
func checkStopped(t *testing.T, algorithm string, key int, group []shard.Record) {
	t.Helper()
	decided := func(group []shard.Record) bool {
		passed := 0
		for _, rec := range group {
			if rec.Verdict == shard.VerdictPass {
				passed++
			}
		}
		return passed > 0 && (algorithm != "play" || passed < len(group))
	}
	n := len(group)
	switch {
	case n%2 != 0 || n < 2 || n > 8:
		t.Errorf("task %d has %d responses", key, n)
	case n < 8 && !decided(group):
		t.Errorf("task %d is not decided by its %d responses, and has no more", key, n)
	case n > 2 && decided(group[:n-2]):
		t.Errorf("task %d was decided by the first %d of its %d responses", key, n-2, n)
	}
}

// firstRollouts are what the first iteration drew, by task.
func firstRollouts(t *testing.T, c *config.Config) map[int][]shard.Record {
	t.Helper()
	r, err := shard.Open(fsys.OS, filepath.Join(c.OutputDir, "iter-000", "rollouts", "train.shard"))
	must(t, err)
	defer r.Close()
	out := map[int][]shard.Record{}
	for i := range r.Len() {
		var rec shard.Record
		must(t, r.Read(i, &rec))
		if rec.Sample != len(out[rec.Group]) {
			t.Fatalf("record %d is sample %d of task %d, which has %d", i, rec.Sample, rec.Group, len(out[rec.Group]))
		}
		out[rec.Group] = append(out[rec.Group], rec)
	}
	return out
}

func savedShare(t *testing.T, c *config.Config) float64 {
	t.Helper()
	records, err := metrics.Read(fsys.OS, c.OutputDir)
	must(t, err)
	for _, r := range records {
		if v, has := r.Values["sample/saved_share"]; has && r.Iteration == 0 {
			return v
		}
	}
	t.Fatal("sample/saved_share is not told")
	return 0
}

func TestKillStopDecided(t *testing.T) {
	b := newTasks(t)
	for _, algorithm := range []string{"play", "rest_em"} {
		t.Run(algorithm, func(t *testing.T) {
			reference := b.stopping(algorithm, algorithm)
			started := time.Now()
			must(t, trainer.Run(context.Background(), reference, trainer.RunOptions{}))
			b.killOften(t, reference, max(1, kills(t)/4), time.Since(started))
		})
	}
}

// TestStopDecidedRefusesMajority: a row may name a verifier that the config does not, and a majority of the first wave is none.
func TestStopDecidedRefusesMajority(t *testing.T) {
	b := newTasks(t)
	rows, err := os.ReadFile(b.path("train.jsonl"))
	must(t, err)
	must(t, os.WriteFile(b.path("train.jsonl"), bytes.Replace(rows, []byte(`{"answer"`), []byte(`{"verifier":"majority","answer"`), 1), 0o600))
	err = trainer.Run(context.Background(), b.stopping("rest_em", "majority"), trainer.RunOptions{})
	if trainer.ExitCode(err) != 3 || !strings.Contains(err.Error(), "a row names that verifier") {
		t.Errorf("got %v", err)
	}
}

// TestStoppedInAWave: a shard that a full disk cut within a later wave is gone on with to the same bytes.
func TestStoppedInAWave(t *testing.T) {
	b := newTasks(t)
	reference := b.stopping("play", "reference")
	must(t, trainer.Run(context.Background(), reference, trainer.RunOptions{}))
	rollouts := filepath.Join("iter-000", "rollouts", "train.shard")
	want, err := os.ReadFile(filepath.Join(reference.OutputDir, rollouts))
	must(t, err)
	cut := 0
	for n := 1; ; n++ {
		c := b.stopping("play", fmt.Sprint("cut-", n))
		writes := 0
		full := fsys.NewFaulty(fsys.OS, func(op, name string, _ int) error {
			if strings.EqualFold(op, "write") && strings.Contains(name, rollouts) {
				if writes++; writes >= n {
					return syscall.ENOSPC
				}
			}
			return nil
		})
		if err := trainer.Run(context.Background(), c, trainer.RunOptions{FS: full}); err == nil {
			break
		}
		if held, err := shard.Recover(fsys.OS, filepath.Join(c.OutputDir, rollouts+shard.OpenSuffix)); err == nil && len(held.Keys) > 24 { // of two for each of the 12 tasks
			cut++
		}
		must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
		got, err := os.ReadFile(filepath.Join(c.OutputDir, rollouts))
		must(t, err)
		if !bytes.Equal(got, want) || !bytes.Equal(policyBytes(t, c), policyBytes(t, reference)) {
			t.Errorf("cut at write %d, the run ends otherwise", n)
		}
	}
	if cut == 0 {
		t.Error("no shard was cut within a later wave")
	}
}
