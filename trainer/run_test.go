package trainer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/trainer"
	"spar/trainer/config"
	"spar/trainer/journal"
	"spar/trainer/metrics"
	"spar/trainer/quickstart"
)

// bench is a directory with a tiny random model and small data sets, made once for each test.
type bench struct {
	dir string
}

func newBench(t testing.TB) bench {
	t.Helper()
	b := bench{t.TempDir()}
	must(t, quickstart.WriteModel(fsys.OS, b.path("model"), 7))
	r := rng.NewStream(3)
	real, dialect := quickstart.Real(), quickstart.Dialect()
	var train, held, pairs bytes.Buffer
	sums := quickstart.AllSums()
	for i := range 24 {
		s := sums[r.IntN(len(sums))]
		write := func(w *bytes.Buffer, row map[string]any) { must(t, json.NewEncoder(w).Encode(row)) }
		if i < 16 {
			write(&train, map[string]any{"prompt_ids": s.Prompt(), "completion_ids": real.Sample(s, r)})
			write(&pairs, map[string]any{"prompt_ids": s.Prompt(), "chosen_ids": real.Sample(s, r), "rejected_ids": dialect.Sample(s, r)})
		} else {
			write(&held, map[string]any{"prompt_ids": s.Prompt(), "completion_ids": real.Sample(s, r)})
		}
	}
	must(t, os.WriteFile(b.path("train.jsonl"), train.Bytes(), 0o600))
	must(t, os.WriteFile(b.path("held.jsonl"), held.Bytes(), 0o600))
	must(t, os.WriteFile(b.path("pairs.jsonl"), pairs.Bytes(), 0o600))
	return b
}

func (b bench) path(name string) string { return filepath.Join(b.dir, name) }

// config is a run of a few steps.
func (b bench) config(algorithm, out string) *config.Config {
	c := config.Default(b.path("model"), algorithm, b.path("train.jsonl"))
	c.Data.Eval = b.path("held.jsonl")
	if algorithm == "dpo" {
		c.Data.Train = b.path("pairs.jsonl")
	}
	if c.SelfPlay() {
		c.Iterations = 2
	}
	c.OutputDir = b.path(out)
	c.MaxLength, c.Sampling.MaxNewTokens = 56, 24
	c.TruncatedSamples = "keep" // a random model rarely ends by itself
	c.BatchSize, c.AccumulationSteps, c.MaxSteps, c.SaveSteps = 4, 2, 5, 2
	c.LearningRate, c.Precision, c.Threads = config.PerIteration{1e-3}, "fp32", 1
	c.Eval.Examples = 2
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// policyBytes is the content of the run's promoted weights.
func policyBytes(t testing.TB, c *config.Config) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.OutputDir, "policy", "model.safetensors"))
	must(t, err)
	return data
}

// runTwice does a run and does it again, which must change nothing.
func runTwice(t *testing.T, c *config.Config) {
	t.Helper()
	var log bytes.Buffer
	if err := trainer.Run(context.Background(), c, trainer.RunOptions{Log: &log}); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	before := policyBytes(t, c)
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
	if !bytes.Equal(before, policyBytes(t, c)) {
		t.Error("running a finished run again changed the policy")
	}
}

