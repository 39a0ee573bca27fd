package objective

import (
	"math"
	"testing"
)

// TestMixed evaluates a batch of both kinds in one call: each example must have the result that its own objective gives, whatever lies
// beside it, and the two kinds must differ on the same numbers.
func TestMixed(t *testing.T) {
	p := Defaults()
	preference, err := New("dpo", "sigmoid", p)
	if err != nil {
		t.Fatal(err)
	}
	e := Example{LpReal: -12.5, RefReal: -13, LpGen: -9, RefGen: -11, LpProto: -10, LenReal: 5, LenGen: 4}
	marked := e
	marked.Preference = true
	z := p.Beta * ((e.LpReal - e.RefReal) - (e.LpGen - e.RefGen))
	slope := -p.Beta / (1 + math.Exp(z))
	for _, algorithm := range []string{"spin", "chi2", "space", "tspin"} {
		q := p
		q.Beta = 1
		self, err := New(algorithm, "", q)
		if err != nil {
			t.Fatal(err)
		}
		m := Mixed(self, preference)
		var alone [1]Result
		self.Evaluate([]Example{e}, alone[:])
		got := make([]Result, 4)
		m.Evaluate([]Example{marked, e, marked, e}, got)
		for i, r := range got {
			if i%2 == 1 {
				if r != alone[0] {
					t.Errorf("%s: self pair %d has %+v, alone %+v", algorithm, i, r, alone[0])
				}
				continue
			}
			if math.Abs(r.Loss-math.Log1p(math.Exp(-z))) > 1e-12 || math.Abs(r.DReal-slope) > 1e-12 || r.DGen != -r.DReal || r.DProto != 0 {
				t.Errorf("%s: preference pair %d has %+v, want DPO's loss at z = %v and slope %v", algorithm, i, r, z, slope)
			}
			if math.Abs(r.Margin-z) > 1e-12 || r.Loss == alone[0].Loss {
				t.Errorf("%s: preference pair %d has margin %v, want %v", algorithm, i, r.Margin, z)
			}
		}
		if m.Needs() != self.Needs() || m.Weight(e) != 1 || m.Weight(marked) != 1 || m.Name() != self.Name()+"+dpo/sigmoid" {
			t.Errorf("%s: needs %+v, weights %v and %v, name %s", algorithm, m.Needs(), m.Weight(e), m.Weight(marked), m.Name())
		}
	}
}
