package prove

import (
	"context"
	"fmt"

	"spar/trainer/objective"
)

// negatives say which outcomes an iteration sets against the real ones.
type negatives func(opponent, previous tabular) []float64

func sampledNegatives(opponent, _ tabular) []float64 { return opponent.probabilities() }

// greedyNegatives are the opponent's mode alone.
func greedyNegatives(opponent, _ tabular) []float64 {
	out := make([]float64, len(opponent))
	out[opponent.mode()] = 1
	return out
}

// mixedNegatives come half from the opponent and half from the one before it, as SPIN's released data does.
func mixedNegatives(opponent, previous tabular) []float64 {
	out := opponent.probabilities()
	for i, p := range previous.probabilities() {
		out[i] = (out[i] + p) / 2
	}
	return out
}

// budgeted are ten iterations of 40 RMSProp steps each on the exact expected loss.
func budgeted(start tabular, from negatives, algorithm string, beta float64) (trajectory, error) {
	o, err := newObjective(algorithm, func(p *objective.Params) { p.Beta, p.C = beta, 1 })
	if err != nil {
		return nil, err
	}
	policy, previous := start, start
	out := trajectory{distance(policy, dataLaw)}
	for range 10 {
		next := newGame(o, policy, from(policy, previous), nil).rmsprop(constantRates())
		policy, previous = next, policy
		out = append(out, distance(policy, dataLaw))
	}
	return out, nil
}

func greedyBreaksSPIN(context.Context, Options) (outcome, error) {
	sampled, err := budgeted(startLaw, sampledNegatives, "spin", 1)
	if err != nil {
		return outcome{}, err
	}
	greedy, err := budgeted(startLaw, greedyNegatives, "spin", 1)
	if err != nil {
		return outcome{}, err
	}
	home, err := budgeted(dataLaw, greedyNegatives, "spin", 1)
	if err != nil {
		return outcome{}, err
	}
	pass := sampled[4] < 6e-4 && sampled[4:].within(0, 1e-3) && greedy.within(0.28, 0.44) && home[1:].within(0.2, 0.37)
	return outcome{fmt.Sprintf("TV sampled %.4f after 4 and %.4f after 10; greedy %.3f after 10; greedy from p_data %.3f after 10",
		sampled[4], sampled.last(), greedy.last(), home.last()), pass}, nil
}

func smallBudget(context.Context, Options) (outcome, error) {
	low, err := budgeted(startLaw, sampledNegatives, "spin", 0.1)
	if err != nil {
		return outcome{}, err
	}
	high, err := budgeted(startLaw, sampledNegatives, "spin", 5)
	if err != nil {
		return outcome{}, err
	}
	chi2, err := budgeted(startLaw, sampledNegatives, "chi2", 1)
	if err != nil {
		return outcome{}, err
	}
	pass := agrees(low[3], 0.103, 5e-4) && low[4:].within(0.115, 0.155) && high.falls() && agrees(high.last(), 0.042, 5e-4) &&
		chi2.falls() && agrees(chi2.last(), 0.0007, 5e-5)
	return outcome{fmt.Sprintf("TV spin 0.1: %.3f after 3, %.3f after 10; spin 5: %.3f; chi2: %.4f", low[3], low.last(), high.last(), chi2.last()), pass}, nil
}
