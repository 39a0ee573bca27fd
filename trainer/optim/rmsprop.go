// Package optim holds optimizers in float64 for small, exact experiments (tabular self-play) and as the
// reading of the formulas that the engine's float32 ones are held against. Training of models uses
// the engine's.
//
// An optimizer belongs to one goroutine at a time.
package optim

import "math"

// RMSProp is Hinton's method as PyTorch runs it by default: not centred, no momentum and no bias
// correction, so the first step moves each coordinate by about lr/sqrt(1-Alpha).
//
//	v = Alpha v + (1-Alpha) g^2    w = w - lr g / (sqrt(v) + Epsilon)
type RMSProp struct {
	Alpha, Epsilon float64
	SquareAvg      []float64 // v, one for each coordinate
}

// NewRMSProp returns an optimizer of n coordinates with alpha 0.99 and epsilon 1e-8.
func NewRMSProp(n int) *RMSProp {
	return &RMSProp{Alpha: 0.99, Epsilon: 1e-8, SquareAvg: make([]float64, n)}
}

// Step updates params in place. Both slices must have the optimizer's length.
func (o *RMSProp) Step(params, grad []float64, lr float64) {
	for i, g := range grad {
		o.SquareAvg[i] = o.Alpha*o.SquareAvg[i] + (1-o.Alpha)*g*g
		params[i] -= lr * g / (math.Sqrt(o.SquareAvg[i]) + o.Epsilon)
	}
}
