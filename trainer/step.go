package trainer

import (
	"context"
	"fmt"
	"math"

	"spar/internal/fault"
	"spar/loader/pack"
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
	seen         []weighed
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
	return stepResult{loss: b.loss(), gradNorm: norm, learningRate: lr, epoch: plan.epoch, tokens: b.tokens, seen: b.seen, drawn: b.drawn}, nil
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
	tokens  int64
	size    objective.StepSize // of a policy gradient
	drawn   gradientTotals
}

// weighed is one example of a step as the objective saw it.
type weighed struct {
	example int // of the material
	values  objective.Example
	sums    []float64 // log-prob of each response
	coef    []float64 // dL/dlogp of each response
	result  objective.Result
}

// weigh turns log-probs into derivatives: the objective's, divided by the step's divisor.
func (b *batch) weigh(first int, scored []policy.Scored) ([][]policy.Coef, error) {
	defer b.r.counted()()
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
			return nil, fault.New(fault.NonFinite, "%s: the loss is %v at log-probs %v and %v nats", b.material.pairs[k].row(), result.Loss, examples[i].LpReal, examples[i].LpGen)
		}
		coef[i] = []float64{result.DReal / b.divisor, result.DGen / b.divisor, result.DProto / b.divisor}[:len(scored[i].Logp)]
		b.seen = append(b.seen, weighed{example: k, values: examples[i], sums: scored[i].Sums(), coef: coef[i], result: result})
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

// startsAtReference reports whether the next step is the update's first and the pair's reference is the policy itself.
func (b *batch) startsAtReference(p pair) bool {
	return b.done == 0 && p.Reference == b.start
}

// checkReference asserts that at the first step every log-ratio to the policy itself is exactly 0: the training forward gives the bits that
// sampler and scorer gave.
func (b *batch) checkReference(p pair, e objective.Example) error {
	if !b.startsAtReference(p) {
		return nil
	}
	for _, side := range []struct {
		name    string
		lp, ref float64
	}{{"real", e.LpReal, e.RefReal}, {"generated", e.LpGen, e.RefGen}} {
		if side.lp != side.ref {
			return fault.New(fault.Failed, "%s, sample %d of iteration %d: the %s response has log-prob %v before any training and %v under the reference, which is the same policy; the engine's forward and decode disagree, or a file of this run was changed",
				p.row(), p.Sample, b.t, side.name, side.lp, side.ref)
		}
	}
	return nil
}

// checkFirst asserts that SPIN's first loss is exactly ln 2 on every pair whose reference is the policy itself.
func (b *batch) checkFirst() error {
	c := b.r.c
	if c.Algorithm != "spin" || c.LossType != "sigmoid" || c.SFTWeight != 0 {
		return nil
	}
	for i, x := range b.seen {
		if b.startsAtReference(b.material.pairs[x.example]) && x.result.Loss != math.Ln2 {
			return fault.New(fault.Failed, "the first loss of pair %d of the step is %v, not ln 2 = %v", i, x.result.Loss, math.Ln2)
		}
	}
	return nil
}

// loss is the step's loss.
func (b *batch) loss() float64 {
	if b.gradient != nil {
		return b.drawn.loss
	}
	if float64(len(b.seen)) == b.divisor {
		return meanLoss(b.seen)
	}
	total := 0.0
	for _, x := range b.seen {
		total += x.result.Loss
	}
	return total / b.divisor
}

// meanLoss is taken around the first value, so that equal losses have exactly that mean.
func meanLoss(seen []weighed) float64 {
	losses := make([]float64, len(seen))
	for i, x := range seen {
		losses[i] = x.result.Loss
	}
	return exactMean(losses)
}

func exactMean(values []float64) float64 {
	rest := 0.0
	for _, x := range values {
		rest += x - values[0]
	}
	return values[0] + rest/float64(len(values))
}
