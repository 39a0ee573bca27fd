package objective

import (
	"math"
	"slices"
)

// Kinds of Advantages.
const (
	AdvantageGroup    = "group"     // r - mean (Dr. GRPO)
	AdvantageGroupStd = "group_std" // (r - mean) / (std + 1e-4) with the sample deviation (GRPO as in TRL)
	AdvantageLOO      = "loo"       // r - mean of the others (RLOO, arXiv 2402.14740)
	AdvantageNone     = "none"      // r
)

// AdvantageKinds lists what Advantages takes.
func AdvantageKinds() []string {
	return []string{AdvantageGroup, AdvantageGroupStd, AdvantageLOO, AdvantageNone}
}

// stdFloor keeps a group with nearly equal rewards from being blown up.
const stdFloor = 1e-4

// Advantages are those of one group, the draws for one prompt, from their rewards. Where all rewards are equal, or there
// is only one, they are exactly 0 for every kind but none. An unknown kind gives nil.
func Advantages(kind string, rewards []float64) []float64 {
	if !slices.Contains(AdvantageKinds(), kind) {
		return nil
	}
	out := slices.Clone(rewards)
	if kind == AdvantageNone || len(rewards) == 0 {
		return out
	}
	if slices.Min(rewards) == slices.Max(rewards) {
		clear(out) // the mean of equal numbers may differ from them in the last bit
		return out
	}
	scale := 1.0
	switch kind {
	case AdvantageGroupStd:
		scale = 1 / (sampleStd(rewards) + stdFloor)
	case AdvantageLOO:
		scale = float64(len(rewards)) / float64(len(rewards)-1)
	}
	mean := mean(rewards)
	for i, r := range rewards {
		out[i] = scale * (r - mean)
	}
	return out
}

func mean(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

// sampleStd divides by n-1.
func sampleStd(xs []float64) float64 {
	mean, sum := mean(xs), 0.0
	for _, x := range xs {
		sum += (x - mean) * (x - mean)
	}
	return math.Sqrt(sum / float64(len(xs)-1))
}
