package learn

import (
	"fmt"
	"math"
)

// Health is a policy measured on held-out text and on fresh samples at temperature 1. A field that was not measured is NaN.
type Health struct {
	RealLogp float64 // of real responses, mean nats a token
	Length   float64 // of samples, mean tokens
	Entropy  float64 // of the next token along samples, mean nats
}

// Limits are how far one iteration may move a policy's health. 0 turns a limit off.
type Limits struct {
	RealLogpDrop float64 // nats a token
	LengthRatio  float64 // longer or shorter by this factor; above 1
	EntropyLoss  float64 // share of the entropy that may go
}

// Drift is a limit that an iteration has passed.
type Drift struct {
	Name  string // real_logp, length or entropy
	Value float64
	Limit float64
}

// String says what moved, how far, and how far it may.
func (d Drift) String() string {
	return fmt.Sprintf("%s moved by %.3g, the limit is %.3g", d.Name, d.Value, d.Limit)
}

// Drifts lists the limits that a policy passed against the one before; any is a reason to take the iteration back. Values that are NaN in
// either are not judged.
func Drifts(before, after Health, l Limits) []Drift {
	var out []Drift
	add := func(name string, value, limit float64) {
		if limit > 0 && value > limit {
			out = append(out, Drift{name, value, limit})
		}
	}
	add("real_logp", before.RealLogp-after.RealLogp, l.RealLogpDrop)
	if before.Length > 0 {
		add("length", math.Max(after.Length/before.Length, before.Length/after.Length), l.LengthRatio)
	}
	if before.Entropy > 0 {
		add("entropy", 1-after.Entropy/before.Entropy, l.EntropyLoss)
	}
	return out
}
