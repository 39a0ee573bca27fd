package measure

import (
	"encoding/binary"
	"slices"
)

// gram is an n-gram as a map key.
type gram string

// grams lists the n-grams of a sequence.
func grams(tokens []int32, n int) []gram {
	var out []gram
	for i := 0; i+n <= len(tokens); i++ {
		key := make([]byte, 0, 4*n)
		for _, id := range tokens[i : i+n] {
			key = binary.LittleEndian.AppendUint32(key, uint32(id))
		}
		out = append(out, gram(key))
	}
	return out
}

// Distinct is distinct-n: different n-grams over all n-grams (Li et al., arXiv 1510.03055). It is 0 when there are none.
func Distinct(sequences [][]int32, n int) float64 {
	seen, total := map[gram]bool{}, 0
	for _, s := range sequences {
		for _, g := range grams(s, n) {
			seen[g] = true
			total++
		}
	}
	return ratio(len(seen), total)
}

// UniqueFraction is the share of different sequences.
func UniqueFraction(sequences [][]int32) float64 {
	seen := map[gram]bool{}
	for _, s := range sequences {
		if len(s) == 0 {
			seen[""] = true
			continue
		}
		seen[grams(s, len(s))[0]] = true
	}
	return ratio(len(seen), len(sequences))
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// SelfBLEU is the mean BLEU of each sequence with all others as its references (Zhu et al., arXiv 1802.01886): 1 when all are
// the same. BLEU is that of Papineni et al. (2002) with orders 1 to 4 in equal parts, unsmoothed; a sequence shorter
// than 4 is judged by the orders that it has. Fewer than two sequences have 0. Time and memory are linear in the tokens.
func SelfBLEU(sequences [][]int32) float64 {
	if len(sequences) < 2 {
		return 0
	}
	var counts [bleuOrder][]map[gram]int
	var most [bleuOrder]map[gram]topTwo
	for n := range bleuOrder {
		counts[n], most[n] = countGrams(sequences, n+1)
	}
	lengths := make([]int, len(sequences))
	for i, s := range sequences {
		lengths[i] = len(s)
	}
	slices.Sort(lengths)
	sum := 0.0
	for i, s := range sequences {
		sum += bleu(len(s), closest(lengths, len(s)), func(n int) int {
			matched := 0
			for g, c := range counts[n][i] {
				matched += min(c, most[n][g].without(i))
			}
			return matched
		})
	}
	return sum / float64(len(sequences))
}

// topTwo are the two largest counts of an n-gram over the sequences, and whose the first is.
type topTwo struct{ first, second, owner int }

// without is the largest count when sequence i does not take part.
func (t topTwo) without(i int) int {
	if t.owner == i {
		return t.second
	}
	return t.first
}

func countGrams(sequences [][]int32, n int) (counts []map[gram]int, most map[gram]topTwo) {
	most = map[gram]topTwo{}
	for i, s := range sequences {
		own := map[gram]int{}
		for _, g := range grams(s, n) {
			own[g]++
		}
		for g, c := range own {
			t := most[g]
			switch {
			case c > t.first:
				t = topTwo{first: c, second: t.first, owner: i}
			case c > t.second:
				t.second = c
			}
			most[g] = t
		}
		counts = append(counts, own)
	}
	return counts, most
}

// closest is the length nearest to n among the others: sorted has n itself once too often. Of two as near, the shorter.
func closest(sorted []int, n int) int {
	at, _ := slices.BinarySearch(sorted, n) // the first that is n
	best := -1
	for _, i := range []int{at - 1, at + 1} {
		if i < 0 || i >= len(sorted) {
			continue
		}
		if best < 0 || abs(sorted[i]-n) < abs(best-n) {
			best = sorted[i]
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }
