package prove

import (
	"context"
	"fmt"

	"spar/trainer/objective"
	"spar/trainer/schedule"
)

// epochSteps are the steps of an epoch of 50,000 pairs in batches of 64, as in the published runs.
const epochSteps = 778

// rates are the learning rates of the first n steps of a schedule, in units that suit the tabular policy.
func rates(s schedule.Schedule, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = s.At(i)
	}
	return out
}

func scheduleArtefact(context.Context, Options) (outcome, error) {
	const peak, stop = 2.5e-4, 2 * epochSteps
	long, err := schedule.New("linear", peak, 6*epochSteps, 0.1)
	if err != nil {
		return outcome{}, err
	}
	native, err := schedule.New("linear", peak, stop, 0.1)
	if err != nil {
		return outcome{}, err
	}
	o, err := newObjective("spin", func(p *objective.Params) { p.Beta = 0.1 })
	if err != nil {
		return outcome{}, err
	}
	g := newGame(o, startLaw, startLaw.probabilities(), nil)
	stopped, finished := g.rmsprop(rates(long, stop)), g.rmsprop(rates(native, stop))
	apart := distance(stopped, finished)
	pass := agrees(long.At(stop)/peak, 0.74, 5e-3) && native.At(stop) == 0 && apart > 0.01
	return outcome{fmt.Sprintf("rate at the stop %.3f and %.0f of the peak; TV to p_data %.3f and %.3f, %.3f apart", long.At(stop)/peak,
		native.At(stop)/peak, distance(stopped, dataLaw), distance(finished, dataLaw), apart), pass}, nil
}
