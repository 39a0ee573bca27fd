package policy

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"spar/native"
)

// rmspropVectors are steps of torch.optim.RMSprop in float64.
type rmspropVectors struct {
	Params0        []float64
	LR, Alpha, Eps float64
	Steps          []struct {
		Grad, Params []float64
		SquareAvg    []float64 `json:"square_avg"`
	}
}

// TestRMSPropVectors gives the first weights of a tensor the gradients of the vectors, step by step: the engine
// agrees to float32 rounding, and weights without a gradient stay as they are.
func TestRMSPropVectors(t *testing.T) {
	data, err := os.ReadFile("../objective/testdata/loss_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ RMSProp rmspropVectors }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	v := file.RMSProp
	if len(v.Params0) != 2 || len(v.Steps) != 3 {
		t.Fatalf("vectors are %+v", v)
	}
	p := tiny(t, Options{Trainable: true})
	if err := p.OpenOptimizer(native.OptimizerConfig{Kind: native.RMSProp, Beta2: v.Alpha, Eps: v.Eps}); err != nil {
		t.Fatal(err)
	}
	w := p.Tensors()[0]
	for i, x := range v.Params0 {
		w.Data[i] = float32(x)
	}
	untouched := w.Data[len(v.Params0)]
	for n, s := range v.Steps {
		for i, g := range s.Grad {
			w.Grad[i] = float32(g)
		}
		if _, err := p.Step(v.LR, 0); err != nil {
			t.Fatal(err)
		}
		square := p.OptimizerState().First[w.Offset:]
		for i := range s.Params {
			if math.Abs(float64(w.Data[i])-s.Params[i]) > 3e-7 {
				t.Errorf("step %d: params[%d] = %.9g, want %.17g", n+1, i, w.Data[i], s.Params[i])
			}
			if math.Abs(float64(square[i])-s.SquareAvg[i]) > 1e-6*s.SquareAvg[i] {
				t.Errorf("step %d: square_avg[%d] = %.9g, want %.17g", n+1, i, square[i], s.SquareAvg[i])
			}
		}
	}
	if w.Data[len(v.Params0)] != untouched {
		t.Errorf("a weight without gradient went from %v to %v", untouched, w.Data[len(v.Params0)])
	}
}
