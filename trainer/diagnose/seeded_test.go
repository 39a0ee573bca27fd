package diagnose_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/loader"
	"spar/loader/pack"
	"spar/native"
	"spar/trainer"
	"spar/trainer/config"
	"spar/trainer/diagnose"
	"spar/trainer/policy"
	"spar/trainer/quickstart"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// seeded makes real runs of a tiny model that has learned the dialect of quickstart's language.
type seeded struct {
	t   *testing.T
	dir string
	lib *native.Library
}

func (s seeded) path(name ...string) string {
	return filepath.Join(append([]string{s.dir}, name...)...)
}

func newSeeded(t *testing.T) seeded {
	lib, err := native.Open(native.Options{})
	must(t, err)
	s := seeded{t, t.TempDir(), lib}
	_, err = quickstart.Run(context.Background(), quickstart.Options{Dir: s.dir, BaseSteps: 400, Iterations: 1, Updates: 1, RealPairs: 64, EvalRows: 8})
	must(t, err)
	s.writeData()
	return s
}

type row map[string]any

func (s seeded) write(name string, rows []row) {
	s.t.Helper()
	var b bytes.Buffer
	for _, r := range rows {
		must(s.t, json.NewEncoder(&b).Encode(r))
	}
	must(s.t, os.WriteFile(s.path(name), b.Bytes(), 0o600))
}

// writeData makes the data sets of the healthy and of the bad runs.
func (s seeded) writeData() {
	r := rng.NewStream(5)
	sums, real, dialect := quickstart.AllSums(), quickstart.Real(), quickstart.Dialect()
	var rows, pairs, foreign []row
	for range 320 {
		x := sums[r.IntN(len(sums))]
		y := real.Sample(x, r)
		rows = append(rows, row{"prompt_ids": x.Prompt(), "completion_ids": y})
		pairs = append(pairs, row{"prompt_ids": x.Prompt(), "chosen_ids": y, "rejected_ids": dialect.Sample(x, r)})
		foreign = append(foreign, row{"prompt_ids": otherLayout(x.Prompt()), "completion_ids": append(slices.Clone(y[:len(y)-1]), 0)})
	}
	s.write("train.jsonl", rows[:256])
	s.write("held.jsonl", rows[256:])
	s.write("pairs.jsonl", pairs[:256])
	s.write("repeated.jsonl", slices.Repeat(rows[:32], 8))
	s.write("foreign.jsonl", foreign[:256])
	s.write("foreign-held.jsonl", foreign[256:])
}

// otherLayout is a prompt as a template of another model might lay it out: another begin token, another order.
func otherLayout(prompt []int32) []int32 {
	out := slices.Clone(prompt[1:])
	slices.Reverse(out)
	return append([]int32{4}, out...)
}

// referTo writes pairs with the log-probs of a model that is not the one that training begins with.
func (s seeded) referTo(model, name string) {
	m, err := loader.Open(model)
	must(s.t, err)
	defer m.Close()
	p, err := policy.Open(s.lib, m, policy.Options{Precision: native.FP32})
	must(s.t, err)
	defer p.Close()
	data, err := os.ReadFile(s.path("pairs.jsonl"))
	must(s.t, err)
	var rows []row
	for line := range bytes.Lines(data) {
		var ids struct {
			Prompt   []int32 `json:"prompt_ids"`
			Chosen   []int32 `json:"chosen_ids"`
			Rejected []int32 `json:"rejected_ids"`
		}
		must(s.t, json.Unmarshal(line, &ids))
		scored, err := p.Score(context.Background(), []pack.Group{{Prompt: ids.Prompt, Responses: [][]int32{ids.Chosen, ids.Rejected}}}, policy.ScoreOptions{})
		must(s.t, err)
		sums := scored[0].Sums()
		rows = append(rows, row{"prompt_ids": ids.Prompt, "chosen_ids": ids.Chosen, "rejected_ids": ids.Rejected, "ref_chosen_logps": sums[0], "ref_rejected_logps": sums[1]})
	}
	s.write(name, rows)
}

