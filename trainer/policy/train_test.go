package policy

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/loader"
	"spar/loader/pack"
	"spar/native"
)

// plainWeigh gives the j-th response of every group a fixed weight.
func plainWeigh(first int, scored []Scored) ([][]Coef, error) {
	coef := make([][]float64, len(scored))
	for i, s := range scored {
		for j := range s.Logp {
			coef[i] = append(coef[i], 0.3-0.2*float64(j)+0.01*float64(first+i))
		}
	}
	return PerResponse(coef), nil
}

func accumulate(t *testing.T, p *Policy, gs []pack.Group, tokens int) {
	t.Helper()
	if err := p.Accumulate(context.Background(), gs, tokens, plainWeigh); err != nil {
		t.Fatal(err)
	}
}

// weighted is the loss that plainWeigh is the derivative of.
func weighted(t *testing.T, p *Policy, gs []pack.Group) float64 {
	t.Helper()
	scored := score(t, p, gs, ScoreOptions{})
	coef, _ := plainWeigh(0, scored)
	sum := 0.0
	for i, s := range scored {
		for j, x := range s.Sums() {
			sum += coef[i][j].at(0) * x
		}
	}
	return sum
}

// TestGradients compares directional derivatives, one tensor at a time, with central differences of
// the scores.
func TestGradients(t *testing.T) {
	p := tiny(t, Options{Trainable: true})
	gs := someGroups()
	accumulate(t, p, gs, 0)
	const step = 2e-3
	for _, w := range p.Tensors() {
		norm := 0.0
		for _, g := range w.Grad {
			norm += float64(g) * float64(g)
		}
		norm = math.Sqrt(norm)
		if norm == 0 {
			t.Errorf("%s has no gradient", w.Name)
			continue
		}
		saved := slices.Clone(w.Data)
		at := func(scale float64) float64 {
			for i := range w.Data {
				w.Data[i] = saved[i] + float32(scale*float64(w.Grad[i])/norm)
			}
			if err := p.Reload(); err != nil {
				t.Fatal(err)
			}
			return weighted(t, p, gs)
		}
		measured := (at(step) - at(-step)) / (2 * step)
		at(0)
		if math.Abs(measured-norm) > 0.02*norm+1e-3 {
			t.Errorf("%s: derivative %v along its gradient, whose norm is %v", w.Name, measured, norm)
		}
	}
}

// TestMicroBatches wants gradients of any split to agree to 1e-6 of the largest.
func TestMicroBatches(t *testing.T) {
	p := tiny(t, Options{Trainable: true})
	gs := someGroups()
	accumulate(t, p, gs, 1000)
	whole := gradients(p)
	if err := p.model.ZeroGrad(); err != nil {
		t.Fatal(err)
	}
	accumulate(t, p, gs, 111)
	largest, worst := 0.0, 0.0
	for i, g := range gradients(p) {
		largest, worst = max(largest, math.Abs(float64(whole[i]))), max(worst, math.Abs(float64(g-whole[i])))
	}
	if largest == 0 || worst > 1e-6*largest {
		t.Errorf("largest gradient %v, largest difference %v", largest, worst)
	}
}

func gradients(p *Policy) []float32 {
	var all []float32
	for _, w := range p.Tensors() {
		all = append(all, w.Grad...)
	}
	return all
}

// TestFailureZeroesGradients fails in the second micro-batch.
func TestFailureZeroesGradients(t *testing.T) {
	p := tiny(t, Options{Trainable: true})
	planted := errors.New("planted")
	for name, w := range map[string]Weigh{
		"error": func(first int, s []Scored) ([][]Coef, error) {
			if first > 0 {
				return nil, planted
			}
			return plainWeigh(first, s)
		},
		"NaN": func(first int, s []Scored) ([][]Coef, error) {
			coef, _ := plainWeigh(first, s)
			if first > 0 {
				coef[0][0][0] = math.NaN()
			}
			return coef, nil
		},
		"too few": func(first int, s []Scored) ([][]Coef, error) {
			coef, _ := plainWeigh(first, s)
			return coef[:len(coef)-min(first, 1)], nil
		},
		"too few tokens": func(first int, s []Scored) ([][]Coef, error) {
			coef, _ := plainWeigh(first, s)
			coef[0][0] = append(coef[0][0], 1)
			return coef, nil
		},
	} {
		err := p.Accumulate(context.Background(), someGroups(), 111, w)
		if err == nil || name == "error" && !errors.Is(err, planted) || name == "NaN" && fault.ExitCode(err) != 5 {
			t.Errorf("%s: %v", name, err)
		}
		if slices.ContainsFunc(gradients(p), func(g float32) bool { return g != 0 }) {
			t.Errorf("%s: gradients are left", name)
		}
	}
}

