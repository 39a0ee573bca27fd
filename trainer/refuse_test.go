package trainer_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spar/internal/fsys"
	"spar/trainer"
	"spar/trainer/config"
)

// TestRefusals lists what a run must not begin or continue with; each error names the place and the remedy.
func TestRefusals(t *testing.T) {
	b := newBench(t)
	finished := b.config("sft", "finished")
	must(t, trainer.Run(context.Background(), finished, trainer.RunOptions{}))
	write := func(name, text string) string {
		must(t, os.WriteFile(b.path(name), []byte(text), 0o600))
		return b.path(name)
	}
	for _, x := range []struct {
		name   string
		change func(c *config.Config)
		want   []string
	}{
		{"changed rate", func(c *config.Config) { c.OutputDir, c.LearningRate = finished.OutputDir, config.PerIteration{1e-5} },
			[]string{"begun with other inputs", "learning_rate was 0.001 and is 1e-05", "another output_dir"}},
		{"changed seed", func(c *config.Config) { c.OutputDir, c.Seed = finished.OutputDir, 9 }, []string{"seed was 0 and is 9"}},
		{"no model", func(c *config.Config) { c.Model = b.path("absent") }, []string{"absent"}},
		{"no data", func(c *config.Config) { c.Data.Train = b.path("absent.jsonl") }, []string{"absent.jsonl"}},
		{"empty data", func(c *config.Config) { c.Data.Train = write("empty.jsonl", "") }, []string{"empty.jsonl", "no rows"}},
		{"bad line", func(c *config.Config) {
			c.Data.Train = write("bad.jsonl", `{"prompt_ids":[1],"completion_ids":[2]}`+"\nx\n")
		}, []string{"bad.jsonl", "2", "instead of a JSON value"}},
		{"id out of range", func(c *config.Config) {
			c.Data.Train = write("range.jsonl", `{"prompt_ids":[1],"completion_ids":[31]}`+"\n")
		},
			[]string{"range.jsonl:1", "id 31 is outside of the model's vocabulary of 31"}},
		{"long prompt", func(c *config.Config) { c.MaxLength, c.Sampling.MaxNewTokens = 6, 2 }, []string{"train.jsonl:1", "max_length 6", "long_prompts"}},
		{"nothing left", func(c *config.Config) { c.MaxLength, c.Sampling.MaxNewTokens, c.LongPrompts = 6, 2, "exclude" }, []string{"none of its 16 rows is left", "long prompts left out"}},
		{"only a prompt", func(c *config.Config) { c.Data.Train = write("prompt.jsonl", `{"prompt":" 1 2"}`+"\n") }, []string{"prompt.jsonl:1", "no response to learn from"}},
		{"no template", func(c *config.Config) {
			c.Data.Train = write("chat.jsonl", `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`+"\n")
		}, []string{"chat.jsonl:1", "no chat template"}},
		{"dpo without pairs", func(c *config.Config) { c.Algorithm = "dpo" }, []string{"train.jsonl:1", "dpo needs a chosen and a rejected response"}},
		{"longer than the model", func(c *config.Config) { c.MaxLength = 100000 }, []string{"max_length 100000"}},
		{"backend", func(c *config.Config) { c.Backend = "cuda" }, []string{"only cpu is built"}},
		{"too big a drop", func(c *config.Config) { c.BatchSize, c.DropLast = 64, true }, []string{"dataloader_drop_last"}},
		{"file as run directory", func(c *config.Config) { c.OutputDir = write("file", "x") }, []string{"output_dir"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := b.config("sft", "refused-"+strings.ReplaceAll(x.name, " ", "-"))
			x.change(c)
			err := trainer.Run(context.Background(), c, trainer.RunOptions{})
			if trainer.ExitCode(err) != 3 {
				t.Fatalf("got %v (exit code %d), want class Input", err, trainer.ExitCode(err))
			}
			for _, part := range x.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error %q lacks %q", err, part)
				}
			}
		})
	}
}

func TestLockedDirectory(t *testing.T) {
	b := newBench(t)
	c := b.config("sft", "locked")
	must(t, os.MkdirAll(c.OutputDir, 0o755))
	lock, err := fsys.OS.Lock(filepath.Join(c.OutputDir, "lock"))
	must(t, err)
	err = trainer.Run(context.Background(), c, trainer.RunOptions{})
	if trainer.ExitCode(err) != 3 || !strings.Contains(err.Error(), "another process is working in this run directory") {
		t.Errorf("got %v", err)
	}
	must(t, lock.Close())
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
}

// TestDamage changes files of a finished run: nothing damaged is used, and the run is made whole.
func TestDamage(t *testing.T) {
	b := newBench(t)
	c := b.mixed("spin", "damaged")
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
	want := policyBytes(t, c)
	for _, name := range []string{"policy/model.safetensors", "iter-001/policy/model.safetensors", "iter-001/pairs.jsonl", "iter-001/rollouts/train.shard", "preferences.shard"} {
		path := filepath.Join(c.OutputDir, name)
		data, err := os.ReadFile(path)
		must(t, err)
		data[len(data)/2] ^= 1
		must(t, os.Remove(path)) // policy files share their content through links
		must(t, os.WriteFile(path, data, 0o600))
		if err := trainer.Run(context.Background(), c, trainer.RunOptions{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if string(policyBytes(t, c)) != string(want) {
			t.Fatalf("%s: the repaired run has another policy", name)
		}
	}
	journalPath := filepath.Join(c.OutputDir, "journal.jsonl")
	data, err := os.ReadFile(journalPath)
	must(t, err)
	data[len(data)/2] ^= 1
	must(t, os.WriteFile(journalPath, data, 0o600))
	if err := trainer.Run(context.Background(), c, trainer.RunOptions{}); trainer.ExitCode(err) != 3 || !strings.Contains(err.Error(), "journal.jsonl:") {
		t.Errorf("damaged journal: got %v", err)
	}
}

// TestDiverged drives a run to infinity: exit code 5, naming iteration and step, and no policy.
func TestDiverged(t *testing.T) {
	b := newBench(t)
	c := b.config("spin", "diverged")
	c.LossType, c.Beta, c.LearningRate = "exp", config.PerIteration{1000}, config.PerIteration{0.1}
	c.WarmupRatio, c.MaxSteps, c.MaxGradNorm = 0, 50, 0
	err := trainer.Run(context.Background(), c, trainer.RunOptions{})
	if trainer.ExitCode(err) != 5 || !strings.Contains(err.Error(), "iteration 0, stage update: step ") {
		t.Errorf("got %v (exit code %d), want class NonFinite with iteration and step", err, trainer.ExitCode(err))
	}
	if _, err := os.Stat(filepath.Join(c.OutputDir, "policy")); err == nil {
		t.Error("a diverged run promoted a policy")
	}
}

// TestMoreIterations continues a finished run with a larger number of iterations.
func TestMoreIterations(t *testing.T) {
	b := newBench(t)
	long := b.config("spin", "long")
	must(t, trainer.Run(context.Background(), long, trainer.RunOptions{}))
	grown := b.config("spin", "grown")
	grown.Iterations = 1
	must(t, trainer.Run(context.Background(), grown, trainer.RunOptions{}))
	grown.Iterations = 2
	must(t, trainer.Run(context.Background(), grown, trainer.RunOptions{}))
	if string(policyBytes(t, grown)) != string(policyBytes(t, long)) {
		t.Error("one iteration and then another differ from two")
	}
}
