package prove

import (
	"spar/internal/rng"
	"spar/trainer/objective"
)

// linear is a policy over candidates that are known by their features: softmax of theta times features. What it learns on one
// question serves others, which a table cannot show.
type linear struct{ theta []float64 }

// question has candidates with features of one length.
type question [][]float64

func (l linear) clone() linear { return linear{append([]float64(nil), l.theta...)} }

func (l linear) scores(q question) []float64 {
	out := make([]float64, len(q))
	for i, features := range q {
		out[i] = dot(l.theta, features)
	}
	return out
}

func (l linear) policy(q question) tabular { return normalized(l.scores(q)) }

func dot(a, b []float64) (sum float64) {
	for i := range min(len(a), len(b)) {
		sum += a[i] * b[i]
	}
	return sum
}

// pick is a candidate of a question with its advantage.
type pick struct {
	question  question
	candidate int
	advantage float64
}

// step descends a policy gradient of the trainer.
func (l linear) step(g objective.PolicyGradient, rate float64, picks []pick) {
	batch, out := make([]objective.Draw, len(picks)), make([]objective.TokenResult, len(picks))
	policies := make([]tabular, len(picks))
	for i, p := range picks {
		policies[i] = l.policy(p.question)
		batch[i] = objective.Draw{Logp: []float64{policies[i][p.candidate]}, Advantage: p.advantage}
	}
	g.Evaluate(batch, out)
	for i, p := range picks {
		l.climb(p.question, policies[i], p.candidate, -rate*out[i].Coef[0])
	}
}

// climb adds by times the gradient of a candidate's log-prob.
func (l linear) climb(q question, policy tabular, candidate int, by float64) {
	if by == 0 {
		return
	}
	for k, p := range policy.probabilities() {
		weight := -by * p
		if k == candidate {
			weight += by
		}
		for j, x := range q[k] {
			l.theta[j] += weight * x
		}
	}
}

// gaussians are n draws from N(0, deviation^2).
func gaussians(n int, deviation float64, r *rng.Stream) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = deviation * normal(r)
	}
	return out
}
