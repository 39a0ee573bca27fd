package evolve

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"spar/internal/rng"
)

// BinPacking is online bin packing as in FunSearch: items come one at a time and go into the open bin, or a new one, that a priority
// function likes best. Items are drawn from a Weibull distribution of shape 3 and scale 45, rounded, for bins of 100, as there; the draws
// are this package's own, so scores compare with the baselines here and not with the paper's table.
//
// The score is minus the mean excess, in per cent, over the lower bound of total size through capacity. The packing that the program
// arrives at is checked item by item. A program cannot look ahead or remember: its globals are frozen when it is called.
type BinPacking struct{}

const (
	binCapacity  = 100
	binItems     = 200
	binInstances = 5
	binLane      = 0x62696e73
	weibullShape = 3
	weibullScale = 45
)

// Name is bin_packing.
func (BinPacking) Name() string { return "bin_packing" }

// Describe states the task.
func (BinPacking) Describe() string {
	return "Online bin packing. Items arrive one at a time; each goes into the bin for which priority is largest, among all bins with room for it " +
		"and one new bin, which comes last; on equal priorities into the first. Define priority(item, room, capacity) in Starlark: " +
		"item is the item's size, room is what is left in the bin before the item is put in, capacity is the size of a bin; " +
		"return a number. Use as few bins as you can; the score is minus the mean excess over the lower bound in per cent."
}

// Seed is first fit.
func (BinPacking) Seed() string { return "def priority(item, room, capacity):\n    return 0\n" }

// Terms are the arguments, and what would be left in the bin.
func (BinPacking) Terms() []string { return []string{"item", "room", "capacity", "(room - item)"} }

// Baselines are the two classical rules.
func (t BinPacking) Baselines() []Baseline {
	return []Baseline{{"first fit", t.Seed()}, {"best fit", "def priority(item, room, capacity):\n    return -room\n"}}
}

// binHarness runs behind the program. A program that defines its names too does not load.
const binHarness = `
def pack_one(items, capacity):
    rooms = []
    where = []
    for item in items:
        at = -1
        best = None
        for i in range(len(rooms) + 1):
            room = rooms[i] if i < len(rooms) else capacity
            if room >= item:
                p = priority(item, room, capacity)
                if at < 0 or p > best:
                    at = i
                    best = p
        if at == len(rooms):
            rooms.append(capacity)
        rooms[at] -= item
        where.append(at)
    return where

def pack_all(instances, capacity):
    return [pack_one(items, capacity) for items in instances]
`

// Evaluate packs all instances and checks the packings.
func (t BinPacking) Evaluate(ctx context.Context, r Runner, program string, heldOut bool) (Evaluation, error) {
	instances := t.instances(heldOut)
	literal, err := json.Marshal(instances)
	if err != nil {
		return Evaluation{}, err
	}
	var placed [][]int
	failure, err := call(ctx, r, program+binHarness, Call{"pack_all", fmt.Sprintf("%s, %d", literal, binCapacity)}, &placed)
	if failure != "" || err != nil {
		return Evaluation{Failure: failure}, err
	}
	if len(placed) != len(instances) {
		return Evaluation{Failure: "not every instance was packed"}, nil
	}
	excess := 0.0
	for i, items := range instances {
		bins, ok := packed(items, placed[i])
		if !ok {
			return Evaluation{Failure: fmt.Sprintf("instance %d is not a packing", i)}, nil
		}
		excess += 100 * (float64(bins)/float64(leastBins(items)) - 1) / float64(len(instances))
	}
	return Evaluation{Score: -excess, Detail: fmt.Sprintf("%.2f %% above the bound", excess)}, nil
}

// packed counts the bins of a packing, and reports whether it is one.
func packed(items, where []int) (bins int, ok bool) {
	if len(where) != len(items) {
		return 0, false
	}
	var used []int
	for i, at := range where {
		if at < 0 || at > len(used) {
			return 0, false
		}
		if at == len(used) {
			used = append(used, 0)
		}
		if used[at] += items[i]; used[at] > binCapacity {
			return 0, false
		}
	}
	return len(used), true
}

func leastBins(items []int) int {
	total := 0
	for _, x := range items {
		total += x
	}
	return (total + binCapacity - 1) / binCapacity
}

// instances are always the same.
func (BinPacking) instances(heldOut bool) [][]int {
	set := uint32(0)
	if heldOut {
		set = 1
	}
	out := make([][]int, binInstances)
	for i := range out {
		draw := rng.NewStream(binLane, set, uint32(i))
		for range binItems {
			size := math.Round(weibullScale * math.Pow(-math.Log1p(-draw.Float64()), 1.0/weibullShape))
			out[i] = append(out[i], int(min(max(size, 1), binCapacity)))
		}
	}
	return out
}
