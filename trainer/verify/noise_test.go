package verify

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"
)

// The block verifier_noise of the reference numbers, each to 1e-12.
func TestCorrectedMatchesReference(t *testing.T) {
	data, err := os.ReadFile("../objective/testdata/loss_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Noise []struct {
			FP           float64            `json:"fp_rate_rho0"`
			FN           float64            `json:"fn_rate_rho1"`
			J            float64            `json:"youden_J"`
			Backward0    *float64           `json:"backward_reward_obs0"`
			Backward1    *float64           `json:"backward_reward_obs1"`
			Forward1     float64            `json:"forward_weight_obs1"`
			Forward0     float64            `json:"forward_weight_obs0"`
			ForwardRight float64            `json:"forward_expected_weight_given_true1"`
			ForwardWrong float64            `json:"forward_expected_weight_given_true0"`
			Observed     map[string]float64 `json:"observed_mean_at_true_p"`
		} `json:"verifier_noise"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Noise) < 4 {
		t.Fatalf("%d cases in the block", len(file.Noise))
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-12) {
			t.Errorf("%s = %.17g, want %.17g", what, got, want)
		}
	}
	for _, c := range file.Noise {
		value := func(reward float64, kind Correction) float64 {
			v, err := Corrected(reward, c.FP, c.FN, kind)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		n := Counts{FalsePass: int(math.Round(1000 * c.FP)), FalseFail: int(math.Round(1000 * c.FN))}
		n.TrueFail, n.TruePass = 1000-n.FalsePass, 1000-n.FalseFail
		near("J", n.YoudenJ(), c.J)
		near("forward of a pass", value(1, Forward), c.Forward1)
		near("forward of a fail", value(0, Forward), c.Forward0)
		near("forward given right", (1-c.FN)*value(1, Forward)+c.FN*value(0, Forward), c.ForwardRight)
		near("forward given wrong", c.FP*value(1, Forward)+(1-c.FP)*value(0, Forward), c.ForwardWrong)
		if c.J == 0 {
			if _, err := Corrected(1, c.FP, c.FN, Backward); err == nil || c.Backward0 != nil {
				t.Error("backward correction of a verifier without signal is no error")
			}
			continue
		}
		near("backward of a pass", value(1, Backward), *c.Backward1)
		near("backward of a fail", value(0, Backward), *c.Backward0)
		for p, observed := range c.Observed {
			want, _ := strconv.ParseFloat(p, 64)
			near("backward of the observed mean", value(observed, Backward), want)
		}
	}
}

func TestCorrectedRefuses(t *testing.T) {
	for _, c := range []struct {
		fp, fn float64
		kind   Correction
	}{{-0.1, 0, Forward}, {0, 1.1, Forward}, {math.NaN(), 0, Backward}, {0.1, 0.1, "sideways"}, {0.3, 0.7, Backward}} {
		if v, err := Corrected(1, c.fp, c.fn, c.kind); err == nil {
			t.Errorf("Corrected(1, %v, %v, %s) = %v", c.fp, c.fn, c.kind, v)
		}
	}
}
