package evolve

import (
	"context"
	"fmt"
	"slices"
)

// CapSet is the cap set problem as in FunSearch: a large set of vectors of n numbers modulo 3 of which no three are on a line. Vectors are taken
// greedily by a priority function. The search is in 4 dimensions, where the largest set has 20 vectors; held out are 5 dimensions, where it has
// 45 (Edel, Ferret, Landjev, Storme, 2002). The score is the size of the set, which is built here and so always a cap set.
type CapSet struct{}

const (
	capDimensions        = 4
	capHeldOutDimensions = 5
)

// Name is cap_set.
func (CapSet) Name() string { return "cap_set" }

// Describe states the task.
func (CapSet) Describe() string {
	return "Cap sets. Vectors of n numbers 0, 1 or 2 are put into a set one after the other, the one with the largest priority first and in " +
		"lexicographic order where priorities are equal, unless a vector would be on a line with two that are in the set already (three " +
		"vectors are on a line if in every position their numbers are all equal or all different). Define priority(v, n) in Starlark: v is a list of n " +
		"numbers, n is at least 4; return a number. The score is the size of the set."
}

// Seed is the lexicographic order.
func (CapSet) Seed() string { return "def priority(v, n):\n    return 0\n" }

// Terms are the numbers of the vector, counted from both ends.
func (CapSet) Terms() []string { return []string{"v[0]", "v[1]", "v[2]", "v[-1]", "n"} }

// Baselines is the lexicographic order, which takes the vectors of zeros and ones: 2^n of them.
func (t CapSet) Baselines() []Baseline { return []Baseline{{"lexicographic", t.Seed()}} }

// capHarness runs behind the program. A program that defines its names too does not load.
const capHarness = `
def rank_all(n):
    vectors = [[]]
    for _ in range(n):
        vectors = [v + [x] for v in vectors for x in range(3)]
    return [float(priority(v, n)) for v in vectors]
`

// Evaluate asks for all priorities and builds the set.
func (CapSet) Evaluate(ctx context.Context, r Runner, program string, heldOut bool) (Evaluation, error) {
	n := capDimensions
	if heldOut {
		n = capHeldOutDimensions
	}
	var priorities []float64
	failure, err := call(ctx, r, program+capHarness, Call{"rank_all", fmt.Sprint(n)}, &priorities)
	if failure != "" || err != nil {
		return Evaluation{Failure: failure}, err
	}
	vectors := 1
	for range n {
		vectors *= 3
	}
	if len(priorities) != vectors {
		return Evaluation{Failure: "not every vector has a priority"}, nil
	}
	size := len(greedyCap(priorities, n))
	return Evaluation{Score: float64(size), Detail: fmt.Sprintf("%d vectors in %d dimensions", size, n)}, nil
}

// greedyCap takes vectors, written as numbers in base 3, in the order of their priorities.
func greedyCap(priorities []float64, n int) []int {
	order := make([]int, len(priorities))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case priorities[a] > priorities[b]:
			return -1
		case priorities[a] < priorities[b]:
			return 1
		}
		return 0
	})
	blocked := make([]bool, len(priorities))
	var set []int
	for _, v := range order {
		if blocked[v] {
			continue
		}
		for _, w := range set {
			blocked[third(v, w, n)] = true
		}
		blocked[v] = true
		set = append(set, v)
	}
	return set
}

// third completes the line through two different vectors: in each position the sum of the three is 0 modulo 3.
func third(v, w, n int) int {
	out, place := 0, 1
	for range n {
		out += place * ((6 - v%3 - w%3) % 3)
		v, w, place = v/3, w/3, 3*place
	}
	return out
}
