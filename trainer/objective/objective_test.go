package objective

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spar/internal/fault"
)

// all is every (algorithm, loss type).
func all() (names [][2]string) {
	for _, f := range families() {
		for _, k := range f.kinds {
			names = append(names, [2]string{f.algorithm, k.lossType})
		}
	}
	return names
}

// Before the first step every log-ratio is 0, and the loss is known to the last bit.
func TestLossAtReference(t *testing.T) {
	e := Example{LpReal: -10.25, RefReal: -10.25, LpGen: -7, RefGen: -7, LpProto: -7, LenReal: 3, LenGen: 2}
	for name, want := range map[string]float64{
		"spin/sigmoid": math.Ln2, "dpo/sigmoid": math.Ln2, "spin/hinge": 1, "spin/exp": 1, "spin/linear": 0, "chi2/": 0,
		"space/": 2 * math.Ln2, "dpo/hinge": 1, "dpo/kto": 0.5, "dpo/ipo": 25, "dpo/sppo_hard": 50,
	} {
		algorithm, lossType, _ := strings.Cut(name, "/")
		if got := evaluate(t, algorithm, lossType, Defaults(), e).Loss; got != want {
			t.Errorf("%s: loss %.17g, want exactly %.17g", name, got, want)
		}
	}
}

// Losses and slopes stay finite, and exact, where a careless softplus overflows.
func TestExtremeMargins(t *testing.T) {
	p := Defaults()
	p.Beta = 1
	for _, z := range []float64{-1650, 1650} {
		e := Example{LpReal: z, LpProto: 0, LenReal: 1, LenGen: 1}
		r := evaluate(t, "spin", "sigmoid", p, e)
		if want := max(0, -z); r.Loss != want || r.DReal != -max(0, -z)/1650 || r.DGen != -r.DReal {
			t.Errorf("spin at z = %v: %+v, want loss %v", z, r, want)
		}
		for _, name := range all() {
			r := evaluate(t, name[0], name[1], p, e)
			if name[1] == "exp" && z < 0 {
				continue // exp(1650) has no float64; the doc comment says so
			}
			for _, x := range []float64{r.Loss, r.DReal, r.DGen, r.DProto, r.Margin} {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					t.Errorf("%v at %v: %+v", name, z, r)
				}
			}
		}
	}
}

func someParams(t *rapid.T) Params {
	p := Defaults()
	p.Beta = rapid.Float64Range(0.05, 3).Draw(t, "beta")
	p.C = rapid.Float64Range(0.05, 3).Draw(t, "c")
	p.Alpha = rapid.Float64Range(0.1, 0.9).Draw(t, "alpha")
	p.Mu = rapid.Float64Range(0.2, 5).Draw(t, "mu")
	p.Huber = rapid.Bool().Draw(t, "huber")
	p.LabelSmoothing = rapid.Float64Range(0, 0.4).Draw(t, "label_smoothing")
	p.SFTWeight = rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "sft_weight")
	return p
}

func someExample(t *rapid.T) Example {
	lp := rapid.Float64Range(-8, 0)
	return Example{
		LpReal: lp.Draw(t, "lp_real"), RefReal: lp.Draw(t, "ref_real"), LpGen: lp.Draw(t, "lp_gen"), RefGen: lp.Draw(t, "ref_gen"),
		LpProto: lp.Draw(t, "lp_proto"), LenReal: rapid.IntRange(1, 9).Draw(t, "len_real"), LenGen: rapid.IntRange(1, 9).Draw(t, "len_gen"),
	}
}

// The derivatives are those of the loss: central differences, for every loss.
func TestGradientsByDifferences(t *testing.T) {
	for _, name := range all() {
		t.Run(name[0]+"/"+name[1], func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				o, err := New(name[0], name[1], someParams(t))
				if err != nil {
					t.Fatal(err)
				}
				// kto's reference points are constants, so its pair is checked through single examples.
				e := someExample(t)
				if name[1] == "kto" {
					e.Single, e.Label = true, rapid.Bool().Draw(t, "label")
				}
				loss := func(e Example) float64 {
					var out [1]Result
					o.Evaluate([]Example{e}, out[:])
					return out[0].Loss
				}
				var out [1]Result
				o.Evaluate([]Example{e}, out[:])
				checkSlope(t, o, loss, e, func(e *Example) *float64 { return &e.LpReal }, out[0].DReal)
				checkSlope(t, o, loss, e, func(e *Example) *float64 { return &e.LpGen }, out[0].DGen)
				checkSlope(t, o, loss, e, func(e *Example) *float64 { return &e.LpProto }, out[0].DProto)
			})
		})
	}
}

func checkSlope(t *rapid.T, o Objective, loss func(Example) float64, e Example, field func(*Example) *float64, got float64) {
	const h = 1e-5
	up, down := e, e
	*field(&up) += h
	*field(&down) -= h
	want := (loss(up) - loss(down)) / (2 * h)
	// Near a kink (hinge, Huber) the difference straddles two slopes: both sides must then bound ours.
	before, after := (loss(e)-loss(down))/h, (loss(up)-loss(e))/h
	if math.Abs(before-after) > 0.1*(1+math.Abs(want)) {
		if got < min(before, after)-1e-3 || got > max(before, after)+1e-3 {
			t.Fatalf("%s at a kink: slope %v outside %v .. %v", o.Name(), got, before, after)
		}
		return
	}
	if math.Abs(got-want) > 1e-5*(1+math.Abs(want))+1e-4*math.Abs(before-after) {
		t.Fatalf("%s: slope %v, difference quotient %v", o.Name(), got, want)
	}
}

