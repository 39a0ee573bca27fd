package prove

import (
	"context"
	"fmt"
	"math"
	"strings"

	"spar/trainer/objective"
)

// trajectory is the distance to p_data before and after each iteration.
type trajectory []float64

func (t trajectory) last() float64 { return t[len(t)-1] }

func (t trajectory) falls() bool {
	for i := range t[1:] {
		if t[i+1] > t[i] {
			return false
		}
	}
	return true
}

func (t trajectory) within(low, high float64) bool {
	for _, x := range t {
		if x < low || x > high {
			return false
		}
	}
	return true
}

// iterate repeats an iteration from startLaw.
func iterate(n int, next func(opponent tabular) (tabular, error)) (trajectory, error) {
	policy := startLaw
	out := trajectory{distance(policy, dataLaw)}
	for range n {
		var err error
		if policy, err = next(policy); err != nil {
			return nil, err
		}
		out = append(out, distance(policy, dataLaw))
	}
	return out, nil
}

// exactSPIN are six iterations of SPIN with an exact inner optimum.
func exactSPIN(lambda float64) (trajectory, error) {
	o, err := newObjective("spin", func(p *objective.Params) { p.Beta = lambda })
	if err != nil {
		return nil, err
	}
	return iterate(6, func(opponent tabular) (tabular, error) { return balanced(o, opponent) })
}

// exact are iterations of any objective over pairs with an exact inner optimum; tspin's third response comes from startLaw.
func exact(n int, algorithm string, change func(*objective.Params)) (trajectory, error) {
	o, err := newObjective(algorithm, change)
	if err != nil {
		return nil, err
	}
	var proto tabular
	if o.Needs().Proto {
		proto = startLaw
	}
	return iterate(n, func(opponent tabular) (tabular, error) {
		return newGame(o, opponent, opponent.probabilities(), proto).minimum()
	})
}

// agrees holds when got has the digits of want.
func agrees(got, want, digit float64) bool { return math.Abs(got-want) <= digit }

func spinThreshold(context.Context, Options) (outcome, error) {
	var figures []string
	pass := true
	for _, c := range []struct {
		lambda float64
		holds  func(t trajectory) bool
	}{
		{0.1, func(t trajectory) bool { // one outcome or the other takes all
			return agrees(t[4], 0.97, 5e-3) && agrees(t[5], 0.6, 5e-3) && agrees(t[6], 0.97, 5e-3) && t[1:].within(0.595, 0.975)
		}},
		{0.5, func(t trajectory) bool {
			return agrees(t[6], 0.4, 5e-4) && agrees(t[5], 0.317, 5e-4) && agrees(t[4], t[6], 1e-9)
		}},
		{0.6, func(t trajectory) bool { return agrees(t[6], 0.033, 5e-4) && t.falls() }},
		{1, func(t trajectory) bool { return t[1] < 1e-12 }},
		{2, func(t trajectory) bool { return agrees(t[6], 0.0058, 5e-5) && t.falls() }},
		{5, func(t trajectory) bool { return agrees(t[6], 0.103, 5e-4) && t.falls() }},
	} {
		t, err := exactSPIN(c.lambda)
		if err != nil {
			return outcome{}, err
		}
		pass = pass && c.holds(t)
		figures = append(figures, fmt.Sprintf("%g: %.4f, %.4f", c.lambda, t[5], t[6]))
	}
	return outcome{"TV after 5 and 6 iterations, by lambda " + strings.Join(figures, "; "), pass}, nil
}

func chi2Threshold(context.Context, Options) (outcome, error) {
	var figures []string
	pass := true
	for _, c := range []struct {
		product float64
		holds   func(t trajectory) bool
	}{
		{0.1, func(t trajectory) bool { return t[1:].within(0.285, 0.535) && !t.falls() && t[6] > t[5] && t[4] > t[5] }},
		{0.25, func(t trajectory) bool { return agrees(t[6], 0.0986, 5e-4) }},
		{0.5, func(t trajectory) bool { return t[3] < 1e-4 }},
		{1, func(t trajectory) bool { return agrees(t[6], 0.0072, 5e-5) && t.falls() }},
		{5, func(t trajectory) bool { return agrees(t[6], 0.245, 5e-4) && t.falls() }},
	} {
		t, err := exact(6, "chi2", func(p *objective.Params) { p.Beta, p.C = c.product, 1 })
		if err != nil {
			return outcome{}, err
		}
		pass = pass && c.holds(t)
		figures = append(figures, fmt.Sprintf("%g: %.4f, %.4f", c.product, t[3], t[6]))
	}
	return outcome{"TV after 3 and 6 iterations, by beta c " + strings.Join(figures, "; "), pass}, nil
}
