// Package measure holds the figures by which sampled responses are judged: what a group of outcomes can teach, what k tries reach,
// and how diverse the responses are. All are pure functions.
package measure

import "math"

// ZeroSignal is the probability that a group of n draws, each passing with probability p, has equal outcomes and
// so no gradient: p^n + (1-p)^n.
func ZeroSignal(p float64, n int) float64 {
	return math.Pow(p, float64(n)) + math.Pow(1-p, float64(n))
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
