// Package measure holds the figures by which sampled responses are judged: what a group of outcomes can teach, what k tries reach,
// and how diverse the responses are. All are pure functions.
package measure

import "math"

// ZeroSignal is the probability that a group of n draws, each passing with probability p, has equal outcomes and
// so no gradient: p^n + (1-p)^n.
func ZeroSignal(p float64, n int) float64 {
	return math.Pow(p, float64(n)) + math.Pow(1-p, float64(n))
}

// SignalFraction is the share of groups of n draws whose outcomes differ; successes has the passes of each. It
// is 0 without groups.
func SignalFraction(successes []int, n int) float64 {
	if len(successes) == 0 {
		return 0
	}
	mixed := 0
	for _, k := range successes {
		if k > 0 && k < n {
			mixed++
		}
	}
	return float64(mixed) / float64(len(successes))
}

// Histogram counts the groups with 0..n successes. Counts outside of that range are not groups of n and are left out.
func Histogram(successes []int, n int) []int {
	bins := make([]int, n+1)
	for _, k := range successes {
		if k >= 0 && k <= n {
			bins[k]++
		}
	}
	return bins
}

// PassAtK is the unbiased estimate of the probability that one of k tries passes, from c passes of n >= k tries
// (Chen et al., arXiv 2107.03374): 1 - C(n-c, k) / C(n, k).
func PassAtK(n, c, k int) float64 {
	if n-c < k {
		return 1
	}
	miss := 1.0
	for i := n - c + 1; i <= n; i++ {
		miss *= 1 - float64(k)/float64(i)
	}
	return 1 - miss
}
