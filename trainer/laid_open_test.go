package trainer_test

import (
	"context"
	"math"
	"os"
	"strings"
	"testing"

	"spar/trainer"
	"spar/trainer/config"
)

// steps collects n reports.
func steps(t *testing.T, c *config.Config, n int) []trainer.StepReport {
	t.Helper()
	var out []trainer.StepReport
	must(t, trainer.Steps(context.Background(), c, n, trainer.RunOptions{}, func(s trainer.StepReport) error {
		out = append(out, s)
		return nil
	}))
	return out
}

// TestSteps checks a SPIN step on two pairs against the closed form at the reference: loss ln 2, coefficients -+beta/2 over the
// number of pairs, and a move of the log-probs that the gradient predicts.
func TestSteps(t *testing.T) {
	b := newBench(t)
	c := b.config("spin", "steps")
	c.Iterations, c.Data.Train = 1, b.path("pairs.jsonl")
	c.BatchSize, c.AccumulationSteps, c.MaxSteps, c.WarmupRatio, c.MaxGradNorm = 2, 1, 0, 0, 0
	c.Beta, c.LearningRate, c.Shuffle = config.PerIteration{0.5}, config.PerIteration{1e-4}, false
	got := steps(t, c, 2)
	first := got[0]
	if first.Loss != math.Ln2 || len(first.Coef) != 4 || len(first.LogpAfter) != 4 || first.Rows[0] != 1 || first.Rows[1] != 2 {
		t.Fatalf("first step: %+v", first)
	}
	total := 0.0
	for i, want := range []float64{-0.125, 0.125, -0.125, 0.125} {
		if first.Coef[i] != want {
			t.Errorf("coefficient %d is %v, want %v", i, first.Coef[i], want)
		}
		total += first.Coef[i] * (first.LogpAfter[i] - first.Logp[i])
	}
	if total >= 0 {
		t.Errorf("the step raised the loss to first order by %v", total)
	}
	squares := 0.0
	for _, x := range first.Tensors {
		squares += x.Norm * x.Norm
		if len(x.First) != 8 {
			t.Errorf("%s: %d numbers, want 8", x.Name, len(x.First))
		}
	}
	if norm := math.Sqrt(squares); math.Abs(norm-first.GradNorm) > 1e-6*norm {
		t.Errorf("tensor norms give %v, grad_norm is %v", norm, first.GradNorm)
	}
	if got[1].Step != 2 || got[1].Rows[0] != 3 {
		t.Errorf("second step: %+v", got[1])
	}
	if _, err := os.Stat(c.OutputDir); err == nil {
		t.Error("step wrote into output_dir")
	}
}

// TestStepsWithGivenReference uses the rows' own reference sums.
func TestStepsWithGivenReference(t *testing.T) {
	b := newBench(t)
	row := `{"prompt_ids":[1,5,6],"chosen_ids":[7,2],"rejected_ids":[8,9,2],"ref_chosen_logps":-3,"ref_rejected_logps":-20}` + "\n"
	must(t, os.WriteFile(b.path("given.jsonl"), []byte(strings.Repeat(row, 2)), 0o600))
	c := b.config("dpo", "given")
	c.Data.Train = b.path("given.jsonl")
	s := steps(t, c, 1)[0]
	z := 0.1 * ((s.Logp[0] + 3) - (s.Logp[1] + 20))
	if want := math.Log1p(math.Exp(-z)); math.Abs(s.Loss-want) > 1e-12 {
		t.Errorf("loss %v, want %v", s.Loss, want)
	}
}

// TestStepsOfLabelledRows checks KTO on single responses: at the reference every log-ratio is 0, so the loss is 1/2 and the slope
// -+beta/4 by label; the mismatched responses that estimate z0 get none. Mixed labels are refused.
func TestStepsOfLabelledRows(t *testing.T) {
	b := newBench(t)
	c := b.config("dpo", "labels")
	c.LossType, c.Beta, c.Shuffle, c.BatchSize, c.AccumulationSteps = "kto", config.PerIteration{0.5}, false, 2, 1
	c.Data.Train = b.path("labels.jsonl")
	rows := `{"prompt_ids":[3,4],"completion_ids":[5,6],"label":true}` + "\n" + `{"prompt_ids":[7],"completion_ids":[8],"label":false}` + "\n"
	must(t, os.WriteFile(c.Data.Train, []byte(rows), 0o644))
	got := steps(t, c, 1)[0]
	if got.Loss != 0.5 {
		t.Errorf("loss %v, want 1/2", got.Loss)
	}
	for i, want := range []float64{-0.0625, 0, 0.0625, 0} {
		if got.Coef[i] != want {
			t.Errorf("coefficients %v; number %d must be %v", got.Coef, i, want)
		}
	}
	must(t, os.WriteFile(c.Data.Train, []byte(rows+`{"prompt_ids":[3],"chosen_ids":[4],"rejected_ids":[5]}`+"\n"), 0o644))
	err := trainer.Steps(context.Background(), c, 1, trainer.RunOptions{}, func(trainer.StepReport) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "2 of 3 rows have a label") {
		t.Errorf("mixed labels: %v", err)
	}
}
