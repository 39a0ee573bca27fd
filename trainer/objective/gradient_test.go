package objective

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spar/internal/fault"
)

// gradientVectors are the blocks of testdata/loss_vectors.json about sampled responses.
type gradientVectors struct {
	Groups []struct {
		Rewards []float64
		Std     float64   `json:"std_sample"`
		GRPO    []float64 `json:"adv_sample_std_eps1e-4"`
		DrGRPO  []float64 `json:"adv_mean_only_dr_grpo"`
		Zero    bool      `json:"zero_gradient_group"`
	} `json:"group_advantages"`
	Clip []struct {
		Advantage float64
		Delta     float64 `json:"logp_new_minus_old"`
		Eps       float64
		Loss      float64
		Slope     float64 `json:"dloss_dlogp_new"`
	} `json:"ppo_clip_token"`
	KL []struct {
		D     float64 `json:"logp_ref_minus_logp"`
		K3    float64
		Slope float64 `json:"dk3_dlogp"`
	} `json:"kl_estimators"`
	Aggregation struct {
		PerToken [][]float64 `json:"per_token"`
		Sequence float64     `json:"grpo_mean_of_sequence_means"`
		Token    float64     `json:"token_mean_dapo"`
		Constant float64     `json:"dr_grpo_const_max_len_4"`
	} `json:"loss_aggregation"`
}

