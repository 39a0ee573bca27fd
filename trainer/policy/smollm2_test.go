package policy_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"testing"

	"spar/loader/pack"
	"spar/native"
	"spar/trainer/policy"
)

const smollm2 = "../../.deps/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"

// smollm2Rows reads testdata/smollm2.json, written by scripts/golden/smollm2.py.
func smollm2Rows(t *testing.T) (gs []pack.Group, want [][]float64) {
	t.Helper()
	if _, err := os.Stat(smollm2); err != nil {
		t.Fatalf("%v: run scripts/fetch model (make test does)", err)
	}
	b, err := os.ReadFile("testdata/smollm2.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Rows []struct {
			Prompt, Response []int32
			Logp             []float64
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	for i, r := range file.Rows {
		gs = append(gs, pack.Group{Key: i, Prompt: r.Prompt, Responses: [][]int32{r.Response}})
		want = append(want, r.Logp)
	}
	return gs, want
}

func smollm2Errors(t *testing.T, precision native.Precision) (mean, bias, largest float64) {
	t.Helper()
	gs, want := smollm2Rows(t)
	p := openPolicy(t, smollm2, policy.Options{Precision: precision, MaxLength: 128})
	scored, err := p.Score(context.Background(), gs, policy.ScoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0.0
	for i, s := range scored {
		for j, got := range s.Logp[0] {
			gap := float64(got) - want[i][j]
			mean += math.Abs(gap)
			bias += gap
			largest = max(largest, math.Abs(gap))
			n++
		}
	}
	mean, bias = mean/n, bias/n
	t.Logf("%v tokens: mean error %.3g, bias %.3g, largest %.3g", n, mean, bias, largest)
	return mean, bias, largest
}

// In fp32 the log-probs of ordinary text lie within 3e-5 (mean) and 1e-4 (largest) of float64.
func TestSmolLM2Fp32AgainstFloat64(t *testing.T) {
	mean, _, largest := smollm2Errors(t, native.FP32)
	if !(mean <= 3e-5) || !(largest <= 1e-4) {
		t.Errorf("mean error %g (limit 3e-5), largest %g (limit 1e-4)", mean, largest)
	}
}

// In bf16 they lie within 0.045 (mean) with a bias of at most 0.006.
func TestSmolLM2Bf16AgainstFloat64(t *testing.T) {
	mean, bias, _ := smollm2Errors(t, native.BF16)
	if !(mean <= 0.045) || !(math.Abs(bias) <= 0.006) {
		t.Errorf("mean error %g (limit 0.045), bias %g (limit 0.006)", mean, bias)
	}
}
