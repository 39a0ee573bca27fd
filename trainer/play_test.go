package trainer_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spar/internal/fsys"
	"spar/trainer"
	"spar/trainer/config"
	"spar/trainer/journal"
	"spar/trainer/metrics"
)

// played is a run of play over the given family with a random model.
func (b bench) played(family, out string) *config.Config {
	c := b.config("play", out)
	c.Iterations = 2
	c.Play.Family = family
	c.Verifier.Name = "regex"
	c.Sampling.Samples = 4
	c.MaxSteps = 3
	if family != "data" {
		c.Data.Train = ""
		c.Play.Proposals, c.Play.Spaced, c.Play.Levels, c.Play.Pose = 12, true, 2, " check {level}"
	}
	return c
}

// TestPlay runs the solver alone and with a proposer under every objective.
func TestPlay(t *testing.T) {
	b := newTasks(t)
	for _, objective := range []string{"grpo", "dr_grpo", "reinforce", "rft"} {
		for _, family := range []string{"data", "arithmetic"} {
			t.Run(family+" "+objective, func(t *testing.T) {
				c := b.played(family, family+objective)
				c.Play.Objective = objective
				runTwice(t, c)
				checkPlay(t, c)
			})
		}
	}
}

// checkPlay: the first step of an iteration sees the policy that drew, to the last bit.
func checkPlay(t *testing.T, c *config.Config) {
	t.Helper()
	records, err := metrics.Read(fsys.OS, c.OutputDir)
	must(t, err)
	last, steps := -1, 0
	for _, r := range records {
		drift, training := r.Values["drift"]
		if !training {
			continue
		}
		steps++
		if r.Iteration != last && (drift != 0 || r.Values["clip_ratio"] != 0) {
			t.Errorf("iteration %d begins with drift %v and clip ratio %v, want exactly 0", r.Iteration, drift, r.Values["clip_ratio"])
		}
		last = r.Iteration
	}
	if steps == 0 && c.Play.Family == "data" { // a random model sets no task
		t.Error("no step was taken")
	}
}

// TestMalformedProposer: a proposer that sets no task is told of by name and ends nothing.
func TestMalformedProposer(t *testing.T) {
	b := newTasks(t)
	c := b.played("open", "malformed") // a random model never writes the marks of a question
	var log bytes.Buffer
	if err := trainer.Run(context.Background(), c, trainer.RunOptions{Log: &log}); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if !strings.Contains(log.String(), "ALARM: the proposer set no valid task") {
		t.Errorf("the log does not say so:\n%s", log.String())
	}
}

// TestKillPlay kills a play with a proposer, and one whose draws are scored under the first policy.
func TestKillPlay(t *testing.T) {
	b := newTasks(t)
	steered, held := b.played("arithmetic", "play"), b.played("data", "held")
	steered.Play.Curriculum, held.Play.KLWeight = "steer", 0.5
	for _, reference := range []*config.Config{steered, held} {
		t.Run(filepath.Base(reference.OutputDir), func(t *testing.T) {
			reference.SaveSteps = 1
			started := time.Now()
			must(t, trainer.Run(context.Background(), reference, trainer.RunOptions{}))
			if reference == steered {
				checkSteered(t, reference)
			}
			b.killOften(t, reference, max(1, kills(t)/4), time.Since(started))
		})
	}
}