func loadGradientVectors(t *testing.T) (v gradientVectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/loss_vectors.json")
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func policyGradient(t interface{ Fatal(...any) }, algorithm string, p GradientParams) PolicyGradient {
	g, err := NewPolicyGradient(algorithm, p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func evaluateDraws(g PolicyGradient, batch ...Draw) []TokenResult {
	out := make([]TokenResult, len(batch))
	g.Evaluate(batch, out)
	return out
}

func TestGroupAdvantageVectors(t *testing.T) {
	groups := loadGradientVectors(t).Groups
	if len(groups) != 5 {
		t.Fatalf("%d groups, want 5", len(groups))
	}
	for _, g := range groups {
		check(t, "std", sampleStd(g.Rewards), g.Std)
		std, centred := Advantages(AdvantageGroupStd, g.Rewards), Advantages(AdvantageGroup, g.Rewards)
		loo, n := Advantages(AdvantageLOO, g.Rewards), float64(len(g.Rewards))
		for i, r := range g.Rewards {
			check(t, "group_std", std[i], g.GRPO[i])
			check(t, "group", centred[i], g.DrGRPO[i])
			others := (mean(g.Rewards)*n - r) / (n - 1)
			if math.Abs(loo[i]-(r-others)) > 1e-15 {
				t.Errorf("loo of %v: %v, want %v", g.Rewards, loo[i], r-others)
			}
		}
		if zero := slices.Max(std) == 0 && slices.Min(std) == 0; zero != g.Zero {
			t.Errorf("%v has signal: %v", g.Rewards, !zero)
		}
		if !slices.Equal(Advantages(AdvantageNone, g.Rewards), g.Rewards) {
			t.Errorf("none changed %v", g.Rewards)
		}
	}
}

// Equal rewards give exact zeros even where their mean is not exact, and so does a group of one.
func TestAdvantagesOfEqualRewards(t *testing.T) {
	for _, kind := range []string{AdvantageGroup, AdvantageGroupStd, AdvantageLOO} {
		for _, rewards := range [][]float64{{0.1, 0.1, 0.1}, {7}, {}} {
			for _, a := range Advantages(kind, rewards) {
				if a != 0 {
					t.Errorf("%s of %v: %v", kind, rewards, a)
				}
			}
		}
	}
	if a := Advantages("mean", []float64{1, 0}); a != nil {
		t.Errorf("an unknown kind gave %v", a)
	}
}

func TestClipVectors(t *testing.T) {
	cases := loadGradientVectors(t).Clip
	if len(cases) != 12 {
		t.Fatalf("%d cases, want 12", len(cases))
	}
	for _, c := range cases {
		p := GradientParams{ClipLow: c.Eps, ClipHigh: c.Eps}
		r := evaluateDraws(policyGradient(t, "grpo", p), Draw{Logp: []float64{c.Delta - 3}, Old: []float64{-3}, Advantage: c.Advantage})[0]
		check(t, "loss", r.Loss, c.Loss)
		check(t, "slope", r.Coef[0], c.Slope)
		if clipped := c.Slope == 0; (r.Clipped == 1) != clipped {
			t.Errorf("%+v: %d tokens clipped", c, r.Clipped)
		}
	}
}

func TestKLVectors(t *testing.T) {
	cases := loadGradientVectors(t).KL
	if len(cases) != 5 {
		t.Fatalf("%d cases, want 5", len(cases))
	}
	p := DefaultGradient()
	p.KLWeight = 0.5
	for _, c := range cases {
		r := evaluateDraws(policyGradient(t, "grpo", p), Draw{Logp: []float64{0}, Ref: []float64{c.D}})[0]
		check(t, "k3", r.KL, c.K3)
		check(t, "loss", r.Loss, 0.5*c.K3)
		check(t, "slope", r.Coef[0], 0.5*c.Slope)
	}
}

func TestAggregationVectors(t *testing.T) {
	v := loadGradientVectors(t).Aggregation
	var batch []Draw
	for _, losses := range v.PerToken {
		d := Draw{Advantage: -losses[0]}
		for range losses {
			d.Logp = append(d.Logp, -1) // at ratio 1 a token's loss is -A
		}
		batch = append(batch, d)
	}
	for aggregation, want := range map[string]float64{AggregateSequence: v.Sequence, AggregateToken: v.Token, AggregateConstant: v.Constant} {
		p := DefaultGradient()
		p.Aggregation, p.MaxLength = aggregation, 4
		total := 0.0
		for _, r := range evaluateDraws(policyGradient(t, "grpo", p), batch...) {
			total += r.Loss
		}
		check(t, aggregation, total, want)
	}
}

func someDraw(t *rapid.T) Draw {
	n := rapid.IntRange(1, 6).Draw(t, "tokens")
	lps := rapid.SliceOfN(rapid.Float64Range(-3, -0.01), n, n)
	return Draw{Logp: lps.Draw(t, "logp"), Old: lps.Draw(t, "old"), Ref: lps.Draw(t, "ref"),
		Advantage: rapid.Float64Range(-2, 2).Draw(t, "advantage")}
}

func someGradient(t *rapid.T) PolicyGradient {
	algorithm := rapid.SampledFrom([]string{"grpo", "dr_grpo", "reinforce", "rft"}).Draw(t, "algorithm")
	p := GradientParams{ClipLow: 0.2, ClipHigh: 0.28, MaxLength: 7}
	if algorithm != "dr_grpo" {
		p.Aggregation = rapid.SampledFrom([]string{"", "token", "sequence", "constant"}).Draw(t, "aggregation")
	}
	if algorithm != "rft" {
		p.KLWeight = rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "kl_weight")
	}
	return policyGradient(t, algorithm, p)
}

// The coefficients are the derivatives of the loss: central differences, away from the clip's kinks.
func TestCoefficientsByDifferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, d := someGradient(t), someDraw(t)
		loss := func() float64 { return evaluateDraws(g, d)[0].Loss }
		coef := evaluateDraws(g, d)[0].Coef
		const h = 1e-6
		for i := range d.Logp {
			if rho := math.Exp(d.Logp[i] - d.Old[i]); math.Abs(rho-0.8) < 1e-4 || math.Abs(rho-1.28) < 1e-4 {
				continue
			}
			at := d.Logp[i]
			d.Logp[i] = at + h
			up := loss()
			d.Logp[i] = at - h
			down := loss()
			d.Logp[i] = at
			if want := (up - down) / (2 * h); math.Abs(coef[i]-want) > 1e-6*(1+math.Abs(want)) {
				t.Fatalf("%s token %d: %v, difference quotient %v", g.Name(), i, coef[i], want)
			}
		}
	})
}

// A step in parts is the step as a whole, bit for bit.
func TestPartsMakeTheStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := someGradient(t)
		batch := rapid.SliceOfN(rapid.Custom(someDraw), 2, 6).Draw(t, "batch")
		whole := evaluateDraws(g, batch...)
		cut := rapid.IntRange(0, len(batch)).Draw(t, "cut")
		size := g.Count(batch[:cut]).Add(g.Count(batch[cut:]))
		parts := make([]TokenResult, len(batch))
		g.EvaluatePart(size, batch[:cut], parts[:cut])
		g.EvaluatePart(size, batch[cut:], parts[cut:])
		for i := range whole {
			if whole[i].Loss != parts[i].Loss || !slices.Equal(whole[i].Coef, parts[i].Coef) {
				t.Fatalf("draw %d: whole %+v, parts %+v", i, whole[i], parts[i])
			}
		}
	})
}