// config is a healthy run.
func (s seeded) config(algorithm, out string) *config.Config {
	c := config.Default(s.path("base", "policy"), algorithm, s.path("train.jsonl"))
	c.Data.Eval = s.path("held.jsonl")
	if algorithm == "dpo" {
		c.Data.Train = s.path("pairs.jsonl")
	}
	if c.SelfPlay() {
		c.Iterations = 2
	}
	c.OutputDir = s.path(out)
	c.MaxLength, c.Sampling.MaxNewTokens = 56, 40
	c.AdamBeta2, c.Precision, c.SaveSteps = 0.99, "fp32", 0
	c.BatchSize, c.MaxSteps, c.Beta, c.LearningRate = 32, 20, config.PerIteration{1}, config.PerIteration{1e-4}
	return c
}

func (s seeded) run(c *config.Config) diagnose.Diagnosis {
	s.t.Helper()
	must(s.t, trainer.Run(context.Background(), c, trainer.RunOptions{Library: s.lib}))
	records, err := diagnose.Read(fsys.OS, c.OutputDir)
	must(s.t, err)
	return diagnose.Of(records)
}

// TestSeededRuns breaks one thing in each of several real runs; the diagnosis names it, and nothing in the healthy ones.
func TestSeededRuns(t *testing.T) {
	s := newSeeded(t)
	rate := func(x float64) config.PerIteration { return config.PerIteration{x} }
	for _, x := range []struct {
		name, algorithm string
		change          func(c *config.Config)
		want            diagnose.Part
		alarm           string // the first one
	}{
		{"healthy spin", "spin", func(*config.Config) {}, diagnose.None, ""},
		{"healthy spin in bf16", "spin", func(c *config.Config) { c.Precision, c.LearningRate = "bf16", rate(5e-7) }, diagnose.None, ""},
		{"healthy dpo", "dpo", func(c *config.Config) { c.Beta = rate(0.1) }, diagnose.None, ""},
		{"healthy sft", "sft", func(*config.Config) {}, diagnose.None, ""},
		{"greedy negatives", "spin", func(c *config.Config) { c.Sampling.TopK = 1 }, diagnose.Data, "greedy_negatives"},
		{"nearly greedy negatives", "chi2", func(c *config.Config) { c.Sampling.Temperature = 0.3 }, diagnose.Data, "greedy_negatives"},
		{"truncated negatives", "spin", func(c *config.Config) { c.Sampling.MaxNewTokens, c.TruncatedSamples = 14, "keep" }, diagnose.Truncation, "truncated_samples"},
		{"wrong template", "spin", func(c *config.Config) {
			c.Data.Train, c.Data.Eval = s.path("foreign.jsonl"), s.path("foreign-held.jsonl")
		}, diagnose.Template, "turn_end_unexpected"},
		{"wrong template, sft", "sft", func(c *config.Config) {
			c.Data.Train, c.Data.Eval = s.path("foreign.jsonl"), s.path("foreign-held.jsonl")
		}, diagnose.Template, "turn_end_unexpected"},
		{"rate too small for bf16", "spin", func(c *config.Config) { c.Precision, c.LearningRate = "bf16", rate(5e-9) }, diagnose.Numerics, "update_invisible"},
		{"rate too high", "spin", func(c *config.Config) { c.LearningRate, c.TruncatedSamples = rate(3e-2), "keep" }, diagnose.Numerics, "real_text_forgotten"},
		{"rate too high, sft, nothing held out", "sft", func(c *config.Config) { c.LearningRate, c.Data.Eval = rate(0.1), "" }, diagnose.Numerics, "real_text_forgotten"},
		{"stale reference", "dpo", func(c *config.Config) {
			s.referTo(s.path("healthy sft", "policy"), "stale.jsonl")
			c.Data.Train = s.path("stale.jsonl")
		}, diagnose.Data, "stale_reference"},
		{"duplicated data", "spin", func(c *config.Config) { c.Data.Train = s.path("repeated.jsonl") }, diagnose.Data, "duplicated_data"},
		{"duplicated data, sft", "sft", func(c *config.Config) { c.Data.Train = s.path("repeated.jsonl") }, diagnose.Data, "duplicated_data"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := seeded{t, s.dir, s.lib}
			c := s.config(x.algorithm, x.name)
			x.change(c)
			d := s.run(c)
			first := ""
			if len(d.Alarms) > 0 {
				first = d.Alarms[0].Name
			}
			if d.Bottleneck != x.want || first != x.alarm {
				t.Errorf("diagnosed %s by %q, want %s by %q: %+v", d.Bottleneck, first, x.want, x.alarm, d.Alarms)
			}
		})
	}
}
