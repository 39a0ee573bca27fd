package observer

import (
	"context"
	"errors"
	"fmt"
	"math"

	"spar/internal/fault"
	"spar/internal/rng"
	"spar/trainer/learn/interval"
)

// Reading is what an iteration's data held for the observer.
type Reading struct {
	Fit      Fit
	Controls []Fit // with shuffled answers
}

// Lanes of the random numbers of a probe.
const (
	splitLane = iota
	shuffleLane
)

// Open makes a fresh observer; equal seeds must make equal ones.
type Open func(seed uint64) (Model, error)

// Probe fits fresh observers to the data and to its shuffled controls.
func Probe(ctx context.Context, data []Example, b Budget, open Open) (Reading, error) {
	var r Reading
	if err := b.check(); err != nil {
		return r, err
	}
	train, validation, err := split(data, b)
	if err != nil {
		return r, err
	}
	if r.Fit, err = fitFresh(ctx, open, b.Seed, train, validation, b); err != nil {
		return r, err
	}
	for i := range b.Controls {
		draw := rng.NewStream(b.Seed, shuffleLane, uint32(i))
		f, err := fitFresh(ctx, open, b.Seed+uint64(i)+1, shuffled(train, draw), shuffled(validation, draw), b)
		if err != nil {
			return r, fmt.Errorf("control %d: %w", i, err)
		}
		r.Controls = append(r.Controls, f)
	}
	return r, nil
}

func fitFresh(ctx context.Context, open Open, seed uint64, train, validation []Example, b Budget) (f Fit, err error) {
	model, err := open(seed)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, model.Close()) }()
	return Learn(ctx, model, train, validation, b)
}

// ErrTooFew says that the data cannot be split into two parts that say anything.
var ErrTooFew = errors.New("observer: too few examples")

// split draws the budget's examples and sets some prompts aside. All examples of a prompt fall on one side, so that the
// validation loss is that of questions never seen.
func split(data []Example, b Budget) (train, validation []Example, err error) {
	r := rng.NewStream(b.Seed, splitLane)
	side := map[string]bool{} // set aside?
	chosen := r.Perm(len(data))
	for _, k := range chosen[:min(b.Examples, len(chosen))] {
		x := data[k]
		if len(x.Prompt) == 0 || len(x.Response) == 0 {
			return nil, nil, fault.Inputf("observer: example %d has %d prompt and %d response tokens; both need one", k, len(x.Prompt), len(x.Response))
		}
		name := fmt.Sprint(x.Prompt)
		aside, seen := side[name]
		if !seen {
			aside = float64(len(validation)) < b.Validation*float64(len(train)+len(validation)+1)
			side[name] = aside
		}
		if aside {
			validation = append(validation, x)
		} else {
			train = append(train, x)
		}
	}
	if len(train) < 2 || len(validation) < 2 {
		return nil, nil, fault.Inputf("%w: %d of %d different prompts leave %d to learn and %d to validate with; each needs 2", ErrTooFew, len(data), len(side), len(train), len(validation))
	}
	return train, validation, nil
}

// shuffled gives every question the answer of another one: a cycle through all of them in random order.
func shuffled(examples []Example, r *rng.Stream) []Example {
	out := make([]Example, len(examples))
	cycle := r.Perm(len(examples))
	for i, k := range cycle {
		out[k] = Example{Prompt: examples[k].Prompt, Response: examples[cycle[(i+1)%len(cycle)]].Response}
	}
	return out
}

// Control is the mean over the controls.
func (r Reading) Control() (s, edl float64) {
	for _, f := range r.Controls {
		s += f.At().S / float64(len(r.Controls))
		edl += f.At().EDL / float64(len(r.Controls))
	}
	return s, edl
}

// Information is what an observer learned of how answers follow from questions, in bits: EDL less that of the control, which learns the
// answers' style alone.
func (r Reading) Information() float64 {
	_, edl := r.Control()
	return r.Fit.At().EDL - edl
}

// variance is that of Information, judged by the controls' spread: one fit less a mean of several.
func (r Reading) variance() float64 {
	values := make([]float64, len(r.Controls))
	for i, f := range r.Controls {
		values[i] = f.At().EDL
	}
	_, deviation := interval.Moments(values)
	return deviation * deviation * (1 + 1/float64(len(values)))
}

// Condition is arXiv 2603.02218's, for one iteration: self-play evolves while the learnable information of its data rises.
type Condition struct {
	Gain      float64 // bits, against the iteration before; in the first iteration against none at all
	Threshold float64 // bits; a gain below it is within the controls' spread
	Holds     bool
}

// confidence that a gain of nothing stays below the threshold.
const confidence = 0.95

// Judge compares an iteration with the one before it; nil: there is none. The threshold is Student's one-sided 95 % bound of the
// difference, its spread that of the controls of both. Both readings must be of one budget.
func Judge(now Reading, before *Reading) Condition {
	gain, variance, freedom := now.Information(), now.variance(), len(now.Controls)-1
	if before != nil {
		gain -= before.Information()
		variance += before.variance()
		freedom += len(before.Controls) - 1
	}
	c := Condition{Gain: gain, Threshold: interval.Student(confidence, freedom) * math.Sqrt(variance)}
	c.Holds = c.Gain > c.Threshold
	return c
}

// Values are a reading and its condition under the names of metrics.jsonl; bits.
func Values(r Reading, c Condition) map[string]float64 {
	s, edl := r.Control()
	v := map[string]float64{
		"info/s_bits": r.Fit.At().S, "info/edl_bits": r.Fit.At().EDL, "info/s_control_bits": s, "info/edl_control_bits": edl,
		"info/threshold_bits": c.Threshold, "info/gain_bits": c.Gain, "info/holds": 0, "info/epoch": float64(r.Fit.Best),
		"info/tokens": float64(r.Fit.TrainTokens),
	}
	if c.Holds {
		v["info/holds"] = 1
	}
	return v
}
