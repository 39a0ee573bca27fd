package prove

import (
	"fmt"
	"math"

	"spar/trainer/objective"
)

// SPIN with a diverging recursion reaches log-ratios of a million nats, where probabilities have no float64. Its expected loss is a sum
// over unordered pairs of outcomes (i, j), each a function of the difference of their log-ratios only, so the exact optimum balances
// every pair by itself: p_i q_j slope(h) = p_j q_i slope(-h). That equation is solved here in logs.

// balanced is the exact inner optimum of a pairwise objective against an opponent. All pairs are solved, and an error says so
// when they do not agree on one policy.
func balanced(o objective.Objective, opponent tabular) (tabular, error) {
	s := logSlope{objective: o}
	next := append(tabular(nil), opponent...)
	for i := range next {
		if i > 0 {
			next[i] += s.root(dataLaw[i] - opponent[i] - dataLaw[0] + opponent[0])
		}
	}
	for i := range next {
		for j := range i {
			pair := s.root(dataLaw[i] - opponent[i] - dataLaw[j] + opponent[j])
			if miss := math.Abs(pair - (next[i] - opponent[i] - next[j] + opponent[j])); miss > 1e-9*(1+math.Abs(pair)) {
				return nil, fmt.Errorf("outcomes %d and %d: no policy balances all pairs, %.1e nats are left", i, j, miss)
			}
		}
	}
	return normalized(next), nil
}

// logSlope is the log of -dLoss/dLpReal as a function of the difference h of two log-ratios, from the objective's own values.
type logSlope struct{ objective objective.Objective }

// smallest is where slopes are still full float64s.
const smallest = 1e-280

// at continues the tail log-linearly where the slope itself has no float64.
func (s logSlope) at(h float64) float64 {
	if d := s.slope(h); d > smallest {
		return math.Log(d)
	}
	edge := h
	for s.slope(edge) <= smallest {
		edge /= 2
	}
	near := math.Log(s.slope(edge / 2))
	return near + (math.Log(s.slope(edge))-near)*(h-edge/2)/(edge/2)
}

func (s logSlope) slope(h float64) float64 {
	var out [1]objective.Result
	s.objective.Evaluate([]objective.Example{{LpReal: h, LenReal: 1, LenGen: 1}}, out[:])
	return -out[0].DReal
}

// root solves w + log slope(h) = log slope(-h), whose left side falls in h.
func (s logSlope) root(w float64) float64 {
	excess := func(h float64) float64 { return w + s.at(h) - s.at(-h) }
	low, high := -1.0, 1.0
	for excess(low) < 0 {
		low *= 2
	}
	for excess(high) > 0 {
		high *= 2
	}
	for range 200 {
		middle := (low + high) / 2
		if middle == low || middle == high {
			break
		}
		if excess(middle) > 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}