// TestStep moves weights, zeroes gradients, changes the hash, and is refused without optimizer.
func TestStep(t *testing.T) {
	p := tiny(t, Options{Trainable: true})
	if _, err := p.Step(1, 0); !errors.Is(err, errNoOptimizer) {
		t.Errorf("step without optimizer: %v", err)
	}
	if err := p.OpenOptimizer(native.OptimizerConfig{Kind: native.AdamW, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}); err != nil {
		t.Fatal(err)
	}
	gs := someGroups()
	before, hash := weighted(t, p, gs), p.Hash()
	accumulate(t, p, gs, 0)
	norm, err := p.Step(1e-4, 1)
	if err != nil || norm <= 0 {
		t.Fatalf("norm %v, %v", norm, err)
	}
	if after := weighted(t, p, gs); after >= before {
		t.Errorf("the loss went from %v to %v", before, after)
	}
	if p.Hash() == hash || p.OptimizerState().Step != 1 {
		t.Errorf("hash %s, state %+v", p.Hash(), p.OptimizerState().Step)
	}
	if slices.ContainsFunc(gradients(p), func(g float32) bool { return g != 0 }) {
		t.Error("gradients are left")
	}
	if err := p.ResumeOptimizer(12); err != nil || p.OptimizerState().Step != 12 {
		t.Errorf("resume: %v %v", p.OptimizerState().Step, err)
	}
}

// TestSave writes weights and opens them again: same bits in F32.
func TestSave(t *testing.T) {
	source := tinyModelWithTokenizer(t)
	p := openPolicy(t, source, Options{RandomSeed: 3})
	dir := filepath.Join(t.TempDir(), "saved")
	if err := p.Save(fsys.OS, dir, "F32"); err != nil {
		t.Fatal(err)
	}
	m := openSaved(t, dir)
	if m.Tokenizer == nil || m.Tokenizer.Hash() != source.Tokenizer.Hash() {
		t.Error("the tokenizer was not saved")
	}
	again := openPolicy(t, m, Options{Threads: 1})
	sameBits(t, "saved", score(t, again, someGroups(), ScoreOptions{}), score(t, p, someGroups(), ScoreOptions{}))
	if again.Hash() != p.Hash() {
		t.Error("the hash changed on the way through a file")
	}
	if other := tiny(t, Options{RandomSeed: 4}); other.Hash() == p.Hash() {
		t.Error("another seed gives the same weights")
	}
}

func openSaved(t *testing.T, dir string) *loader.Model {
	t.Helper()
	m, err := loader.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// TestRefuseNaN plants a NaN in a file of weights.
func TestRefuseNaN(t *testing.T) {
	p := tiny(t, Options{})
	dir := filepath.Join(t.TempDir(), "saved")
	if err := p.Save(fsys.OS, dir, "F32"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "model.safetensors")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[len(data)-4:], []byte{0, 0, 0xc0, 0x7f})
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(openLibrary(t), openSaved(t, dir), Options{})
	if err == nil || fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), ".weight") && !strings.Contains(err.Error(), ".bias") {
		t.Errorf("NaN weight: %v", err)
	}
}

// TestRandomWeights checks the law of the draws.
func TestRandomWeights(t *testing.T) {
	for _, w := range tiny(t, Options{}).Tensors() {
		sum, squares := 0.0, 0.0
		for _, x := range w.Data {
			sum, squares = sum+float64(x), squares+float64(x)*float64(x)
		}
		n := float64(len(w.Data))
		mean, std := sum/n, math.Sqrt(squares/n)
		switch {
		case len(w.Shape) == 2 && (math.Abs(mean) > 4*weightStd/math.Sqrt(n) || math.Abs(std/weightStd-1) > 4/math.Sqrt(2*n)):
			t.Errorf("%s: mean %v, deviation %v", w.Name, mean, std)
		case strings.HasSuffix(w.Name, ".bias") && squares != 0:
			t.Errorf("%s is not 0", w.Name)
		case strings.HasSuffix(w.Name, "norm.weight") && mean != 1:
			t.Errorf("%s is not 1", w.Name)
		}
	}
}

// TestTokenCoefficients gives every token its own weight: equal ones are one for all, and two halves add up.
func TestTokenCoefficients(t *testing.T) {
	p := tiny(t, Options{Trainable: true})
	with := func(f func(token, tokens int) float64) []float32 {
		t.Helper()
		err := p.Accumulate(context.Background(), someGroups(), 0, func(_ int, scored []Scored) ([][]Coef, error) {
			out := make([][]Coef, len(scored))
			for i, s := range scored {
				for _, logp := range s.Logp {
					c := make(Coef, len(logp))
					for k := range c {
						c[k] = f(k, len(c))
					}
					out[i] = append(out[i], c)
				}
			}
			return out, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		g := slices.Clone(gradients(p))
		if err := p.model.ZeroGrad(); err != nil {
			t.Fatal(err)
		}
		return g
	}
	whole := with(func(int, int) float64 { return 0.5 })
	first := with(func(k, n int) float64 { return map[bool]float64{true: 0.5}[k < n/2] })
	rest := with(func(k, n int) float64 { return map[bool]float64{true: 0.5}[k >= n/2] })
	norm, gap := 0.0, 0.0
	for i := range whole {
		norm += float64(whole[i]) * float64(whole[i])
		d := float64(whole[i] - first[i] - rest[i])
		gap += d * d
	}
	if norm == 0 || gap > 1e-10*norm {
		t.Errorf("the gradients of two halves differ from the whole by %v of %v", math.Sqrt(gap), math.Sqrt(norm))
	}
	if slices.Equal(first, rest) {
		t.Error("the tokens' weights do not reach the gradients")
	}
}
