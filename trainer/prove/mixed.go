package prove

import (
	"context"
	"fmt"

	"spar/internal/rng"
	"spar/trainer/learn/interval"
	"spar/trainer/objective"
)

const (
	mixedSeeds = 256
	mixedDraws = 64 // negatives of an iteration
)

// sampledSPIN is the distance to p_data after ten iterations whose negatives are a finite sample: of the opponent, or half of it and
// half the sample of the iteration before.
func sampledSPIN(mixed bool, seed uint64) (float64, error) {
	o, err := newObjective("spin", func(p *objective.Params) { p.Beta = 1 })
	if err != nil {
		return 0, err
	}
	r := rng.NewStream(seed, 9)
	policy := startLaw
	var before []float64
	for range 10 {
		fresh := policy.frequencies(mixedDraws, r)
		negatives := fresh
		if mixed && before != nil {
			negatives = make([]float64, len(fresh))
			for i := range fresh {
				negatives[i] = (fresh[i] + before[i]) / 2
			}
		}
		policy, before = newGame(o, policy, negatives, nil).rmsprop(constantRates()), fresh
	}
	return distance(policy, dataLaw), nil
}

// mixedExactly compares the exact expected losses.
func mixedExactly(context.Context, Options) (outcome, error) {
	mixed, err := budgeted(startLaw, mixedNegatives, "spin", 1)
	if err != nil {
		return outcome{}, err
	}
	plain, err := budgeted(startLaw, sampledNegatives, "spin", 1)
	if err != nil {
		return outcome{}, err
	}
	return outcome{fmt.Sprintf("TV after 10: mixed %.4f, plain %.4f", mixed.last(), plain.last()),
		agrees(mixed.last(), 0.0069, 1e-4) && plain.last() < 1e-3}, nil
}

func mixedOnSamples(context.Context, Options) (outcome, error) {
	var ends [2][]float64
	for seed := range uint64(mixedSeeds) {
		for i, mixed := range []bool{false, true} {
			end, err := sampledSPIN(mixed, seed)
			if err != nil {
				return outcome{}, err
			}
			ends[i] = append(ends[i], end)
		}
	}
	meanPlain, plain := interval.Moments(ends[0])
	meanMixed, mixed := interval.Moments(ends[1])
	return outcome{fmt.Sprintf("TV after 10 with %d draws over %d seeds: mixed %.4f +- %.4f, plain %.4f +- %.4f",
		mixedDraws, mixedSeeds, meanMixed, mixed, meanPlain, plain), mixed < plain}, nil
}