// TestKL: the first step of a run is at the reference, to the last bit; a weight of 0 scores nothing and tells nothing; and the larger the
// weight, the nearer to the reference the run ends.
func TestKL(t *testing.T) {
	b := newTasks(t)
	last := map[float64]float64{}
	for _, weight := range []float64{0, 1e-9, 10} {
		for _, objective := range []string{"grpo", "dr_grpo", "reinforce"} {
			c := b.played("data", fmt.Sprintf("kl-%v-%s", weight, objective))
			c.Play.Objective, c.Play.KLWeight = objective, weight
			runTwice(t, c)
			checkPlay(t, c)
			kl := seriesOf(t, c, "objective/kl")
			scored, err := filepath.Glob(filepath.Join(c.OutputDir, "iter-*", "reference.shard"))
			must(t, err)
			if weight == 0 {
				if len(kl)+len(scored) != 0 {
					t.Errorf("%s: %d values of objective/kl and %v without a KL term", objective, len(kl), scored)
				}
				continue
			}
			if len(kl) != 6 || len(scored) != 1 || kl[0] != 0 || slices.Min(kl[2:]) <= 0 { // the first step has learning rate 0
				t.Errorf("%s, weight %v: KL %v and shards %v; want 6 values, exactly 0 first and more from the third on, and a shard for iteration 1", objective, weight, kl, scored)
			}
			last[weight] += kl[5]
		}
	}
	if last[10] >= last[1e-9] {
		t.Errorf("KL at the end is %v at weight 10 and %v at weight 1e-9", last[10], last[1e-9])
	}
}

// seriesOf are the values of a metric over a run.
func seriesOf(t *testing.T, c *config.Config, name string) []float64 {
	t.Helper()
	records, err := metrics.Read(fsys.OS, c.OutputDir)
	must(t, err)
	var out []float64
	for _, r := range records {
		if v, has := r.Values[name]; has {
			out = append(out, v)
		}
	}
	return out
}

// checkSteered: what is proposed depends on the ledger of the iteration before, and the stages tell their overheads.
func checkSteered(t *testing.T, c *config.Config) {
	t.Helper()
	entries, err := journal.Read(fsys.OS, filepath.Join(c.OutputDir, "journal.jsonl"))
	must(t, err)
	asked, _ := journal.Find(entries, 1, "propose")
	known, _ := journal.Find(entries, 0, "remember")
	if hash := known.Outputs["iter-000/tasks.ledger"]; hash == "" || asked.Inputs["ledger"] != hash {
		t.Errorf("iteration 1 was asked for after the ledger %q, and %q was written", asked.Inputs["ledger"], hash)
	}
	own := []string{"propose", "remember", "pay", "update", "proposer"}
	for _, e := range entries {
		if spent := e.Values["overhead_seconds"]; (spent > 0) != slices.Contains(own, e.Stage) {
			t.Errorf("stage %s of iteration %d has %v seconds of overheads", e.Stage, e.Iteration, spent)
		}
	}
}

// contested is a run of Nim with a tiny model that knows letters and digits.
func (b bench) contested(out string) *config.Config {
	c := b.played("open", out)
	c.Model = "../cmd/spar/testdata/models/chat"
	c.Data.Eval, c.Verifier.Name = "", "none"
	c.Play.Family, c.Play.Game, c.Play.Pose, c.Play.Proposals = "game", "nim:2,3", "{position}", 24
	c.Play.Objective, c.MaxLength, c.Sampling.MaxNewTokens = "reinforce", 96, 4
	return c
}

// TestContest plays games, pays both roles against their baselines, and reads the same games back.
func TestContest(t *testing.T) {
	b := newTasks(t)
	c := b.contested("nim")
	runTwice(t, c)
	checkPlay(t, c)
	records, err := metrics.Read(fsys.OS, c.OutputDir)
	must(t, err)
	games := 0
	for _, r := range records {
		if plies, played := r.Values["game/plies"]; played {
			games++
			if plies < 1 || r.Values["game/illegal"] < 0 || r.Values["game/illegal"] > 1 {
				t.Errorf("iteration %d: %v", r.Iteration, r.Values)
			}
		}
	}
	if games != c.Iterations {
		t.Errorf("%d iterations played, want %d", games, c.Iterations)
	}
	started := time.Now()
	must(t, trainer.Run(context.Background(), b.contested("nim-again"), trainer.RunOptions{}))
	b.killOften(t, c, 2, time.Since(started))
}
