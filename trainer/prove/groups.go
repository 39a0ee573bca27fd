package prove

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"spar/internal/rng"
	"spar/trainer/objective"
	"spar/trainer/selfplay/measure"
)

const groupTrials = 20000

// silent is the share of groups of n draws whose advantages are all zero.
func silent(p float64, n int, r *rng.Stream) float64 {
	zero := 0
	rewards := make([]float64, n)
	for range groupTrials {
		for i := range rewards {
			rewards[i] = 0
			if chance(p, r) {
				rewards[i] = 1
			}
		}
		a := objective.Advantages(objective.AdvantageGroupStd, rewards)
		if slices.Max(a) == 0 && slices.Min(a) == 0 {
			zero++
		}
	}
	return float64(zero) / groupTrials
}

func zeroSignal(context.Context, Options) (outcome, error) {
	r := rng.NewStream(10)
	worst := 0.0
	var figures []string
	for _, n := range []int{4, 8, 16} {
		for _, p := range []float64{0.01, 0.1, 0.25, 0.5, 0.9} {
			got, want := silent(p, n, r), measure.ZeroSignal(p, n)
			deviation := math.Sqrt(want * (1 - want) / groupTrials)
			worst = max(worst, math.Abs(got-want)/deviation)
			if p == 0.1 {
				figures = append(figures, fmt.Sprintf("G %d: %.3f", n, got))
			}
		}
	}
	at8, at16 := measure.ZeroSignal(0.1, 8), measure.ZeroSignal(0.1, 16)
	pass := worst < 4 && agrees(at8, 0.43, 5e-3) && agrees(at16, 0.19, 5e-3)
	return outcome{fmt.Sprintf("share without signal at p 0.1: %s; the formula is off by %.1f standard errors at most in 15 cells", strings.Join(figures, ", "), worst), pass}, nil
}
