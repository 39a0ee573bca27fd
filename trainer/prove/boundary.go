package prove

import (
	"context"
	"fmt"
	"math"

	"spar/internal/rng"
	"spar/trainer/learn/interval"
	"spar/trainer/selfplay/reward"
)

// boundaryRates are the solve rates of the kinds of task that the proposer chooses from.
var boundaryRates = []float64{0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 1}

const (
	boundarySteps     = 100
	boundaryProposals = 64
	boundaryGroup     = 8 // the solver's draws
	boundarySeeds     = 16
	boundaryRate      = 1.0
)

// proposals trains a proposer and returns the shares of trivial (rate >= 0.9) and frontier-hard (0 < rate <= 0.1) tasks among
// all that it proposed.
func proposals(rule reward.Rule, seed uint64) (trivial, hard float64, err error) {
	l, err := newLearner(boundaryRate)
	if err != nil {
		return 0, 0, err
	}
	r := rng.NewStream(seed, 14)
	logits := [][]float64{make([]float64, len(boundaryRates))}
	for range boundarySteps {
		policy := normalized(logits[0])
		batch, kinds := make([]reward.Proposal, boundaryProposals), make([]int, boundaryProposals)
		for i := range batch {
			kinds[i] = policy.draw(r)
			p := boundaryRates[kinds[i]]
			batch[i] = reward.Proposal{Successes: passes(p, boundaryGroup, r), Group: boundaryGroup}
			switch {
			case p >= 0.9:
				trivial += 1.0 / (boundarySteps * boundaryProposals)
			case p > 0 && p <= 0.1:
				hard += 1.0 / (boundarySteps * boundaryProposals)
			}
		}
		rewards := make([]float64, len(batch))
		rule.Evaluate(batch, rewards)
		var choices []choice
		for i, a := range reward.Whiten(rewards, make([]reward.Role, len(rewards))) {
			choices = append(choices, single(0, kinds[i], a))
		}
		l.step(logits, choices)
	}
	return trivial, hard, nil
}

func boundaryRule(context.Context, Options) (outcome, error) {
	var trivial, hard [2][]float64
	for i, name := range []string{"azr_paper", "azr_code"} {
		rule, err := reward.New(name)
		if err != nil {
			return outcome{}, err
		}
		for seed := range uint64(boundarySeeds) {
			t, h, err := proposals(rule, seed)
			if err != nil {
				return outcome{}, err
			}
			trivial[i], hard[i] = append(trivial[i], t), append(hard[i], h)
		}
	}
	lessTrivial, errTrivial := difference(trivial[0], trivial[1])
	lessHard, errHard := difference(hard[0], hard[1])
	meanTrivial, _ := interval.Moments(trivial[0])
	meanHard, _ := interval.Moments(hard[0])
	pass := lessTrivial > 2*errTrivial && lessHard > 2*errHard
	return outcome{fmt.Sprintf("trivial %.3f -> %.3f (%+.4f +- %.4f), frontier-hard %.3f -> %.3f (%+.4f +- %.4f)",
		meanTrivial, meanTrivial-lessTrivial, -lessTrivial, errTrivial, meanHard, meanHard-lessHard, -lessHard, errHard), pass}, nil
}

// difference is the mean of a - b over paired seeds with its standard error.
func difference(a, b []float64) (mean, standardError float64) {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	mean, deviation := interval.Moments(d)
	return mean, deviation / math.Sqrt(float64(len(d)))
}