// A draw from the policy itself needs no Old: the ratio is 1, and the gradient is REINFORCE's.
func TestWithoutOldTheRatioIsOne(t *testing.T) {
	d := Draw{Logp: []float64{-2, -900}, Advantage: 3}
	p := DefaultGradient()
	p.Aggregation = AggregateToken
	a, b := evaluateDraws(policyGradient(t, "grpo", p), d)[0], evaluateDraws(policyGradient(t, "reinforce", p), d)[0]
	if !slices.Equal(a.Coef, b.Coef) || a.Coef[0] != -1.5 || a.Loss != -3 || b.Loss != 1353 {
		t.Errorf("grpo %+v, reinforce %+v", a, b)
	}
}

// rft is the mean token loss of what was kept, as sft on the kept responses.
func TestRFTCountsWhatItKeeps(t *testing.T) {
	g := policyGradient(t, "rft", GradientParams{})
	batch := []Draw{{Logp: []float64{-1, -2}, Advantage: 1}, {Logp: []float64{-5, -5, -5}}, {Logp: []float64{-3}, Advantage: 1}}
	if n := g.Count(batch); n != (StepSize{2, 3}) {
		t.Errorf("counts %+v", n)
	}
	out := evaluateDraws(g, batch...)
	if loss := out[0].Loss + out[1].Loss + out[2].Loss; math.Abs(loss-2) > 1e-15 {
		t.Errorf("loss %v, want 2", loss)
	}
	if !slices.Equal(out[1].Coef, []float64{0, 0, 0}) || out[2].Coef[0] != -1.0/3 {
		t.Errorf("coefficients %v, %v", out[1].Coef, out[2].Coef)
	}
}

// Results reuse their slices, and nothing of the last call shines through.
func TestCoefIsReused(t *testing.T) {
	g := policyGradient(t, "rft", GradientParams{})
	out := []TokenResult{{Coef: []float64{9, 9, 9}, Clipped: 4, KL: 1}}
	first := &out[0].Coef[0]
	g.Evaluate([]Draw{{Logp: []float64{-1, -1}}}, out)
	if &out[0].Coef[0] != first || !slices.Equal(out[0].Coef, []float64{0, 0}) || out[0].Clipped != 0 || out[0].KL != 0 {
		t.Errorf("%+v", out[0])
	}
}

func TestNewPolicyGradientRefuses(t *testing.T) {
	with := func(change func(*GradientParams)) GradientParams { p := DefaultGradient(); change(&p); return p }
	for _, c := range []struct {
		algorithm string
		params    GradientParams
		want      string
	}{
		{"ppo", DefaultGradient(), `"ppo" is not one of grpo, dr_grpo, reinforce, rft`},
		{"grpo", with(func(p *GradientParams) { p.ClipLow = 0 }), "clip_low: 0"},
		{"grpo", with(func(p *GradientParams) { p.ClipLow = math.NaN() }), "clip_low: NaN"},
		{"grpo", with(func(p *GradientParams) { p.ClipHigh = -1 }), "clip_high: -1"},
		{"grpo", with(func(p *GradientParams) { p.KLWeight = -1 }), "kl_weight: -1"},
		{"rft", with(func(p *GradientParams) { p.KLWeight = 1 }), "has no KL term"},
		{"grpo", with(func(p *GradientParams) { p.Aggregation = "mean" }), `"mean" is not one of token, sequence, constant`},
		{"dr_grpo", DefaultGradient(), "max_length: 0 tokens"},
		{"dr_grpo", with(func(p *GradientParams) { p.Aggregation = "token" }), "for \"token\" use grpo"},
	} {
		_, err := NewPolicyGradient(c.algorithm, c.params)
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.ExitCode(err) != 2 {
			t.Errorf("NewPolicyGradient(%s) = %v, want %q", c.algorithm, err, c.want)
		}
	}
	if _, err := NewPolicyGradient("reinforce", GradientParams{}); err != nil {
		t.Error(err) // a parameter that the loss does not read may hold anything
	}
}
