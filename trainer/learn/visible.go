package learn

import "math"

// Visible counts what an update did to a set of fp32 weights.
type Visible struct {
	Weights int64
	Moved   int64 // the fp32 value is another
	Seen    int64 // its bf16 rounding, which the products compute with, is another
}

// Share is that of the weights whose bf16 copy changed; 0 of none.
func (v Visible) Share() float64 { return share(v.Seen, v.Weights) }

// MovedShare is that of the weights whose fp32 master changed.
func (v Visible) MovedShare() float64 { return share(v.Moved, v.Weights) }

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// Add joins the counts of another part of the weights.
func (v *Visible) Add(o Visible) {
	v.Weights += o.Weights
	v.Moved += o.Moved
	v.Seen += o.Seen
}

// VisibleOf compares weights before and after an update, of one length. bf16 keeps 8 bits of a mantissa, so a weight must move by about 1/256 of
// itself to be seen; smaller updates wait in the fp32 masters until they add up.
func VisibleOf(before, after []float32) Visible {
	after = after[:len(before)]
	var moved, seen int64
	for i, x := range before {
		a, b := math.Float32bits(x), math.Float32bits(after[i])
		if a == b {
			continue
		}
		moved++
		if bf16(a) != bf16(b) {
			seen++
		}
	}
	return Visible{Weights: int64(len(before)), Moved: moved, Seen: seen}
}

// bf16 rounds the bits of a finite fp32 to the nearest bf16, ties to even, as the engine does.
func bf16(bits uint32) uint32 { return (bits + 0x7fff + bits>>16&1) >> 16 }
