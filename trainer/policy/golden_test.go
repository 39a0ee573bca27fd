package policy_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"spar/loader"
	"spar/loader/pack"
	"spar/native"
	"spar/trainer/policy"
)

// golden is one testdata/golden/<family>/golden.json, written by scripts/golden/families.py.
type golden struct {
	MaxLength int `json:"max_length"`
	Groups    []struct {
		Prompt    []int32
		Responses [][]int32
	}
	Coefs   [][]float64
	Logp    [][][]float64
	Entropy [][][]float64
	Grads   map[string]struct {
		Norm, Sum float64
		First     []float64
	}
	AdamW   goldenSteps `json:"adamw"`
	RMSProp goldenSteps `json:"rmsprop"`
}

type goldenSteps struct {
	LR          float64 `json:"lr"`
	Steps       int
	Alpha       float64
	WeightDecay float64     `json:"weight_decay"`
	Logp        [][]float64 // sums per response
}

func families(t *testing.T) map[string]golden {
	t.Helper()
	paths, err := filepath.Glob("testdata/golden/*/golden.json")
	if err != nil || len(paths) < 9 {
		t.Fatalf("%d golden families, want at least 9 (%v)", len(paths), err)
	}
	all := map[string]golden{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(b, &g); err != nil {
			t.Fatal(p, err)
		}
		all[filepath.Dir(p)] = g
	}
	return all
}

func (g golden) groups() []pack.Group {
	gs := make([]pack.Group, len(g.Groups))
	for i, in := range g.Groups {
		gs[i] = pack.Group{Key: i, Prompt: in.Prompt, Responses: in.Responses}
	}
	return gs
}

// accumulate adds the gradients of sum_r coef_r logp_r over all groups.
func (g golden) accumulate(t *testing.T, p *policy.Policy) {
	t.Helper()
	err := p.Accumulate(context.Background(), g.groups(), 0, func(first int, scored []policy.Scored) ([][]policy.Coef, error) {
		return policy.PerResponse(g.Coefs[first : first+len(scored)]), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func openPolicy(t *testing.T, dir string, o policy.Options) *policy.Policy {
	t.Helper()
	lib, err := native.Open(native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := loader.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	p, err := policy.Open(lib, m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func forEachISA(t *testing.T, f func(t *testing.T, isa string)) {
	lib, err := native.Open(native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, isa := range lib.Info().ISAs {
		t.Run(isa, func(t *testing.T) { f(t, isa) })
	}
}

// Log-probs and entropies of every family lie within 2e-5 of the float64 truth.
func TestFamiliesAgainstFloat64(t *testing.T) {
	for dir, g := range families(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			forEachISA(t, func(t *testing.T, isa string) {
				p := openPolicy(t, dir, policy.Options{MaxLength: g.MaxLength, ISA: isa, Threads: 2})
				scored, err := p.Score(context.Background(), g.groups(), policy.ScoreOptions{Entropy: true})
				if err != nil {
					t.Fatal(err)
				}
				for i, s := range scored {
					for j := range s.Logp {
						closeTo(t, "logp", s.Logp[j], g.Logp[i][j], 2e-5)
						closeTo(t, "entropy", s.Entropy[j], g.Entropy[i][j], 2e-5)
					}
				}
			})
		})
	}
}

func closeTo(t *testing.T, what string, got []float32, want []float64, limit float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if gap := math.Abs(float64(got[i]) - want[i]); !(gap <= limit) {
			t.Errorf("%s[%d] = %v, want %v (gap %.2g)", what, i, got[i], want[i], gap)
		}
	}
}

// Every tensor's gradient lies within 1e-3 relative of the float64 truth.
func TestGradientsAgainstFloat64(t *testing.T) {
	for dir, g := range families(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			forEachISA(t, func(t *testing.T, isa string) {
				p := openPolicy(t, dir, policy.Options{MaxLength: g.MaxLength, ISA: isa, Threads: 2, Trainable: true})
				g.accumulate(t, p)
				compareGradients(t, p.Tensors(), g)
			})
		})
	}
}

func compareGradients(t *testing.T, tensors []native.Tensor, g golden) {
	t.Helper()
	if len(tensors) != len(g.Grads) {
		t.Fatalf("%d tensors, golden data has %d", len(tensors), len(g.Grads))
	}
	for _, x := range tensors {
		want, ok := g.Grads[x.Name]
		if !ok {
			t.Errorf("%s: not in the golden data", x.Name)
			continue
		}
		var squares float64
		for _, v := range x.Grad {
			squares += float64(v) * float64(v)
		}
		if norm := math.Sqrt(squares); math.Abs(norm-want.Norm) > 1e-3*want.Norm {
			t.Errorf("%s: gradient norm %v, want %v", x.Name, norm, want.Norm)
		}
		for i, w := range want.First {
			if gap := math.Abs(float64(x.Grad[i]) - w); gap > 1e-3*math.Abs(w)+1e-5*want.Norm {
				t.Errorf("%s: gradient[%d] = %v, want %v", x.Name, i, x.Grad[i], w)
			}
		}
	}
}

// Log-probs after one AdamW and after three RMSProp steps follow PyTorch's formulas.
func TestOptimizersAgainstFloat64(t *testing.T) {
	for dir, g := range families(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			adamw := native.OptimizerConfig{Kind: native.AdamW, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: g.AdamW.WeightDecay}
			rmsprop := native.OptimizerConfig{Kind: native.RMSProp, Beta2: g.RMSProp.Alpha, Eps: 1e-8}
			g.train(t, dir, adamw, g.AdamW)
			g.train(t, dir, rmsprop, g.RMSProp)
		})
	}
}

func (g golden) train(t *testing.T, dir string, c native.OptimizerConfig, want goldenSteps) {
	t.Helper()
	p := openPolicy(t, dir, policy.Options{MaxLength: g.MaxLength, Threads: 2, Trainable: true})
	if err := p.OpenOptimizer(c); err != nil {
		t.Fatal(err)
	}
	for range want.Steps {
		g.accumulate(t, p)
		if _, err := p.Step(want.LR, 0); err != nil {
			t.Fatal(err)
		}
	}
	scored, err := p.Score(context.Background(), g.groups(), policy.ScoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range scored {
		for j, logp := range s.Logp {
			sum := 0.0
			for _, v := range logp {
				sum += float64(v)
			}
			if gap := math.Abs(sum - want.Logp[i][j]); gap > 2e-5*float64(len(logp))+1e-4 {
				t.Errorf("kind %d group %d response %d: log-prob %v after %d steps, want %v", c.Kind, i, j, sum, want.Steps, want.Logp[i][j])
			}
		}
	}
}
