package optim

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

func TestRMSPropVectors(t *testing.T) {
	data, err := os.ReadFile("../objective/testdata/loss_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		RMSProp struct {
			Params0        []float64
			LR, Alpha, Eps float64
			Steps          []struct {
				Grad, Params []float64
				SquareAvg    []float64 `json:"square_avg"`
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	v := file.RMSProp
	o := NewRMSProp(len(v.Params0))
	if o.Alpha != v.Alpha || o.Epsilon != v.Eps || len(v.Steps) != 3 {
		t.Fatalf("defaults %+v, file %+v", o, v)
	}
	w := v.Params0
	for i, s := range v.Steps {
		o.Step(w, s.Grad, v.LR)
		for k := range w {
			if math.Abs(w[k]-s.Params[k]) > 1e-12*math.Abs(s.Params[k]) {
				t.Errorf("step %d: params[%d] = %.17g, want %.17g", i, k, w[k], s.Params[k])
			}
			if math.Abs(o.SquareAvg[k]-s.SquareAvg[k]) > 1e-12*s.SquareAvg[k] {
				t.Errorf("step %d: square_avg[%d] = %.17g, want %.17g", i, k, o.SquareAvg[k], s.SquareAvg[k])
			}
		}
	}
}
