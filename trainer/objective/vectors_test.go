package objective

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// vectors mirrors the parts of testdata/loss_vectors.json that belong to this package. The file was
// computed with 60-digit arithmetic.
type vectors struct {
	SequenceCases []vectorCase `json:"sequence_cases"`
	Identities    []struct {
		ID      string
		Example map[string]json.RawMessage
	}
	TokenLevel struct {
		Real, Generated tokenSide
		SequenceLogp    map[string]float64 `json:"sequence_logp"`
		Losses          map[string]struct {
			Params      map[string]float64
			Loss        float64            `json:"loss_value"`
			DLogp       map[string]float64 `json:"dloss_dlogp"`
			DLogitsReal [][]float64        `json:"dloss_dlogits_real"`
			DLogitsGen  [][]float64        `json:"dloss_dlogits_generated"`
		}
	} `json:"token_level"`
}

type vectorCase struct {
	ID     string
	Loss   string
	Params map[string]any
	Inputs map[string]float64
	Value  float64            `json:"loss_value"`
	Grad   map[string]float64 `json:"grad_wrt_logp"`
	Logged map[string]float64
}

type tokenSide struct {
	Tokens       []int
	PolicyLogits [][]float64 `json:"policy_logits"`
	RefLogits    [][]float64 `json:"ref_logits"`
}

func loadVectors(t *testing.T) vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/loss_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// near holds when got is within 1e-12 of want, relative.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-12*math.Abs(want) }

