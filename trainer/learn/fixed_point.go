package learn

import (
	"math"

	"spar/trainer/learn/interval"
)

// The gap between the data and the policy, one value a held-out pair: positive while the update can tell real responses from fresh ones.
// chosen and rejected are rewards, beta times the log-ratio to the policy before.

// MarginGap is SPIN's: the margin of the rewards.
func MarginGap(chosen, rejected []float64) []float64 {
	return pairwise(chosen, rejected, func(r, g float64) float64 { return r - g })
}

// ChiSquareGap is the chi-squared meter of an update with regulariser c: its mean is a lower bound on chi2(data || mixture)/c (LS-IQ,
// arXiv 2303.00599, with alpha 1/2).
func ChiSquareGap(chosen, rejected []float64, c float64) []float64 {
	return pairwise(chosen, rejected, func(r, g float64) float64 { return r - g - c/2*(r*r+g*g) })
}

// JensenShannonGap is SPACE's at mu 1: its mean is a lower bound on the Jensen-Shannon divergence, in nats; the rewards are log-ratios.
func JensenShannonGap(chosen, rejected []float64) []float64 {
	return pairwise(chosen, rejected, func(r, g float64) float64 { return math.Ln2 - (softplus(-r)+softplus(g))/2 })
}

func softplus(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func pairwise(a, b []float64, f func(a, b float64) float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = f(a[i], b[i])
	}
	return out
}

// Verdict is what a gap says about going on.
type Verdict uint8

// Verdicts.
const (
	Unknown   Verdict = iota // too few pairs to tell a gap of the resolution from none
	Remaining                // the gap is above 0: go on
	Reached                  // none is left, to within the resolution: stop
	Reversed                 // below 0: the update prefers the policy's own samples; take it back
)

// String is the verdict in a word.
func (v Verdict) String() string {
	return [...]string{"unknown", "remaining", "reached", "reversed"}[v]
}

// Judge says what an interval of the gap means. Noise is not taken for arrival: Reached needs an interval that holds 0 and reaches no
// further from it than resolution, the smallest gap that is worth another iteration.
func Judge(gap interval.Interval, resolution float64) Verdict {
	switch {
	case gap.Low > 0:
		return Remaining
	case gap.High < 0:
		return Reversed
	case gap.High <= resolution && gap.Low >= -resolution:
		return Reached
	}
	return Unknown
}
