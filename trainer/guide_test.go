package trainer_test

import (
	"bytes"
	"context"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spar/internal/fsys"
	"spar/loader/shard"
	"spar/trainer"
	"spar/trainer/config"
	"spar/trainer/policy"
	"spar/trainer/selfplay/reward"
)

// guidedPlay is a play of a model of letters under SGS.
func (b bench) guidedPlay(out string) *config.Config {
	c := b.proposed(out)
	c.Play.ProposerReward, c.Play.Guide, c.Play.Spaced, c.MaxLength = "sgs", "fair? {task}", false, 64
	return c
}

// TestGuide: the mean reward is that of SGS on the solve rates and the odds of yes in the shards.
func TestGuide(t *testing.T) {
	b := newProposer(t, true)
	c := b.guidedPlay("guided")
	runTwice(t, c)
	if means := seriesOf(t, c, "proposer/guide"); len(means) != 2 || slices.Min(means) <= 0 || slices.Max(means) >= 1 {
		t.Errorf("mean scores of the guide %v, want two within 0 and 1", means)
	}
	tasks, want := guidedTasks(t, c), 0.0
	rule, err := reward.New("sgs")
	must(t, err)
	rewards := make([]float64, len(tasks))
	rule.Evaluate(tasks, rewards)
	for _, x := range rewards {
		want += x / float64(c.Play.Proposals)
	}
	if got := seriesOf(t, c, "proposer/reward")[0]; want == 0 || math.Abs(got-want) > 1e-9 {
		t.Errorf("mean reward %v, want %v, not 0, from %+v", got, want, tasks)
	}
	started := time.Now()
	must(t, trainer.Run(context.Background(), b.guidedPlay("again"), trainer.RunOptions{}))
	b.killOften(t, c, 2, time.Since(started))
}

// guidedTasks are the tasks of the first iteration, with their scores and outcomes from the shards.
func guidedTasks(t *testing.T, c *config.Config) []reward.Proposal {
	t.Helper()
	odds, passed := map[int]float64{}, map[int]int{}
	for _, rec := range recordsOf(t, c, "iter-000/guide.shard") {
		odds[rec.Group] += map[int]float64{0: 1, 1: -1}[rec.Sample] * policy.Sum(rec.Logp)
	}
	for _, rec := range recordsOf(t, c, "iter-000/rollouts/train.shard") {
		if rec.Verdict == shard.VerdictPass {
			passed[rec.Group]++
		}
	}
	var out []reward.Proposal
	for _, key := range slices.Sorted(maps.Keys(odds)) {
		out = append(out, reward.Proposal{Successes: passed[key], Group: c.Sampling.Samples, Guide: math.Exp(odds[key]) / (1 + math.Exp(odds[key]))})
	}
	return out
}

// recordsOf are the records of a shard of a run.
func recordsOf(t *testing.T, c *config.Config, name string) []shard.Record {
	t.Helper()
	reader, err := shard.Open(fsys.OS, filepath.Join(c.OutputDir, name))
	must(t, err)
	defer reader.Close()
	out := make([]shard.Record, reader.Len())
	for i := range out {
		must(t, reader.Read(i, &out[i]))
	}
	return out
}

// TestGuideWithoutWords: a tokenizer that cannot tell yes from no has no guide.
func TestGuideWithoutWords(t *testing.T) {
	b := newProposer(t, false)
	c := b.guidedPlay("wordless")
	c.Play.Spaced = true
	var log bytes.Buffer
	err := trainer.Run(context.Background(), c, trainer.RunOptions{Log: &log})
	if trainer.ExitCode(err) != 3 || !strings.Contains(err.Error(), "writes both alike") {
		t.Errorf("got %v", err)
	}
}
