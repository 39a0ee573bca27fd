package measure

import (
	"math"
	"slices"
)

// AUC is the probability that a positive has a higher score than a negative, ties counting half: the area under the curve of
// true against false positives. It is NaN when one of the two is missing.
func AUC(scores []float64, positive []bool) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case scores[a] < scores[b]:
			return -1
		case scores[a] > scores[b]:
			return 1
		}
		return 0
	})
	won, positives, negatives := 0.0, 0.0, 0.0
	for len(order) > 0 {
		tied := slices.IndexFunc(order, func(i int) bool { return scores[i] != scores[order[0]] })
		if tied < 0 {
			tied = len(order)
		}
		p, n := 0.0, 0.0
		for _, i := range order[:tied] {
			if positive[i] {
				p++
			} else {
				n++
			}
		}
		won += p * (negatives + n/2)
		positives, negatives, order = positives+p, negatives+n, order[tied:]
	}
	if positives == 0 || negatives == 0 {
		return math.NaN()
	}
	return won / (positives * negatives)
}
