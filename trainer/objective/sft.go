package objective

func sftFamily() family {
	return family{"sft", []kind{{lossType: "nll", build: newSFT, needs: Needs{Lengths: true}}}}
}

// sft is maximum likelihood: loss = -lp, divided over a step by the number of its response tokens, so
// that a step's loss is the mean over tokens whatever the lengths and the accumulation.
type sft struct{ name string }

func newSFT(name string, _ Params) Objective { return sft{name} }

func (s sft) Name() string { return s.name }

func (s sft) Needs() Needs { return Needs{Lengths: true} }

func (s sft) Weight(e Example) float64 { return float64(e.LenReal) }

func (s sft) Evaluate(batch []Example, out []Result) {
	for i, e := range batch {
		out[i] = Result{Loss: -e.LpReal, DReal: -1}
	}
}

// addSFT adds weight times the mean token loss of the real response: -lp/len. It keeps the real
// response's likelihood from falling together with the other's, which losses of the gap allow.
func addSFT(weight float64, e Example, r *Result) {
	if weight == 0 || e.LenReal == 0 {
		return
	}
	w := weight / float64(e.LenReal)
	r.Loss -= w * e.LpReal
	r.DReal -= w
}
