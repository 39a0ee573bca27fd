package trainer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/trainer"
	"spar/trainer/config"
	"spar/trainer/diagnose"
	"spar/trainer/journal"
)

// newProposer is newTasks with a model, the bench's own or one of letters with a chat template, that has been shown sums of small digits and
// their values, so that it sets tasks and solves some.
func newProposer(t testing.TB, chat bool) bench {
	t.Helper()
	b := newTasks(t)
	gap := " " // the bench's model knows only words
	if chat {
		gap = ""
	}
	r := rng.NewStream(11)
	var rows bytes.Buffer
	for range 256 {
		x, y := 1+r.IntN(3), 1+r.IntN(3)
		sum := fmt.Sprintf("%[1]s%[2]d%[1]s+%[1]s%[3]d", gap, x, y)
		must(t, json.NewEncoder(&rows).Encode(lesson(chat, fmt.Sprintf(" check %d", 1+r.IntN(2)), sum)))
		must(t, json.NewEncoder(&rows).Encode(lesson(chat, sum+gap+"=", fmt.Sprintf("%s%d", gap, x+y))))
	}
	must(t, os.WriteFile(b.path("poses.jsonl"), rows.Bytes(), 0o600))
	c := b.config("sft", "base")
	if chat {
		c.Model = "../cmd/spar/testdata/models/chat"
	}
	c.Data.Train, c.Data.Eval = b.path("poses.jsonl"), ""
	c.BatchSize, c.AccumulationSteps, c.MaxSteps, c.SaveSteps, c.LearningRate = 16, 1, 40, 0, config.PerIteration{1e-2}
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
	return b
}

// lesson is a row to learn from.
func lesson(chat bool, prompt, response string) map[string]any {
	if chat {
		return map[string]any{"messages": []map[string]string{{"role": "user", "content": prompt}, {"role": "assistant", "content": response}}}
	}
	return map[string]any{"prompt": prompt, "completion": response}
}

// proposed is a play of two iterations between that model and itself.
func (b bench) proposed(out string) *config.Config {
	c := b.played("arithmetic", out)
	c.Model = b.path("base/policy")
	c.Sampling.MaxNewTokens, c.Play.Objective, c.Data.Eval = 8, "reinforce", ""
	return c
}

// weightsOf is the content of the weights in a directory of a run.
func weightsOf(t *testing.T, c *config.Config, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.OutputDir, name, "model.safetensors"))
	must(t, err)
	return data
}

// TestSeparateRoles: from the same draws the solver apart learns what the solver beside a frozen proposer does, and the proposer apart what the
// proposer does in its turn, bit for bit; the next iteration's tasks are set by the one and solved by the other.
func TestSeparateRoles(t *testing.T) {
	b := newProposer(t, false)
	runs := map[string]*config.Config{}
	for _, roles := range []string{"separate", "frozen", "alternating"} {
		c := b.proposed(roles)
		c.Play.Roles = roles
		runTwice(t, c)
		runs[roles] = c
	}
	c := runs["separate"]
	solver, proposer := weightsOf(t, c, "iter-000/policy"), weightsOf(t, c, "iter-000/proposer")
	if !bytes.Equal(solver, weightsOf(t, runs["frozen"], "iter-000/policy")) {
		t.Error("the solver learnt something else than beside a frozen proposer")
	}
	if !bytes.Equal(proposer, weightsOf(t, runs["alternating"], "iter-000/policy")) {
		t.Error("the proposer learnt something else than in its turn")
	}
	base := weightsOf(t, &config.Config{OutputDir: b.path("base")}, "policy")
	if bytes.Equal(solver, base) || bytes.Equal(proposer, base) || bytes.Equal(solver, proposer) {
		t.Error("a role has learnt nothing: the test shows nothing")
	}
	if !bytes.Equal(policyBytes(t, c), weightsOf(t, c, "iter-001/policy")) {
		t.Error("the run's policy is not the solver's")
	}
	checkActors(t, c)
	read, err := diagnose.Read(fsys.OS, c.OutputDir)
	must(t, err)
	if d := diagnose.Of(read); slices.ContainsFunc(d.Alarms, func(a diagnose.Alarm) bool { return a.Blames == diagnose.Numerics }) {
		t.Errorf("the proposer's steps are taken for the solver's: %+v", d)
	}
	page, err := os.ReadFile(filepath.Join(c.OutputDir, "report.html"))
	must(t, err)
	if !bytes.Contains(page, []byte(">proposer<")) {
		t.Error("the report does not name the proposer")
	}
}

// checkActors: the second iteration's tasks come from the proposer that the first left, its responses from the solver.
func checkActors(t *testing.T, c *config.Config) {
	t.Helper()
	entries, err := journal.Read(fsys.OS, filepath.Join(c.OutputDir, "journal.jsonl"))
	must(t, err)
	for stage, from := range map[string][2]string{
		"propose": {"proposer", "iter-000/proposer"}, "proposer": {"proposer", "iter-000/proposer"},
		"sample": {"update", "iter-000/policy"}, "update": {"update", "iter-000/policy"},
	} {
		done, _ := journal.Find(entries, 1, stage)
		left, _ := journal.Find(entries, 0, from[0])
		if hash := left.Outputs[from[1]]; hash == "" || done.Inputs["policy"] != hash {
			t.Errorf("stage %s of iteration 1 began with %.12s, want %s, %.12s", stage, done.Inputs["policy"], from[1], hash)
		}
	}
	if own := seriesOf(t, c, "proposer/loss"); len(own) != 6 || slices.Max(seriesOf(t, c, "proposer/valid_rate")) == 0 {
		t.Errorf("the proposer took %d steps, want 6; valid proposals: %v", len(own), seriesOf(t, c, "proposer/valid_rate"))
	}
}

// TestKillSeparate kills a play with two policies, which are both held to the first, with levels from the ledger and decided tasks stopped.
func TestKillSeparate(t *testing.T) {
	b := newProposer(t, false)
	c := b.proposed("separate")
	c.Play.Objective, c.Play.Roles, c.Play.KLWeight, c.Play.Curriculum = "grpo", "separate", 0.1, "steer"
	c.Sampling.Samples, c.Sampling.StopDecided, c.SaveSteps = 8, true, 1
	started := time.Now()
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
	checkSteered(t, c)
	if share := savedShare(t, c); share <= 0 {
		t.Errorf("stopping saved %v of the draws: the test shows nothing", share)
	}
	if kl := slices.Concat(seriesOf(t, c, "objective/kl"), seriesOf(t, c, "proposer/objective/kl")); len(kl) != 12 || slices.Max(kl) <= 0 {
		t.Errorf("KL %v, want those of six steps of each policy", kl)
	}
	proposer := weightsOf(t, c, "iter-001/proposer")
	b.killOften(t, c, max(1, kills(t)/4), time.Since(started))
	killed, err := filepath.Glob(c.OutputDir + "-killed-*[0-9]")
	must(t, err)
	for _, dir := range killed {
		if !bytes.Equal(weightsOf(t, &config.Config{OutputDir: dir}, "iter-001/proposer"), proposer) {
			t.Errorf("%s: the proposer differs from that of the undisturbed run", dir)
		}
	}
}
