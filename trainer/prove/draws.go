package prove

import (
	"math"
	"slices"

	"spar/internal/rng"
)

// draw picks an outcome of a policy.
func (p tabular) draw(r *rng.Stream) int {
	u := r.Float64()
	for i, lp := range p {
		if u -= math.Exp(lp); u < 0 {
			return i
		}
	}
	return len(p) - 1
}

// frequencies are the shares of n draws.
func (p tabular) frequencies(n int, r *rng.Stream) []float64 {
	out := make([]float64, len(p))
	for range n {
		out[p.draw(r)] += 1 / float64(n)
	}
	return out
}

// chance is true with probability p.
func chance(p float64, r *rng.Stream) bool { return r.Float64() < p }

// passes counts successes of n draws that each succeed with probability p.
func passes(p float64, n int, r *rng.Stream) (k int) {
	for range n {
		if chance(p, r) {
			k++
		}
	}
	return k
}

// normal is a draw from N(0, 1) by Box and Muller.
func normal(r *rng.Stream) float64 {
	u, v := 1-r.Float64(), r.Float64()
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
}

// peak is the place of the largest number, the first of equals.
func peak(xs []float64) int { return slices.Index(xs, slices.Max(xs)) }
