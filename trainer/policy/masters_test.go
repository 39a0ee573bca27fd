package policy_test

import (
	"math"
	"testing"

	"spar/native"
	"spar/trainer/policy"
)

// SPIN's learning rate of 5e-7 is far below a bfloat16 step: the fp32 masters must move by it all the same. The first
// AdamW step moves a weight by lr g / (|g| + eps sqrt(1 - beta2)), which is lr for every gradient that is not tiny.
func TestSmallLearningRateMovesTheMasters(t *testing.T) {
	const lr, eps = 5e-7, 1e-8
	dir := "testdata/golden/llama"
	g := families(t)[dir]
	p := openPolicy(t, dir, policy.Options{Precision: native.BF16, MaxLength: g.MaxLength, Trainable: true})
	if err := p.OpenOptimizer(native.OptimizerConfig{Kind: native.AdamW, Beta1: 0.9, Beta2: 0.999, Eps: eps}); err != nil {
		t.Fatal(err)
	}
	g.accumulate(t, p)
	before, grads := map[string][]float32{}, map[string][]float32{}
	for _, x := range p.Tensors() {
		before[x.Name] = append([]float32(nil), x.Data...)
		grads[x.Name] = append([]float32(nil), x.Grad...)
	}
	if _, err := p.Step(lr, 0); err != nil {
		t.Fatal(err)
	}
	moved, visible := 0, 0
	for _, x := range p.Tensors() {
		for i, after := range x.Data {
			grad, was := float64(grads[x.Name][i]), before[x.Name][i]
			if math.Abs(grad) < 1e-4 {
				continue
			}
			want := -math.Copysign(lr, grad)
			ulp := float64(math.Nextafter32(max(was, -was), math.MaxFloat32) - max(was, -was))
			if gap := math.Abs(float64(after) - float64(was) - want); gap > 1e-3*lr+2*ulp {
				t.Fatalf("%s[%d]: %v moved by %g, want %g", x.Name, i, was, float64(after)-float64(was), want)
			}
			moved++
			if math.Float32bits(was)>>16 != math.Float32bits(after)>>16 {
				visible++
			}
		}
	}
	if moved < 5000 {
		t.Fatalf("only %d weights had a gradient", moved)
	}
	if share := float64(visible) / float64(moved); share > 0.02 {
		t.Errorf("%.3f of the weights changed their upper 16 bits; the test's rate is not below a bfloat16 step", share)
	}
}