// TestAlgorithms runs every algorithm end to end and looks at what it leaves.
func TestAlgorithms(t *testing.T) {
	b := newBench(t)
	for _, algorithm := range []string{"spin", "chi2", "space", "tspin", "dpo", "sft"} {
		t.Run(algorithm, func(t *testing.T) {
			c := b.config(algorithm, algorithm)
			runTwice(t, c)
			checkMetrics(t, c)
			for _, name := range []string{"run.json", "report.html", "policy/config.json", "policy/tokenizer.json", "iter-000/eval.json", "baseline/eval.json", "tb"} {
				if _, err := os.Stat(filepath.Join(c.OutputDir, name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// checkMetrics looks at the steps of a run: their number, and that SPIN starts every iteration at exactly ln 2.
func checkMetrics(t *testing.T, c *config.Config) {
	t.Helper()
	records, err := metrics.Read(fsys.OS, c.OutputDir)
	must(t, err)
	steps := map[int]int{}
	for _, r := range records {
		loss, training := r.Values["loss"]
		if !training {
			continue
		}
		steps[r.Iteration]++
		if r.Values["grad_norm"] <= 0 {
			t.Errorf("step %d: gradient norm %v", r.Step, r.Values["grad_norm"])
		}
		if c.Algorithm == "spin" && steps[r.Iteration] == 1 && (loss != math.Ln2 || r.Values["rewards/margins"] != 0) {
			t.Errorf("iteration %d starts at loss %v and margin %v, want exactly ln 2 and 0", r.Iteration, loss, r.Values["rewards/margins"])
		}
	}
	for i := range c.Iterations {
		if steps[i] != c.MaxSteps {
			t.Errorf("iteration %d has %d steps in metrics.jsonl, want %d", i, steps[i], c.MaxSteps)
		}
	}
}

// TestSettingsReachTheRun checks keys that change what is trained on.
func TestSettingsReachTheRun(t *testing.T) {
	b := newBench(t)
	c := b.config("spin", "mixed")
	c.Beta, c.LearningRate = config.PerIteration{0.1, 5}, config.PerIteration{1e-3, 1e-4}
	c.MixPrevious, c.Sampling.Samples, c.Optim, c.Scheduler = true, 2, "rmsprop", "cosine"
	c.TokensPerBatch, c.MaxSteps, c.Epochs = 300, 0, 1.5
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
	entries, err := journal.Read(fsys.OS, filepath.Join(c.OutputDir, "journal.jsonl"))
	must(t, err)
	for iteration, want := range []int64{32, 64} {
		if e, _ := journal.Find(entries, iteration, "pair"); e.Counts["pairs"] != want {
			t.Errorf("iteration %d: %d pairs, want %d", iteration, e.Counts["pairs"], want)
		}
	}
	peak := map[int]float64{}
	records, err := metrics.Read(fsys.OS, c.OutputDir)
	must(t, err)
	for _, r := range records {
		peak[r.Iteration] = max(peak[r.Iteration], r.Values["learning_rate"])
		if r.Values["epoch"] > 1.85 { // one and a half, up to the end of a step
			t.Errorf("step %d is in epoch %v", r.Step, r.Values["epoch"])
		}
	}
	if peak[0] > 1e-3 || peak[0] < 5e-4 || peak[1] > 1e-4 || peak[1] < 5e-5 {
		t.Errorf("peak learning rates %v", peak)
	}
}

// TestTruncated checks the rule for generated responses that ran out of tokens.
func TestTruncated(t *testing.T) {
	b := newBench(t)
	c := b.config("spin", "truncated")
	c.TruncatedSamples, c.Sampling.MaxNewTokens = "exclude", 1
	err := trainer.Run(context.Background(), c, trainer.RunOptions{})
	if trainer.ExitCode(err) != 3 || !strings.Contains(err.Error(), "raise sampling.max_new_tokens") {
		t.Errorf("got %v, want class Input and the remedy", err)
	}
}

// TestChangedSharePerUpdate: an update is compared with the weights that it began with, whether or not the iteration before ran in the
// same process.
func TestChangedSharePerUpdate(t *testing.T) {
	b := newBench(t)
	whole, parted := b.config("spin", "whole"), b.config("spin", "parted")
	must(t, trainer.Run(context.Background(), whole, trainer.RunOptions{}))
	parted.Iterations = 1
	must(t, trainer.Run(context.Background(), parted, trainer.RunOptions{}))
	parted.Iterations = 2
	must(t, trainer.Run(context.Background(), parted, trainer.RunOptions{}))
	for _, name := range []string{"update/moved_share", "update/visible_share"} {
		a, b := seriesOf(t, whole, name), seriesOf(t, parted, name)
		if len(a) != 2 || !slices.Equal(a, b) {
			t.Errorf("%s is %v in one process and %v in two", name, a, b)
		}
	}
}
