package prove

import (
	"math"

	"spar/trainer/objective"
)

// learner moves the logits of tabular policies by the trainer's reinforce.
type learner struct {
	gradient objective.PolicyGradient
	rate     float64
}

func newLearner(rate float64) (learner, error) {
	g, err := objective.NewPolicyGradient("reinforce", objective.DefaultGradient())
	return learner{g, rate}, err
}

// move is one token: an outcome of one of the policies.
type move struct{ policy, outcome int }

// choice is a response, a path of moves, with its advantage.
type choice struct {
	moves     []move
	advantage float64
}

func single(policy, outcome int, advantage float64) choice {
	return choice{[]move{{policy, outcome}}, advantage}
}

// step descends the loss of a step by plain gradient descent on the logits.
func (l learner) step(logits [][]float64, choices []choice) {
	policies := make([]tabular, len(logits))
	batch := make([]objective.Draw, len(choices))
	for i, c := range choices {
		batch[i].Advantage = c.advantage
		for _, m := range c.moves {
			if policies[m.policy] == nil {
				policies[m.policy] = normalized(logits[m.policy])
			}
			batch[i].Logp = append(batch[i].Logp, policies[m.policy][m.outcome])
		}
	}
	out := make([]objective.TokenResult, len(batch))
	l.gradient.Evaluate(batch, out)
	for i, c := range choices {
		for t, m := range c.moves {
			descend(logits[m.policy], policies[m.policy], m.outcome, l.rate*out[i].Coef[t])
		}
	}
}

// descend moves logits by -by times the gradient of the log-prob of an outcome.
func descend(logits []float64, policy tabular, outcome int, by float64) {
	for k, lp := range policy {
		slope := -math.Exp(lp)
		if k == outcome {
			slope++
		}
		logits[k] -= by * slope
	}
}