// The Huber tail starts at twice the target, without a jump, and keeps the sign of the pull.
func TestChi2Tail(t *testing.T) {
	p := Defaults()
	p.Beta, p.Tau, p.Huber = 0.5, 10, true // c = 0.2: targets at 10 nats, tails from 20
	plain := p
	plain.Huber = false
	for _, c := range []struct {
		nats, dReal float64
		same        bool
	}{{0, -0.5, true}, {10, 0, true}, {20, 0.5, true}, {20.001, 0.5, false}, {400, 0.5, false}, {-20, -1.5, true}, {-400, -1.5, false}} {
		e := Example{LpReal: c.nats}
		r, q := evaluate(t, "chi2", "", p, e), evaluate(t, "chi2", "", plain, e)
		if math.Abs(r.DReal-c.dReal) > 1e-12 {
			t.Errorf("at %v nats: slope %v, want %v", c.nats, r.DReal, c.dReal)
		}
		if (r == q) != c.same || math.Abs(c.nats) < 21 && math.Abs(r.Loss-q.Loss) > 1e-6 {
			t.Errorf("at %v nats: with tail %+v, without %+v", c.nats, r, q)
		}
	}
}

func TestKTOReferencePoints(t *testing.T) {
	p := Defaults()
	o, err := New("dpo", "kto", p)
	if err != nil {
		t.Fatal(err)
	}
	// Pair log-ratios: real 3 and 1 (mean 2), generated -4 and 1 (mean -1.5, clamped to 0).
	batch := []Example{{LpReal: 3, LpGen: -4}, {LpReal: 1, LpGen: 1}}
	out := make([]Result, 2)
	o.Evaluate(batch, out)
	want := (1 - sigmoid(0.1*(3-0)) + 1 - sigmoid(0.1*(2-(-4)))) / 2
	if math.Abs(out[0].Loss-want) > 1e-15 {
		t.Errorf("pair loss %v, want %v", out[0].Loss, want)
	}
	single := []Example{{LpReal: 1, Single: true, Label: true, LogRatioMismatched: 5}, {LpReal: 2, Single: true, LogRatioMismatched: -1}}
	o.Evaluate(single, out)
	point := (5.0 - 1.0) / 2 // the mean of the mismatched log-ratios
	if want := sigmoid(0.1 * (point - 2)); math.Abs(out[1].Loss-(1-want)) > 1e-15 {
		t.Errorf("undesirable loss %v, want %v", out[1].Loss, 1-want)
	}
	if out[0].DReal >= 0 || out[1].DReal <= 0 {
		t.Errorf("slopes %v and %v: a desirable response must rise and an undesirable fall", out[0].DReal, out[1].DReal)
	}
}

// A step's sft loss is the mean over its tokens.
func TestSFTIsAMeanOverTokens(t *testing.T) {
	o, err := New("sft", "", Defaults())
	if err != nil {
		t.Fatal(err)
	}
	batch := []Example{{LpReal: -3, LenReal: 1}, {LpReal: -6, LenReal: 5}}
	out := make([]Result, 2)
	o.Evaluate(batch, out)
	loss, weight := 0.0, 0.0
	for i, e := range batch {
		loss, weight = loss+out[i].Loss, weight+o.Weight(e)
	}
	if loss/weight != 1.5 || out[1].DReal != -1 {
		t.Errorf("loss %v, results %+v", loss/weight, out)
	}
}

func TestNewRefuses(t *testing.T) {
	with := func(change func(*Params)) Params { p := Defaults(); change(&p); return p }
	for _, c := range []struct {
		algorithm, lossType string
		params              Params
		want                string
	}{
		{"ppo", "", Defaults(), `"ppo" is not one of sft, dpo, spin, chi2, space, tspin`},
		{"spin", "ipo", Defaults(), "not one of those of spin: sigmoid, hinge, exp, linear"},
		{"spin", "", with(func(p *Params) { p.Beta = 0 }), "beta: 0 is out of range for spin: want a number above 0"},
		{"spin", "", with(func(p *Params) { p.Beta = math.NaN() }), "beta: NaN"},
		{"dpo", "", with(func(p *Params) { p.Beta = math.Inf(1) }), "beta: +Inf"},
		{"dpo", "robust", with(func(p *Params) { p.LabelSmoothing = 0.5 }), "label_smoothing: 0.5"},
		{"dpo", "cdpo", with(func(p *Params) { p.LabelSmoothing = -0.1 }), "label_smoothing: -0.1"},
		{"dpo", "simpo", with(func(p *Params) { p.Gamma = -1 }), "gamma: -1"},
		{"dpo", "kto", with(func(p *Params) { p.UndesirableWeight = 0 }), "undesirable_weight: 0"},
		{"chi2", "", with(func(p *Params) { p.C = 0 }), "c: 0"},
		{"chi2", "", with(func(p *Params) { p.Alpha = 1.1 }), "alpha: 1.1"},
		{"chi2", "", with(func(p *Params) { p.Tau = -1 }), "tau: -1"},
		{"space", "", with(func(p *Params) { p.Mu = 0 }), "mu: 0"},
		{"tspin", "", with(func(p *Params) { p.AnchorWeight = -1 }), "anchor_weight: -1"},
		{"sft", "", with(func(p *Params) { p.SFTWeight = -1 }), "sft_weight: -1"},
	} {
		_, err := New(c.algorithm, c.lossType, c.params)
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.ExitCode(err) != 2 {
			t.Errorf("New(%s, %s) = %v, want %q", c.algorithm, c.lossType, err, c.want)
		}
	}
	// A parameter that the loss does not read may hold anything.
	if _, err := New("spin", "", with(func(p *Params) { p.Mu = -1 })); err != nil {
		t.Error(err)
	}
}
