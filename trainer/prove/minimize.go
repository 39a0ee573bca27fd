package prove

import (
	"fmt"
	"math"

	"spar/trainer/objective"
)

// minimum is the inner problem solved exactly: damped Newton steps on the expected loss from the opponent's logits, with a Hessian
// from differences of the gradient. Logits have one direction that does nothing; the damping keeps it still.
func (g *game) minimum() (tabular, error) {
	logits := append([]float64(nil), g.opponent...)
	value, gradient := g.loss(logits)
	damping := 1e-3
	for range 2000 {
		if norm(gradient) < 1e-13 {
			return normalized(logits), nil
		}
		step := solveDamped(g.hessian(logits), gradient, damping)
		next := make([]float64, len(logits))
		for i := range logits {
			next[i] = logits[i] - step[i]
		}
		nextValue, nextGradient := g.loss(next)
		// Near the optimum the loss no longer resolves progress that the gradient still shows.
		if nextValue < value || nextValue-value < 1e-13 && norm(nextGradient) < norm(gradient) {
			logits, value, gradient, damping = next, nextValue, nextGradient, damping/4
			continue
		}
		if damping *= 4; damping > 1e12 {
			break
		}
	}
	if norm(gradient) > 1e-9 {
		return nil, fmt.Errorf("the exact inner optimum was not found: the gradient's norm is still %.1e", norm(gradient))
	}
	return normalized(logits), nil
}

func (g *game) hessian(logits []float64) [][]float64 {
	const h = 1e-4
	n := len(logits)
	out := make([][]float64, n)
	at := append([]float64(nil), logits...)
	for i := range n {
		at[i] = logits[i] + h
		_, up := g.loss(at)
		at[i] = logits[i] - h
		_, down := g.loss(at)
		at[i] = logits[i]
		out[i] = make([]float64, n)
		for j := range n {
			out[i][j] = (up[j] - down[j]) / (2 * h)
		}
	}
	return out
}

// solveDamped solves (h + damping I) x = b by elimination with row pivots.
func solveDamped(h [][]float64, b []float64, damping float64) []float64 {
	n := len(b)
	rows := make([][]float64, n)
	for i := range n {
		rows[i] = append(append([]float64(nil), h[i]...), b[i])
		rows[i][i] += damping
	}
	for c := range n {
		best := c
		for r := c + 1; r < n; r++ {
			if math.Abs(rows[r][c]) > math.Abs(rows[best][c]) {
				best = r
			}
		}
		rows[c], rows[best] = rows[best], rows[c]
		for r := range n {
			if r == c {
				continue
			}
			f := rows[r][c] / rows[c][c]
			for k := c; k <= n; k++ {
				rows[r][k] -= f * rows[c][k]
			}
		}
	}
	x := make([]float64, n)
	for i := range n {
		x[i] = rows[i][n] / rows[i][i]
	}
	return x
}

func norm(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// rmsprop takes a budget of RMSProp steps (learning rates by step, alpha 0.99, eps 1e-8, no bias correction) from the opponent's logits.
func (g *game) rmsprop(rates []float64) tabular {
	logits := append([]float64(nil), g.opponent...)
	square := make([]float64, len(logits))
	for _, rate := range rates {
		_, gradient := g.loss(logits)
		for i, d := range gradient {
			square[i] = 0.99*square[i] + 0.01*d*d
			logits[i] -= rate * d / (math.Sqrt(square[i]) + 1e-8)
		}
	}
	return normalized(logits)
}

// constantRates is the budget of the published toy: 40 steps of 0.005.
func constantRates() []float64 {
	rates := make([]float64, 40)
	for i := range rates {
		rates[i] = 0.005
	}
	return rates
}

// newObjective builds one of the trainer's objectives from the defaults.
func newObjective(algorithm string, change func(*objective.Params)) (objective.Objective, error) {
	p := objective.Defaults()
	change(&p)
	return objective.New(algorithm, "", p)
}
