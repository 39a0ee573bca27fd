package quickstart

import (
	"math"
	"reflect"
	"testing"
)

// TestPreferencePairs: no prompt is held out, all responses are in the language, and chosen ones are p_data's: the log-odds of p_data
// against the dialect are positive in the mean on chosen responses and negative on rejected ones, by at least four standard errors.
func TestPreferencePairs(t *testing.T) {
	pairs := preferences(3, 200)
	odds := func(p preference, response []int32) float64 {
		real, ok := Real().LogProb(sumOf(p.PromptIDs), response)
		dialect, _ := Dialect().LogProb(sumOf(p.PromptIDs), response)
		if !ok || sumOf(p.PromptIDs).HeldOut() {
			t.Errorf("%v, %v: not in the language, or held out", p.PromptIDs, response)
		}
		return real - dialect
	}
	var chosen, rejected []float64
	for _, p := range pairs {
		chosen, rejected = append(chosen, odds(p, p.ChosenIDs)), append(rejected, -odds(p, p.RejectedIDs))
	}
	for name, x := range map[string][]float64{"chosen": chosen, "rejected": rejected} {
		mean, squares := 0.0, 0.0
		for _, v := range x {
			mean += v / float64(len(x))
		}
		for _, v := range x {
			squares += (v - mean) * (v - mean)
		}
		if deviation := math.Sqrt(squares) / float64(len(x)); mean < 4*deviation {
			t.Errorf("%s: mean log-odds %.2f +- %.2f", name, mean, deviation)
		}
	}
	if !reflect.DeepEqual(pairs, preferences(3, 200)) || reflect.DeepEqual(pairs, preferences(4, 200)) {
		t.Error("pairs must depend on the seed alone")
	}
}
