package trainer

import (
	"context"
	"fmt"
	"math"

	"spar/internal/fault"
	"spar/loader/pack"
	"spar/trainer/metrics"
	"spar/trainer/objective"
	"spar/trainer/policy"
)

// stepResult is what one optimizer step reports.
type stepResult struct {
	loss         float64
	gradNorm     float64
	learningRate float64
	epoch        float64
	tokens       int64 // response tokens trained on
	logged       means
	drawn        gradientTotals
}

// step accumulates the gradients of the next planned step and applies them.
func (u *updating) step(ctx context.Context) (stepResult, error) {
	b, err := u.gradients(ctx)
	if err != nil {
		return stepResult{}, err
	}
	return u.apply(b)
}

// gradients accumulates those of the next planned step.
func (u *updating) gradients(ctx context.Context) (*batch, error) {
	plan := u.plan[u.done]
	b := &batch{updating: u, divisor: u.divisor(plan)}
	weigh := b.weigh
	if u.gradient != nil {
		b.size, weigh = u.stepSize(plan), b.weighDraws
	}
	for _, micro := range plan.micro {
		groups := make([]pack.Group, len(micro))
		for i, k := range micro {
			groups[i] = u.material.groups[k]
		}
		b.members = micro
		if err := u.policy.Accumulate(ctx, groups, u.r.c.TokensPerBatch, weigh); err != nil {
			return nil, err
		}
	}
	return b, b.checkFirst()
}

// apply takes the optimizer step with the accumulated gradients.
func (u *updating) apply(b *batch) (stepResult, error) {
	plan := u.plan[u.done]
	lr := u.schedule.At(u.done)
	norm, err := u.policy.Step(lr, u.r.c.MaxGradNorm)
	if err != nil {
		return stepResult{}, fmt.Errorf("gradient norm %v: %w", norm, err)
	}
	return stepResult{loss: b.loss(), gradNorm: norm, learningRate: lr, epoch: plan.epoch, tokens: b.tokens, logged: b.logged, drawn: b.drawn}, nil
}

// divisor is what the step's summed loss is divided by: the number of pairs, or of tokens in sft.
func (u *updating) divisor(plan stepPlan) float64 {
	total := 0.0
	for _, k := range plan.examples() {
		total += u.objective.Weight(u.material.examples[k])
	}
	return total
}

// batch gathers the losses of one optimizer step.
type batch struct {
	*updating
	divisor float64
	members []int // of the micro-batch in hand
	seen    []weighed
	losses  []float64
	tokens  int64
	logged  means
	size    objective.StepSize // of a policy gradient
	drawn   gradientTotals
}

// weighed is one example of a step as the objective saw it.
type weighed struct {
	example int       // of the material
	sums    []float64 // log-prob of each response
	coef    []float64 // dL/dlogp of each response
}

// weigh turns log-probs into derivatives: the objective's, divided by the step's divisor.
func (b *batch) weigh(first int, scored []policy.Scored) ([][]policy.Coef, error) {
	examples := make([]objective.Example, len(scored))
	results := make([]objective.Result, len(scored))
	for i, s := range scored {
		k := b.members[first+i]
		if err := checkFinite(b.material.groups[k], s); err != nil {
			return nil, err
		}
		examples[i] = withLogps(b.material.examples[k], s.Sums())
		if err := b.checkReference(b.material.pairs[k], examples[i]); err != nil {
			return nil, err
		}
	}
	b.objective.Evaluate(examples, results)
	coef := make([][]float64, len(scored))
	for i, result := range results {
		k := b.members[first+i]
		if math.IsNaN(result.Loss) || math.IsInf(result.Loss, 0) {
			return nil, fault.New(fault.NonFinite, "row %d: the loss is %v at log-probs %v and %v nats", b.material.pairs[k].Key, result.Loss, examples[i].LpReal, examples[i].LpGen)
		}
		coef[i] = []float64{result.DReal / b.divisor, result.DGen / b.divisor, result.DProto / b.divisor}[:len(scored[i].Logp)]
		b.seen = append(b.seen, weighed{example: k, sums: scored[i].Sums(), coef: coef[i]})
		b.losses = append(b.losses, result.Loss)
		b.logged.add(result.Logged, examples[i])
		for _, response := range b.material.groups[k].Responses {
			b.tokens += int64(len(response))
		}
	}
	return policy.PerResponse(coef), nil
}

func withLogps(e objective.Example, sums []float64) objective.Example {
	e.LpReal = sums[0]
	if len(sums) > 1 {
		e.LpGen = sums[1]
	}
	if e.Single {
		e.LogRatioMismatched = e.LpGen - e.RefGen
	}
	if len(sums) > 2 {
		e.LpProto = sums[2]
	}
	return e
}

