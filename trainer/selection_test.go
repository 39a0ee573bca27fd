package trainer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/trainer"
	"spar/trainer/config"
	"spar/trainer/journal"
	"spar/trainer/metrics"
	"spar/trainer/quickstart"
)

// newTasks is newBench with tasks in place of responses: a right response has the digit that the row names in it, which a random
// model manages now and then.
func newTasks(t testing.TB) bench {
	t.Helper()
	b := bench{t.TempDir()}
	must(t, quickstart.WriteModel(fsys.OS, b.path("model"), 7))
	r := rng.NewStream(3)
	sums := quickstart.AllSums()
	for name, n := range map[string]int{"train.jsonl": 12, "held.jsonl": 6} {
		var w bytes.Buffer
		for range n {
			s := sums[r.IntN(len(sums))]
			row := map[string]any{"problem_ids": s.Prompt(), "answer": string(rune('0' + r.IntN(10))), "solution": "1"}
			must(t, json.NewEncoder(&w).Encode(row))
		}
		must(t, os.WriteFile(b.path(name), w.Bytes(), 0o600))
	}
	return b
}

// verified is a run of two iterations of a few steps.
func (b bench) verified(algorithm, out string) *config.Config {
	c := b.config(algorithm, out)
	c.Iterations = 2
	c.Verifier.Name = "regex"
	c.Sampling.Samples, c.Sampling.Temperature, c.Eval.Samples = 3, 1, 2
	return c
}

// TestSelection runs every loop over verified responses end to end.
func TestSelection(t *testing.T) {
	b := newTasks(t)
	for _, algorithm := range []string{"star", "rest", "rest_em", "rft", "vstar"} {
		t.Run(algorithm, func(t *testing.T) {
			c := b.verified(algorithm, algorithm)
			runTwice(t, c)
			checkSelection(t, c)
			checkVerdicts(t, c)
		})
	}
}

// checkSelection looks at the records of a run: how many steps and selections, and that their numbers agree with each other.
func checkSelection(t *testing.T, c *config.Config) {
	t.Helper()
	records, err := metrics.Read(fsys.OS, c.OutputDir)
	must(t, err)
	steps, selections, accuracies := map[int]int{}, 0, 0
	for _, r := range records {
		v := r.Values
		if _, training := v["loss"]; training {
			steps[r.Iteration]++
		}
		if _, verified := v["eval_accuracy"]; verified {
			accuracies++
		}
		if kept, has := v["select/kept"]; has {
			selections++
			if kept < 1 || v["verify/pass_rate"] <= 0 || v["verify/pass_rate"] >= 1 || v["pass_at_k"] < v["pass_at_1"] {
				t.Errorf("iteration %d: %v", r.Iteration, v)
			}
			data, err := os.ReadFile(filepath.Join(c.OutputDir, "iter-00"+string(rune('0'+r.Iteration)), "selected.jsonl"))
			must(t, err)
			if lines := strings.Count(string(data), "\n"); lines != int(kept+v["select/by_people"]) {
				t.Errorf("iteration %d: %d lines in selected.jsonl, %v kept", r.Iteration, lines, kept)
			}
		}
	}
	for i := range c.Iterations {
		if steps[i] != c.StepsAt(i) {
			t.Errorf("iteration %d has %d steps, want %d", i, steps[i], c.StepsAt(i))
		}
	}
	if selections != c.Iterations || accuracies != c.Iterations+1 {
		t.Errorf("%d selections and %d accuracies, want %d and %d", selections, accuracies, c.Iterations, c.Iterations+1)
	}
}

// checkVerdicts looks at the first policy's evaluation: what is shown has its verdict, and the wait for the verifier is told beside the values.
func checkVerdicts(t *testing.T, c *config.Config) {
	t.Helper()
	e, err := metrics.ReadEvaluation(fsys.OS, filepath.Join(c.OutputDir, "baseline", "eval.json"))
	must(t, err)
	for _, x := range e.Examples {
		if x.Verdict != "pass" && x.Verdict != "fail" {
			t.Errorf("%q has the verdict %q", x.Generated, x.Verdict)
		}
	}
	entries, err := journal.Read(fsys.OS, filepath.Join(c.OutputDir, "journal.jsonl"))
	must(t, err)
	for _, e := range entries {
		if spent, told := e.Values["overhead_seconds"]; told != (e.Stage == "remember" || e.Stage == "select" || e.Stage == "update" || e.Stage == "verifier") || spent > e.Seconds {
			t.Errorf("stage %s tells of overheads: %v, %v of %v seconds", e.Stage, told, spent, e.Seconds)
		}
		if _, told := e.Values["verify_wait_seconds"]; told != (e.Stage == "baseline" || e.Stage == "sample" || e.Stage == "retry" || e.Stage == "evaluate") {
			t.Errorf("stage %s tells the wait for the verifier: %v", e.Stage, told)
		}
	}
}

// TestBareAnswers: the answer of a task is no response whose likelihood says anything, so held-out rows without a solution have no loss, and
// nothing to set a limit by.
func TestBareAnswers(t *testing.T) {
	b := newTasks(t)
	data, err := os.ReadFile(b.path("held.jsonl"))
	must(t, err)
	must(t, os.WriteFile(b.path("held.jsonl"), bytes.ReplaceAll(data, []byte(`,"solution":"1"`), nil), 0o600))
	c := b.verified("rest_em", "bare")
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
	e, err := metrics.ReadEvaluation(fsys.OS, filepath.Join(c.OutputDir, "baseline", "eval.json"))
	must(t, err)
	for name := range e.Values {
		if strings.Contains(name, "loss") || strings.Contains(name, "real") {
			t.Errorf("%s is told of bare answers", name)
		}
	}
	if _, told := e.Values["length/generated"]; !told {
		t.Errorf("the samples' own values are missing: %v", e.Values)
	}
	c = b.verified("rest_em", "limited")
	c.Limits.RealLogpDrop = 1
	if err := trainer.Run(context.Background(), c, trainer.RunOptions{}); trainer.ExitCode(err) != 3 || !strings.Contains(err.Error(), "limits.real_logp_drop") {
		t.Errorf("a limit that nothing can pass: %v", err)
	}
}

// TestKillSelection is TestKill for the loops over verified responses.
func TestKillSelection(t *testing.T) {
	b := newTasks(t)
	for _, algorithm := range []string{"star", "rest_em", "vstar"} {
		t.Run(algorithm, func(t *testing.T) {
			reference := b.verified(algorithm, algorithm)
			reference.SaveSteps = 1
			started := time.Now()
			must(t, trainer.Run(context.Background(), reference, trainer.RunOptions{}))
			b.killOften(t, reference, max(1, kills(t)/4), time.Since(started))
		})
	}
}

// killOften kills copies of a finished run until there were so many kills; each must end with the same policy.
func (b bench) killOften(t *testing.T, reference *config.Config, kills int, whole time.Duration) {
	t.Helper()
	want := policyBytes(t, reference)
	r := rng.NewStream(uint64(time.Now().UnixNano()))
	for done, runs := 0, 0; done < kills; runs++ {
		c := *reference
		c.OutputDir = fmt.Sprintf("%s-killed-%d", reference.OutputDir, runs)
		done += b.killUntilDone(t, &c, r, whole)
		if !bytes.Equal(policyBytes(t, &c), want) {
			t.Fatalf("run %d: the policy differs from that of the undisturbed run; kept in %s", runs, c.OutputDir)
		}
	}
}