func check(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !near(got, want) {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}

// vectorLosses maps the file's loss names to ours.
var vectorLosses = map[string][2]string{
	"spin_logistic": {"spin", "sigmoid"}, "spin_hinge": {"spin", "hinge"}, "spin_exponential": {"spin", "exp"},
	"spin_logistic_plus_sft": {"spin", "sigmoid"}, "chi2_lsq": {"chi2", "chi2_lsq"}, "space_nce": {"space", "nce"},
	"t_spin": {"tspin", "tspin"}, "dpo": {"dpo", "sigmoid"}, "cdpo": {"dpo", "cdpo"}, "robust_dpo": {"dpo", "robust"},
	"ipo": {"dpo", "ipo_sum"}, "ipo_len_norm": {"dpo", "ipo"}, "simpo": {"dpo", "simpo"}, "sppo_hard": {"dpo", "sppo_hard"},
}

// vectorParams reads the file's parameters, whose names differ by loss.
func vectorParams(loss string, in map[string]any) Params {
	p := Defaults()
	beta := map[string]string{"ipo": "tau", "ipo_len_norm": "tau", "t_spin": "alpha"}[loss]
	if beta == "" {
		beta = "beta"
	}
	for key, field := range map[string]*float64{beta: &p.Beta, "c": &p.C, "mu": &p.Mu, "gamma": &p.Gamma,
		"eps": &p.LabelSmoothing, "beta_hist": &p.AnchorWeight, "sft_weight": &p.SFTWeight} {
		if v, ok := in[key].(float64); ok {
			*field = v
		}
	}
	if v, ok := in["alpha"].(float64); ok && loss == "chi2_lsq" {
		p.Alpha = v
	}
	return p
}

func vectorExample(c vectorCase) Example {
	pick := func(names ...string) float64 {
		for _, n := range names {
			if v, ok := c.Inputs[n]; ok {
				return v
			}
		}
		return 0
	}
	length := func(names ...string) int {
		for _, n := range names {
			if v, ok := c.Params[n].(float64); ok {
				return int(v)
			}
		}
		return 0
	}
	return Example{
		LpReal: pick("lp_real", "lp_chosen"), RefReal: pick("ref_real", "ref_chosen"),
		LpGen: pick("lp_gen", "lp_rejected"), RefGen: pick("ref_gen", "ref_rejected"),
		LpProto: pick("lp_proto"),
		LenReal: length("len_real", "len_chosen"), LenGen: length("len_gen", "len_rejected"),
	}
}

func evaluate(t *testing.T, algorithm, lossType string, p Params, e Example) Result {
	t.Helper()
	o, err := New(algorithm, lossType, p)
	if err != nil {
		t.Fatal(err)
	}
	var out [1]Result
	o.Evaluate([]Example{e}, out[:])
	return out[0]
}

func TestSequenceVectors(t *testing.T) {
	done := 0
	for _, c := range loadVectors(t).SequenceCases {
		if c.Loss == "kto" {
			continue // TestKTOVectors
		}
		t.Run(c.ID, func(t *testing.T) {
			name := vectorLosses[c.Loss]
			r := evaluate(t, name[0], name[1], vectorParams(c.Loss, c.Params), vectorExample(c))
			check(t, "loss", r.Loss, c.Value)
			for key, want := range c.Grad {
				got := map[string]float64{"lp_real": r.DReal, "lp_chosen": r.DReal, "lp_gen": r.DGen,
					"lp_rejected": r.DGen, "lp_proto": r.DProto}[key]
				check(t, key, got, want)
			}
			for key, want := range c.Logged {
				got := map[string]float64{"reward_real": r.RewardReal, "reward_chosen": r.RewardReal,
					"reward_generated": r.RewardGen, "reward_rejected": r.RewardGen, "margin": r.Margin, "accuracy": r.Accuracy}[key]
				check(t, key, got, want)
			}
		})
		done++
	}
	if done != 90 {
		t.Errorf("%d cases, want 90: is the file whole?", done)
	}
}

func TestKTOVectors(t *testing.T) {
	done := 0
	for _, c := range loadVectors(t).SequenceCases {
		if c.Loss != "kto" {
			continue
		}
		done++
		weight, label := c.Params["weight"].(float64), c.Params["label"] == "desirable"
		p := Defaults()
		p.Beta, p.DesirableWeight, p.UndesirableWeight = c.Params["beta"].(float64), weight, weight
		e := Example{LpReal: c.Inputs["lp"], RefReal: c.Inputs["ref"], Single: true, Label: label,
			LogRatioMismatched: c.Params["z0_raw"].(float64)}
		r := evaluate(t, "dpo", "kto", p, e)
		check(t, c.ID+" loss", r.Loss, c.Value)
		check(t, c.ID+" gradient", r.DReal, c.Grad["lp"])
	}
	if done != 12 {
		t.Errorf("%d cases, want 12", done)
	}
}

func TestIdentityVectors(t *testing.T) {
	at := func(raw json.RawMessage) Example {
		var in map[string]float64
		if err := json.Unmarshal(raw, &in); err != nil {
			t.Fatal(err)
		}
		return vectorExample(vectorCase{Inputs: in})
	}
	number := func(raw json.RawMessage) (x float64) {
		if err := json.Unmarshal(raw, &x); err != nil {
			t.Fatal(err)
		}
		return x
	}
	for _, id := range loadVectors(t).Identities {
		p := Defaults()
		switch id.ID {
		case "chi2_equals_sppo_hard":
			p.Beta, p.C = number(id.Example["beta"]), number(id.Example["c"])
			scale := p.C * p.Beta * p.Beta / 2
			chi := evaluate(t, "chi2", "", p, at(id.Example["inputs"]))
			q := p
			q.Beta = p.C * p.Beta / 2
			sppo := evaluate(t, "dpo", "sppo_hard", q, at(id.Example["inputs"]))
			check(t, id.ID, chi.Loss, number(id.Example["value"]))
			check(t, id.ID, scale*sppo.Loss-1/p.C, chi.Loss)
			check(t, id.ID, scale*sppo.DReal, chi.DReal)
			check(t, id.ID, scale*sppo.DGen, chi.DGen)
		case "space_mu1_equals_two_independent_logistics":
			e := at(id.Example["inputs"])
			r := evaluate(t, "space", "", p, e)
			check(t, id.ID, r.Loss, number(id.Example["value"]))
			check(t, id.ID, r.Loss, softplus(e.RefReal-e.LpReal)+softplus(e.LpGen-e.RefGen))
		case "spin_equals_dpo":
			p.Beta = number(id.Example["beta"])
			e := at(id.Example["inputs"])
			spin, dpo := evaluate(t, "spin", "sigmoid", p, e), evaluate(t, "dpo", "sigmoid", p, e)
			if spin != dpo {
				t.Errorf("spin %+v, dpo %+v", spin, dpo)
			}
			check(t, id.ID, spin.Loss, number(id.Example["value"]))
		case "shift_invariance":
			shifted := at(id.Example["inputs_shifted_by_plus_2"])
			base := shifted
			base.LpReal, base.LpGen = base.LpReal-2, base.LpGen-2
			for key, loss := range map[string]string{"spin_logistic_b0.1": "spin", "chi2_lsq_b1_a0.5_c1": "chi2", "space_nce_mu1": "space"} {
				p := Defaults()
				if loss == "chi2" {
					p.Beta, p.C = 1, 1
				}
				var want []float64
				if err := json.Unmarshal(id.Example[key], &want); err != nil {
					t.Fatal(err)
				}
				check(t, key, evaluate(t, loss, "", p, base).Loss, want[0])
				check(t, key+" shifted", evaluate(t, loss, "", p, shifted).Loss, want[1])
			}
		default:
			t.Errorf("unknown identity %s", id.ID)
		}
	}
}

// logSoftmax returns the log-probs of a row of logits.
func logSoftmax(row []float64) []float64 {
	most, sum := row[0], 0.0
	for _, x := range row {
		most = max(most, x)
	}
	for _, x := range row {
		sum += math.Exp(x - most)
	}
	out := make([]float64, len(row))
	for i, x := range row {
		out[i] = x - most - math.Log(sum)
	}
	return out
}

func sumLogp(tokens []int, logits [][]float64) (sum float64) {
	for i, k := range tokens {
		sum += logSoftmax(logits[i])[k]
	}
	return sum
}

// From logits to the loss and back to dL/dlogits, which is all that the engine does with our derivative.
func TestTokenLevelVectors(t *testing.T) {
	v := loadVectors(t).TokenLevel
	e := Example{
		LpReal: sumLogp(v.Real.Tokens, v.Real.PolicyLogits), RefReal: sumLogp(v.Real.Tokens, v.Real.RefLogits),
		LpGen: sumLogp(v.Generated.Tokens, v.Generated.PolicyLogits), RefGen: sumLogp(v.Generated.Tokens, v.Generated.RefLogits),
	}
	for key, got := range map[string]float64{"lp_real": e.LpReal, "ref_real": e.RefReal, "lp_gen": e.LpGen, "ref_gen": e.RefGen} {
		check(t, key, got, v.SequenceLogp[key])
	}
	if len(v.Losses) != 4 {
		t.Fatalf("%d losses, want 4", len(v.Losses))
	}
	for name, want := range v.Losses {
		loss := map[string]string{"spin_logistic": "spin", "spin_logistic_b5": "spin", "chi2_lsq": "chi2", "space_nce": "space"}[name]
		p := Defaults()
		for key, field := range map[string]*float64{"beta": &p.Beta, "c": &p.C, "alpha": &p.Alpha, "mu": &p.Mu} {
			if x, ok := want.Params[key]; ok {
				*field = x
			}
		}
		r := evaluate(t, loss, "", p, e)
		check(t, name, r.Loss, want.Loss)
		check(t, name+" dReal", r.DReal, want.DLogp["lp_real"])
		check(t, name+" dGen", r.DGen, want.DLogp["lp_gen"])
		checkLogits(t, name+" real", v.Real, r.DReal, want.DLogitsReal)
		checkLogits(t, name+" generated", v.Generated, r.DGen, want.DLogitsGen)
	}
}

func checkLogits(t *testing.T, name string, side tokenSide, slope float64, want [][]float64) {
	t.Helper()
	for i, token := range side.Tokens {
		for k, lp := range logSoftmax(side.PolicyLogits[i]) {
			got := -slope * math.Exp(lp)
			if k == token {
				got += slope
			}
			check(t, fmt.Sprintf("%s logit [%d][%d]", name, i, k), got, want[i][k])
		}
	}
}
