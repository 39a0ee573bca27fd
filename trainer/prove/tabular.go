package prove

import (
	"math"

	"spar/trainer/objective"
)

// A tabular policy is a list of log-probs of its outcomes, in nats. Probabilities are never stored: a diverging iteration
// leaves float64's range within a few steps.
type tabular []float64

// dataLaw is p_data of the tabular experiments, and startLaw the policy that they start from.
var (
	dataLaw  = fromProbabilities(0.4, 0.25, 0.15, 0.1, 0.07, 0.03)
	startLaw = fromProbabilities(0.1, 0.15, 0.2, 0.15, 0.15, 0.25)
)

func fromProbabilities(ps ...float64) tabular {
	out := make(tabular, len(ps))
	for i, p := range ps {
		out[i] = math.Log(p)
	}
	return out
}

// normalized turns logits into a policy.
func normalized(logits []float64) tabular {
	most, sum := math.Inf(-1), 0.0
	for _, x := range logits {
		most = max(most, x)
	}
	for _, x := range logits {
		sum += math.Exp(x - most)
	}
	out := make(tabular, len(logits))
	for i, x := range logits {
		out[i] = x - most - math.Log(sum)
	}
	return out
}

// distance is the total variation between two policies.
func distance(a, b tabular) float64 {
	sum := 0.0
	for i := range a {
		sum += math.Abs(math.Exp(a[i]) - math.Exp(b[i]))
	}
	return sum / 2
}

func (p tabular) probabilities() []float64 {
	out := make([]float64, len(p))
	for i, lp := range p {
		out[i] = math.Exp(lp)
	}
	return out
}

// mode is the first of the likeliest outcomes.
func (p tabular) mode() int {
	best := 0
	for i, lp := range p {
		if lp > p[best] {
			best = i
		}
	}
	return best
}

// game is one iteration of self-play over outcomes: pairs of a real and a generated outcome with their probabilities,
// weighed by an objective of the trainer.
type game struct {
	objective objective.Objective
	opponent  tabular   // the reference
	proto     tabular   // tspin: the first policy; nil otherwise
	weights   []float64 // of the pairs
	pairs     [][3]int  // real, generated, proto
	batch     []objective.Example
	results   []objective.Result
}

// newGame lists the pairs of real outcomes from dataLaw and generated ones from negatives.
func newGame(o objective.Objective, opponent tabular, negatives []float64, proto tabular) *game {
	g := &game{objective: o, opponent: opponent, proto: proto}
	anchors := []float64{1}
	if proto != nil {
		anchors = proto.probabilities()
	}
	for i, real := range dataLaw.probabilities() {
		for j, generated := range negatives {
			for k, anchor := range anchors {
				if w := real * generated * anchor; w > 0 {
					g.weights, g.pairs = append(g.weights, w), append(g.pairs, [3]int{i, j, k})
				}
			}
		}
	}
	g.batch, g.results = make([]objective.Example, len(g.pairs)), make([]objective.Result, len(g.pairs))
	return g
}

// loss is the expected loss of a policy given by logits, with its gradient with respect to them.
func (g *game) loss(logits []float64) (value float64, gradient []float64) {
	policy := normalized(logits)
	for n, pair := range g.pairs {
		i, j, k := pair[0], pair[1], pair[2]
		e := objective.Example{LpReal: policy[i], RefReal: g.opponent[i], LpGen: policy[j], RefGen: g.opponent[j], LenReal: 1, LenGen: 1}
		if g.proto != nil {
			e.LpProto = policy[k]
		}
		g.batch[n] = e
	}
	g.objective.Evaluate(g.batch, g.results)
	gradient, total := make([]float64, len(policy)), 0.0
	for n, pair := range g.pairs {
		r, w := g.results[n], g.weights[n]
		value += w * r.Loss
		gradient[pair[0]] += w * r.DReal
		gradient[pair[1]] += w * r.DGen
		total += w * (r.DReal + r.DGen)
		if g.proto != nil {
			gradient[pair[2]] += w * r.DProto
			total += w * r.DProto
		}
	}
	for i, lp := range policy { // through log-softmax
		gradient[i] -= math.Exp(lp) * total
	}
	return value, gradient
}
