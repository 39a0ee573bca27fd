package prove

import (
	"context"
	"fmt"
	"strings"

	"spar/trainer/learn/interval"
)

const challengeSeeds = 16

// plays runs a challenge for all rounds.
func plays(rules challengeRules, seed uint64) ([]roundResult, error) {
	c, err := newChallenge(rules, seed)
	if err != nil {
		return nil, err
	}
	var out []roundResult
	for range rounds {
		out = append(out, c.round())
	}
	return out, nil
}

// averaged are the means over seeds of what each round shows.
func averaged(rules challengeRules) (mean []roundResult, firstLabels, lastLabels []float64, err error) {
	mean = make([]roundResult, rounds)
	for seed := range uint64(challengeSeeds) {
		results, err := plays(rules, seed)
		if err != nil {
			return nil, nil, nil, err
		}
		for t, r := range results {
			mean[t].accuracy += r.accuracy / challengeSeeds
			mean[t].labels += r.labels / challengeSeeds
			mean[t].agreement += r.agreement / challengeSeeds
		}
		firstLabels = append(firstLabels, (results[0].labels+results[1].labels+results[2].labels)/3)
		lastLabels = append(lastLabels, (results[rounds-3].labels+results[rounds-2].labels+results[rounds-1].labels)/3)
	}
	return mean, firstLabels, lastLabels, nil
}

// sizes of solvers, in features of each kind.
var solverSizes = []int{4, 8, 12}

func majorityLabels(context.Context, Options) (outcome, error) {
	pass := true
	var figures []string
	for _, size := range solverSizes {
		_, first, last, err := averaged(challengeRules{size: size, filter: true, repetition: true})
		if err != nil {
			return outcome{}, err
		}
		fall, deviation := difference(first, last)
		early, _ := interval.Moments(first)
		pass = pass && fall > 2*deviation
		figures = append(figures, fmt.Sprintf("size %d: %.2f -> %.2f", size, early, early-fall))
	}
	return outcome{fmt.Sprintf("kept labels that are true, first and last three of %d rounds: %s", rounds, strings.Join(figures, "; ")), pass}, nil
}

func smallerPeaksEarlier(context.Context, Options) (outcome, error) {
	var figures []string
	var peaks []int
	for _, size := range solverSizes {
		mean, _, _, err := averaged(challengeRules{size: size, filter: true, repetition: true})
		if err != nil {
			return outcome{}, err
		}
		accuracies := make([]float64, rounds)
		for t, r := range mean {
			accuracies[t] = r.accuracy
		}
		best := peak(accuracies)
		peaks = append(peaks, best)
		figures = append(figures, fmt.Sprintf("size %d: best in round %d (%.3f), last %.3f", size, best+1, accuracies[best], accuracies[rounds-1]))
	}
	return outcome{"true accuracy by " + strings.Join(figures, "; "), peaks[0] <= peaks[1] && peaks[1] <= peaks[2] && peaks[0] < peaks[2]}, nil
}

func filterOrPenalty(context.Context, Options) (outcome, error) {
	arms := []challengeRules{{size: 8, filter: true, repetition: true}, {size: 8, repetition: true}, {size: 8, filter: true}}
	var ends [3][]float64
	for seed := range uint64(challengeSeeds) {
		for i, rules := range arms {
			results, err := plays(rules, seed)
			if err != nil {
				return outcome{}, err
			}
			ends[i] = append(ends[i], results[rounds-1].accuracy)
		}
	}
	whole, _ := interval.Moments(ends[0])
	noFilter, _ := difference(ends[0], ends[1])
	noPenalty, _ := difference(ends[0], ends[2])
	more, deviation := difference(ends[2], ends[1])
	return outcome{fmt.Sprintf("accuracy %.3f; without the filter %+.3f, without the penalty %+.3f (apart %.3f +- %.3f)",
		whole, -noFilter, -noPenalty, more, deviation), noFilter > 0 && more > 2*deviation}, nil
}
