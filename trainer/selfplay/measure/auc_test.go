package measure

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestAUC compares with the definition: all pairs of a positive and a negative.
func TestAUC(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.SampledFrom([]float64{-1, 0, 0.5, 2}), 0, 20).Draw(t, "scores")
		positive := make([]bool, len(scores))
		won, pairs := 0.0, 0.0
		for i := range positive {
			positive[i] = rapid.Bool().Draw(t, "positive")
		}
		for i := range scores {
			for j := range scores {
				if !positive[i] || positive[j] {
					continue
				}
				pairs++
				switch {
				case scores[i] > scores[j]:
					won++
				case scores[i] == scores[j]:
					won += 0.5
				}
			}
		}
		got := AUC(scores, positive)
		if pairs == 0 != math.IsNaN(got) || pairs > 0 && math.Abs(got-won/pairs) > 1e-12 {
			t.Fatalf("AUC = %v, want %v of %v pairs", got, won, pairs)
		}
	})
}
