package measure

import (
	"math"
	"slices"
)

// bleuOrder is the longest n-gram of BLEU.
const bleuOrder = 4

// bleu is that of Papineni et al. (2002) with orders 1 to 4 in equal parts, unsmoothed, of a sequence of which matched n-grams of length n+1
// are in the references. A sequence shorter than 4 is judged by the orders that it has; an empty one has 0.
func bleu(length, reference int, matched func(n int) int) float64 {
	orders, logs := min(bleuOrder, length), 0.0
	if orders == 0 {
		return 0
	}
	for n := range orders {
		logs += math.Log(ratio(matched(n), length-n))
	}
	return math.Exp(logs/float64(orders) + brevity(length, reference))
}

// brevity is the log of BLEU's penalty for a sequence shorter than its closest reference.
func brevity(length, reference int) float64 {
	if length >= reference {
		return 0
	}
	return 1 - float64(reference)/float64(length)
}

// Pairs gives BLEU between any two of some sequences.
type Pairs struct {
	lengths []int
	grams   [][bleuOrder][]int32 // of each sequence and order, numbered, ascending, with repetitions
}

// NewPairs prepares sequences for comparison, in time linear in their tokens but for sorting.
func NewPairs(sequences [][]int32) *Pairs {
	p := &Pairs{}
	numbers := map[gram]int32{} // the orders differ in length, so that one map does for all
	for _, s := range sequences {
		var own [bleuOrder][]int32
		for n := range own {
			for _, g := range grams(s, n+1) {
				number, known := numbers[g]
				if !known {
					number = int32(len(numbers))
					numbers[g] = number
				}
				own[n] = append(own[n], number)
			}
			slices.Sort(own[n])
		}
		p.lengths, p.grams = append(p.lengths, len(s)), append(p.grams, own)
	}
	return p
}

// BLEU is the mean of the BLEU of sequence i with j as its reference and of j with i, so that it does not depend on their order: 1 for equal
// sequences, 0 for those that share no n-gram of an order that both have.
func (p *Pairs) BLEU(i, j int) float64 {
	matched := func(n int) int { return common(p.grams[i][n], p.grams[j][n]) } // the same in both directions
	return (bleu(p.lengths[i], p.lengths[j], matched) + bleu(p.lengths[j], p.lengths[i], matched)) / 2
}

// common counts what two ascending lists share, with repetitions.
func common(a, b []int32) int {
	count := 0
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			a, b, count = a[1:], b[1:], count+1
		}
	}
	return count
}
