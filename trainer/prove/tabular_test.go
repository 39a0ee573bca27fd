package prove

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"spar/trainer/objective"
)

type tabularVectors struct {
	Closed []struct {
		Lambda float64
		TV     trajectory
	} `json:"spin_closed_form"`
	Chi2 []struct {
		Beta, C float64
		TV      trajectory
	} `json:"chi2_exact_inner"`
	NCE []struct {
		Beta, Mu float64
		TV       trajectory
	} `json:"nce_exact_inner"`
	TSPIN []struct {
		Alpha float64
		Hist  float64 `json:"beta_hist"`
		TV    trajectory
	} `json:"t_spin_exact_inner"`
	RMSProp struct {
		Runs   []budgetRun
		AtData []budgetRun `json:"started_at_p_data"`
		Other  []budgetRun `json:"other_losses"`
	} `json:"rmsprop_budgeted"`
}

type budgetRun struct {
	Negatives, Loss string
	Beta            float64
	TV              trajectory
}

func loadTabular(t *testing.T) tabularVectors {
	t.Helper()
	data, err := os.ReadFile("../objective/testdata/loss_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tabular tabularVectors `json:"tabular_self_play"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Tabular
}

// noiseFloor is what RMSProp makes of rounding errors: at p_data the gradient is 0 but for them, and a fresh state divides
// them by their own size.
const noiseFloor = 1e-3

// follows compares two trajectories digit by digit.
func follows(t *testing.T, name string, got trajectory, err error, want trajectory, digit float64) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if len(want) < 7 || len(got) != len(want) {
		t.Fatalf("%s: %d points, the file has %d", name, len(got), len(want))
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > digit && max(got[i], want[i]) > noiseFloor {
			t.Errorf("%s: %.6f, want %.6f", name, got, want)
			return
		}
	}
}

// The closed form was computed with 60 digits; the trainer's objective leads to the same policies.
func TestSPINTrajectories(t *testing.T) {
	for _, c := range loadTabular(t).Closed {
		got, err := exactSPIN(c.Lambda)
		follows(t, "spin", got, err, c.TV, 1e-9)
	}
}

func TestExactTrajectories(t *testing.T) {
	v := loadTabular(t)
	for _, c := range v.Chi2 {
		got, err := exact(6, "chi2", func(p *objective.Params) { p.Beta, p.C = c.Beta, c.C })
		follows(t, "chi2", got, err, c.TV, 1.5e-5)
	}
	for _, c := range v.TSPIN {
		got, err := exact(8, "tspin", func(p *objective.Params) { p.Beta, p.AnchorWeight = c.Alpha, c.Hist })
		follows(t, "tspin", got, err, c.TV, 1.5e-5)
	}
	for _, c := range v.NCE {
		if c.Beta == 1 { // space has no beta
			got, err := exact(6, "space", func(p *objective.Params) { p.Mu = c.Mu })
			follows(t, "space", got, err, c.TV, 1.5e-5)
		}
	}
}

// The two solvers of the inner problem find the same optimum.
func TestBalanceIsTheMinimum(t *testing.T) {
	for _, lambda := range []float64{0.5, 1, 2} {
		o, err := newObjective("spin", func(p *objective.Params) { p.Beta = lambda })
		if err != nil {
			t.Fatal(err)
		}
		a, err := balanced(o, startLaw)
		if err != nil {
			t.Fatal(err)
		}
		b, err := newGame(o, startLaw, startLaw.probabilities(), nil).minimum()
		if err != nil {
			t.Fatal(err)
		}
		if d := distance(a, b); d > 1e-9 {
			t.Errorf("lambda %v: the solvers are %v apart", lambda, d)
		}
	}
}

func TestBudgetedTrajectories(t *testing.T) {
	from := map[string]negatives{"": sampledNegatives, "sample": sampledNegatives, "greedy": greedyNegatives, "mix2": mixedNegatives}
	v := loadTabular(t).RMSProp
	if len(v.Runs) != 9 || len(v.AtData) != 2 || len(v.Other) != 3 {
		t.Fatalf("%d, %d and %d runs: is the file whole?", len(v.Runs), len(v.AtData), len(v.Other))
	}
	for _, c := range append(v.Runs, v.Other...) {
		algorithm, _, _ := strings.Cut(c.Loss, "_")
		algorithm = map[string]string{"spin": "spin", "chi2": "chi2", "space": "space"}[algorithm]
		got, err := budgeted(startLaw, from[c.Negatives], algorithm, c.Beta)
		follows(t, c.Negatives+" "+c.Loss, got, err, c.TV, 1.5e-4)
	}
	for _, c := range v.AtData {
		got, err := budgeted(dataLaw, from[c.Negatives], "spin", c.Beta)
		follows(t, c.Negatives+" from p_data", got, err, c.TV, 1.5e-4)
	}
}
