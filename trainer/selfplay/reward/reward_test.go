package reward

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"spar/internal/fault"
)

func evaluate(t *testing.T, name string, batch ...Proposal) []float64 {
	t.Helper()
	r, err := New(name)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, len(batch))
	r.Evaluate(batch, out)
	return out
}

// vectorNames maps our names to those of the block proposer_rewards, computed with 60-digit arithmetic.
var vectorNames = map[string]string{
	"azr_paper": "azr_paper", "azr_code": "azr_code_after_remap", "p_one_minus_p": "bernoulli_variance",
	"variance": "sample_var_unbiased", "r_zero_paper": "rzero_paper_uncertainty", "r_zero_code": "rzero_code_min",
	"gaussian": "gaussian_on_variance_sigma2_0.01", "gasp_lemma": "gasp_lemma", "gasp_lift": "gasp_lift",
	"sgs": "sgs_solve_term_before_top30pct_rule",
}

func TestRewardVectors(t *testing.T) {
	data, err := os.ReadFile("../../objective/testdata/loss_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Cases []map[string]float64 `json:"proposer_rewards"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Cases) != 9 {
		t.Fatalf("%d cases, want 9", len(v.Cases))
	}
	for _, c := range v.Cases {
		p := Proposal{Successes: int(c["successes"]), Group: int(c["group"]), Guide: 1}
		if got := evaluate(t, "one_minus_p", p)[0]; got != 1-c["p"] {
			t.Errorf("one_minus_p at p = %v: %v", c["p"], got)
		}
		for ours, theirs := range vectorNames {
			want, ok := c[theirs]
			if !ok {
				t.Fatalf("the file has no %s", theirs)
			}
			if got := evaluate(t, ours, p)[0]; math.Abs(got-want) > 1e-12*math.Abs(want) {
				t.Errorf("%s at %d of %d: %.17g, want %.17g", ours, p.Successes, p.Group, got, want)
			}
		}
	}
}

// What papers and code say about tasks that never came to the solver, and about repetition.
func TestRewardsOfInvalidProposals(t *testing.T) {
	half := Proposal{Successes: 4, Group: 8, ClusterShare: 0.25}
	for _, c := range []struct {
		name                      string
		repeated, invalid, broken float64
	}{
		{"azr_paper", 0.5, -0.5, -1}, {"azr_code", 0.5, -0.5, -1},
		{"r_zero_paper", 0.75, 0, 0}, {"r_zero_code", 0.25, -1.25, -1.25},
		{"variance", 2.0 / 7, 0, 0}, {"gaussian", 1, -0.1, -0.1}, {"sgs", 0, 0, 0},
	} {
		invalid, broken := half, half
		invalid.Form, broken.Form = Invalid, Malformed
		got := evaluate(t, c.name, half, invalid, broken)
		for i, want := range []float64{c.repeated, c.invalid, c.broken} {
			if math.Abs(got[i]-want) > 1e-15 {
				t.Errorf("%s: %v, want %v %v %v", c.name, got, c.repeated, c.invalid, c.broken)
				break
			}
		}
	}
	if got := evaluate(t, "r_zero_paper", Proposal{Successes: 8, Group: 8, ClusterShare: 0.5})[0]; got != 0 {
		t.Errorf("r_zero_paper is clamped at 0: %v", got)
	}
	if got := evaluate(t, "variance", Proposal{Successes: 1, Group: 1})[0]; got != 0 {
		t.Errorf("the variance of one draw: %v", got)
	}
}

// SGS pays neither the easiest 30 % of a batch nor what nobody solved, and scales by the guide.
func TestSGSLooksAtTheBatch(t *testing.T) {
	var batch []Proposal
	for k := range 10 {
		batch = append(batch, Proposal{Successes: k, Group: 10, Guide: 1})
	}
	batch[2].Guide = 0.5
	batch = append(batch, Proposal{Form: Invalid, Guide: 1})
	got := evaluate(t, "sgs", batch...)
	want := []float64{0, 0.9, 0.4, 0.7, 0.6, 0.5, 0.4, 0, 0, 0, 0}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-15 {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	same := []Proposal{{Successes: 1, Group: 2, Guide: 1}, {Successes: 1, Group: 2, Guide: 1}}
	if got := evaluate(t, "sgs", same...); !slices.Equal(got, []float64{0.5, 0.5}) {
		t.Errorf("equal tasks are paid equally: %v", got)
	}
}

func TestNewRefuses(t *testing.T) {
	_, err := New("learnability")
	if err == nil || fault.ExitCode(err) != 2 || !strings.Contains(err.Error(), "one_minus_p, p_one_minus_p, azr_paper") {
		t.Errorf("%v", err)
	}
	for _, name := range Names() {
		if r, err := New(name); err != nil || r.Name() != name || r.Source() == "" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

func TestBaselinesAreOfTheRole(t *testing.T) {
	propose, solve := Role{"proposer", "induction"}, Role{"solver", "induction"}
	roles := []Role{propose, solve, propose, solve, {"solver", "deduction"}, solve}
	rewards := []float64{0.25, 1, 0.75, 0, 1, 1}
	centred := Centre(rewards, roles)
	want := []float64{-0.25, 1.0 / 3, 0.25, -2.0 / 3, 0, 1.0 / 3}
	for i := range want {
		if math.Abs(centred[i]-want[i]) > 1e-15 {
			t.Fatalf("centred %v, want %v", centred, want)
		}
	}
	white := Whiten(rewards, roles)
	for i, scale := range []float64{math.Sqrt(0.125), math.Sqrt(1.0 / 3), math.Sqrt(0.125), math.Sqrt(1.0 / 3), 1, math.Sqrt(1.0 / 3)} {
		if math.Abs(white[i]-want[i]/scale) > 1e-6 {
			t.Errorf("whitened %v, item %d want %v", white, i, want[i]/scale)
		}
	}
	if got := Whiten([]float64{0.1, 0.1, 0.1}, []Role{propose, propose, propose}); !slices.Equal(got, []float64{0, 0, 0}) {
		t.Errorf("equal rewards give %v", got)
	}
}
