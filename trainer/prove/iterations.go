package prove

import (
	"context"
	"fmt"

	"spar/trainer/learn/interval"
	"spar/trainer/objective"
)

const (
	roomSeeds      = 8
	roomIterations = 4
	roomSteps      = 40
)

// further is the phase of one self-play iteration.
func further(steps int, rate float64) training { return training{steps: steps, batch: 32, rate: rate} }

// roundsOfSPIN are the divergences before and after each iteration from the dialect.
func (room *schoolroom) roundsOfSPIN(ctx context.Context, o objective.Objective, rate float64, seed uint64) ([]float64, error) {
	if err := room.restore(room.dialect); err != nil {
		return nil, err
	}
	kl, err := room.divergence(ctx)
	out := []float64{kl}
	for t := range uint64(roomIterations) {
		if err != nil {
			break
		}
		var rows []row
		if rows, err = room.opposed(ctx, seed+t); err != nil {
			break
		}
		if err = room.pairs(ctx, further(roomSteps, rate), o, rows, seed+t); err != nil {
			break
		}
		kl, err = room.divergence(ctx)
		out = append(out, kl)
	}
	return out, err
}

// stale is the divergence after training on the pairs of the first iteration for as long as two iterations take.
func (room *schoolroom) stale(ctx context.Context, o objective.Objective, rate float64, seed uint64) (float64, error) {
	if err := room.restore(room.dialect); err != nil {
		return 0, err
	}
	rows, err := room.opposed(ctx, seed)
	if err != nil {
		return 0, err
	}
	if err := room.pairs(ctx, further(2*roomSteps, rate), o, rows, seed); err != nil {
		return 0, err
	}
	return room.divergence(ctx)
}

// inRooms runs an experiment in schoolrooms of different seeds.
func inRooms(ctx context.Context, o Options, width int, experiment func(room *schoolroom, seed uint64) error) error {
	for seed := range uint64(roomSeeds) {
		room, err := openSchoolroom(ctx, o, width, 100*seed)
		if err != nil {
			return err
		}
		err = experiment(room, 100*seed+10)
		if closed := room.close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func shrinkingIncrements(ctx context.Context, o Options) (outcome, error) {
	loss, err := newObjective("spin", func(p *objective.Params) { p.Beta = 1 })
	if err != nil {
		return outcome{}, err
	}
	const rate = 5e-4
	var gains [roomIterations][]float64
	var second, stale []float64
	err = inRooms(ctx, o, ableWidth, func(room *schoolroom, seed uint64) error {
		kl, err := room.roundsOfSPIN(ctx, loss, rate, seed)
		if err != nil {
			return err
		}
		for t := range gains {
			gains[t] = append(gains[t], kl[t]-kl[t+1])
		}
		old, err := room.stale(ctx, loss, rate, seed)
		second, stale = append(second, kl[2]), append(stale, old)
		return err
	})
	if err != nil {
		return outcome{}, err
	}
	var mean [roomIterations]float64
	shrinks := true
	for t := range gains {
		mean[t], _ = interval.Moments(gains[t])
		shrinks = shrinks && mean[t] > 0 && (t == 0 || mean[t] < mean[t-1])
	}
	ahead, deviation := difference(stale, second)
	meanSecond, _ := interval.Moments(second)
	return outcome{fmt.Sprintf("KL falls by %.2f, %.2f, %.2f, %.2f nats; after two iterations %.2f, on old pairs for as long %.2f (%+.2f +- %.2f)",
		mean[0], mean[1], mean[2], mean[3], meanSecond, meanSecond+ahead, ahead, deviation), shrinks && ahead > 2*deviation}, nil
}

// converge leaves the dialect for the data by maximum likelihood, first in large and then in small steps, up to where held-out rows no
// longer profit.
func (room *schoolroom) converge(ctx context.Context, seed uint64) error {
	if err := room.approach(ctx, 150, seed); err != nil {
		return err
	}
	return room.likelihood(ctx, training{steps: 80, batch: 64, rate: 2e-4}, room.real, seed+1)
}

// approach takes the first steps of it.
func (room *schoolroom) approach(ctx context.Context, steps int, seed uint64) error {
	if err := room.restore(room.dialect); err != nil {
		return err
	}
	return room.likelihood(ctx, training{steps: steps, batch: 64, rate: 1e-3}, room.real, seed)
}

func moreOfTheSame(ctx context.Context, o Options) (outcome, error) {
	loss, err := newObjective("spin", func(p *objective.Params) { p.Beta = 0.1 })
	if err != nil {
		return outcome{}, err
	}
	var again, played []float64 // gains in KL
	err = inRooms(ctx, o, smallWidth, func(room *schoolroom, seed uint64) error {
		if err := room.converge(ctx, seed); err != nil {
			return err
		}
		converged := room.weights()
		before, err := room.divergence(ctx)
		if err != nil {
			return err
		}
		if err := room.likelihood(ctx, training{steps: roomSteps, batch: 64, rate: 1e-4}, room.real, seed+1); err != nil {
			return err
		}
		after, err := room.divergence(ctx)
		if err != nil {
			return err
		}
		again = append(again, before-after)
		if err := room.restore(converged); err != nil {
			return err
		}
		rows, err := room.opposed(ctx, seed+2)
		if err != nil {
			return err
		}
		if err := room.pairs(ctx, further(roomSteps, 1e-4), loss, rows, seed+1); err != nil {
			return err
		}
		after, err = room.divergence(ctx)
		played = append(played, before-after)
		return err
	})
	if err != nil {
		return outcome{}, err
	}
	meanAgain, deviationAgain := interval.Moments(again)
	meanPlayed, deviationPlayed := interval.Moments(played)
	return outcome{fmt.Sprintf("KL gained by more SFT %+.3f +- %.3f, by one SPIN iteration %+.3f +- %.3f nats over %d seeds",
		meanAgain, deviationAgain, meanPlayed, deviationPlayed, roomSeeds), meanAgain <= 0 && meanPlayed > 0}, nil
}