func checkFinite(g pack.Group, s policy.Scored) error {
	for j, logp := range s.Logp {
		for i, x := range logp {
			if v := float64(x); math.IsNaN(v) || math.IsInf(v, 0) {
				return fault.New(fault.NonFinite, "row %d, response %d, token %d: the log-prob is %v", g.Key, j, i, v)
			}
		}
	}
	return nil
}

// startsAtReference reports whether the next step is the first of an iteration whose reference is the policy itself.
func (b *batch) startsAtReference() bool {
	return b.done == 0 && b.r.c.SelfPlay() && b.objective.Needs().Reference && !b.r.train.referenced
}

// checkReference asserts that at the first step every log-ratio is exactly 0: the training forward gives the bits that sampler and scorer gave.
func (b *batch) checkReference(p pair, e objective.Example) error {
	if !b.startsAtReference() {
		return nil
	}
	for _, side := range []struct {
		name    string
		lp, ref float64
	}{{"real", e.LpReal, e.RefReal}, {"generated", e.LpGen, e.RefGen}} {
		if side.lp != side.ref {
			return fault.New(fault.Failed, "row %d, sample %d of iteration %d: the %s response has log-prob %v before any training and %v under the opponent, which is the same policy; the engine's forward and decode disagree, or a file of this run was changed",
				p.Key, p.Sample, b.t, side.name, side.lp, side.ref)
		}
	}
	return nil
}

// checkFirst asserts that SPIN's first loss is exactly ln 2.
func (b *batch) checkFirst() error {
	c := b.r.c
	if !b.startsAtReference() || c.Algorithm != "spin" || c.LossType != "sigmoid" || c.SFTWeight != 0 {
		return nil
	}
	for i, loss := range b.losses {
		if loss != math.Ln2 {
			return fault.New(fault.Failed, "the first loss of pair %d of the step is %v, not ln 2 = %v", i, loss, math.Ln2)
		}
	}
	return nil
}

// loss is the step's loss. The mean is taken around the first value, so that equal losses have exactly that mean.
func (b *batch) loss() float64 {
	if b.gradient != nil {
		return b.drawn.loss
	}
	if len(b.losses) == 0 {
		return 0
	}
	if float64(len(b.losses)) != b.divisor {
		total := 0.0
		for _, x := range b.losses {
			total += x
		}
		return total / b.divisor
	}
	return exactMean(b.losses)
}

func exactMean(values []float64) float64 {
	rest := 0.0
	for _, x := range values {
		rest += x - values[0]
	}
	return values[0] + rest/float64(len(values))
}

// means sums what is logged over a step.
type means struct {
	n                     float64
	real, gen, accuracy   float64
	logpReal, logpGen     float64
	lengthReal, lengthGen float64
	startGap              float64
}

func (m *means) add(l objective.Logged, e objective.Example) {
	m.n++
	m.real += l.RewardReal
	m.gen += l.RewardGen
	m.accuracy += l.Accuracy
	m.logpReal += e.LpReal
	m.logpGen += e.LpGen
	m.lengthReal += float64(e.LenReal)
	m.lengthGen += float64(e.LenGen)
	m.startGap += startGap(e)
}

// record is the step's line of metrics.jsonl.
func (s stepResult) record(u *updating) metrics.Record {
	if u.gradient != nil {
		return s.gradientRecord(u)
	}
	m, n := s.logged, max(1, s.logged.n)
	v := map[string]float64{
		"loss": s.loss, "grad_norm": s.gradNorm, "learning_rate": s.learningRate, "epoch": s.epoch, "tokens": float64(s.tokens),
		"logps/chosen": m.logpReal / n, "length/chosen": m.lengthReal / n,
	}
	if u.objective.Needs().Generated {
		v["rewards/chosen"], v["rewards/rejected"] = m.real/n, m.gen/n
		v["rewards/margins"], v["rewards/accuracies"] = (m.real-m.gen)/n, m.accuracy/n
		v["logps/rejected"], v["length/rejected"] = m.logpGen/n, m.lengthGen/n
	}
	if u.done == 1 && u.objective.Needs().Reference {
		v["update/start_gap"] = m.startGap / n
	}
	if u.r.c.SelfPlay() {
		v["rewards/real"], v["rewards/generated"] = v["rewards/chosen"], v["rewards/rejected"]
		v["logps/real"], v["logps/generated"] = v["logps/chosen"], v["logps/rejected"]
	}
	return u.record(v)
}

// record is a line of metrics.jsonl at the update's newest step. What is not the policy's own has the update's name before it.
func (u *updating) record(v map[string]float64) metrics.Record {
	if u.name != "update" {
		v = prefixed(u.name+"/", v)
	}
	return metrics.Record{Iteration: u.t, Step: u.first + int64(u.done), Values: v}
}
