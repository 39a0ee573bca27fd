package trainer

import (
	"math"

	"spar/internal/fault"
	"spar/trainer/metrics"
	"spar/trainer/objective"
	"spar/trainer/policy"
)

// newGradient is the policy gradient of the config.
func (r *run) newGradient() (objective.PolicyGradient, error) {
	p := objective.GradientParams{ClipLow: r.c.Play.ClipLow, ClipHigh: r.c.Play.ClipHigh, KLWeight: r.c.Play.KLWeight, MaxLength: r.c.Sampling.MaxNewTokens}
	return objective.NewPolicyGradient(r.c.Play.Objective, p)
}

// gradientTotals are sums over an optimizer step's draws.
type gradientTotals struct {
	loss                float64
	draws               int
	tokens, clipped     int
	drift               float64 // mean over draws of the mean over tokens of logp - old: how far the policy has moved
	gap                 float64 // like drift, of the absolute differences
	advantage, positive float64
	kl                  float64 // k3 summed over tokens, nats
}

// stepSize is what the step's loss is divided by.
func (u *updating) stepSize(plan stepPlan) objective.StepSize {
	defer u.r.counted()()
	examples := plan.examples()
	draws := make([]objective.Draw, len(examples))
	for i, k := range examples {
		draws[i] = u.material.draws[k]
		draws[i].Logp = draws[i].Old
	}
	return u.gradient.Count(draws)
}

// weighDraws turns log-probs into the policy gradient's derivatives.
func (b *batch) weighDraws(first int, scored []policy.Scored) ([][]policy.Coef, error) {
	defer b.r.counted()()
	draws, results := make([]objective.Draw, len(scored)), make([]objective.TokenResult, len(scored))
	tokens := 0
	for _, s := range scored {
		tokens += len(s.Logp[0])
	}
	room := make([]float64, 2*tokens) // for log-probs and derivatives
	part := func(n int) []float64 {
		out := room[:n:n]
		room = room[n:]
		return out
	}
	for i, s := range scored {
		k := b.members[first+i]
		if err := checkFinite(b.material.groups[k], s); err != nil {
			return nil, err
		}
		n := len(s.Logp[0])
		draws[i] = b.material.draws[k]
		draws[i].Logp, results[i].Coef = widen(part(n), s.Logp[0]), part(n)
	}
	b.gradient.EvaluatePart(b.size, draws, results)
	coef := make([][]policy.Coef, len(scored))
	for i, result := range results {
		if math.IsNaN(result.Loss) || math.IsInf(result.Loss, 0) {
			return nil, fault.New(fault.NonFinite, "row %d: the loss is %v at advantage %v", b.material.pairs[b.members[first+i]].Key, result.Loss, draws[i].Advantage)
		}
		coef[i] = []policy.Coef{result.Coef}
		b.drawn.add(draws[i], result)
	}
	b.tokens = int64(b.drawn.tokens)
	return coef, nil
}

func (g *gradientTotals) add(d objective.Draw, r objective.TokenResult) {
	g.loss += r.Loss
	g.draws++
	g.tokens += len(d.Logp)
	g.clipped += r.Clipped
	g.kl += r.KL
	for i, logp := range d.Logp {
		g.drift += (logp - d.Old[i]) / float64(len(d.Logp))
		g.gap += math.Abs(logp-d.Old[i]) / float64(len(d.Logp))
	}
	g.advantage += d.Advantage
	if d.Advantage > 0 {
		g.positive++
	}
}

// gradientRecord is the line of metrics.jsonl of a step of play.
func (s stepResult) gradientRecord(u *updating) metrics.Record {
	n := float64(max(1, s.drawn.draws))
	v := map[string]float64{
		"loss": s.loss, "grad_norm": s.gradNorm, "learning_rate": s.learningRate, "epoch": s.epoch, "tokens": float64(s.tokens),
		"clip_ratio": float64(s.drawn.clipped) / float64(max(1, s.drawn.tokens)), "drift": s.drawn.drift / n,
		"advantages/mean": s.drawn.advantage / n, "advantages/positive": s.drawn.positive / n,
	}
	if u.r.c.Play.KLWeight > 0 {
		v["objective/kl"] = s.drawn.kl / float64(max(1, s.drawn.tokens))
	}
	if u.done == 1 {
		v["update/start_gap"] = s.drawn.gap / n
	}
	return u.record(v)
}

func float64s(in []float32) []float64 { return widen(make([]float64, len(in)), in) }

func widen(out []float64, in []float32) []float64 {
	for i, v := range in {
		out[i] = float64(v)
	}
	return out
}
