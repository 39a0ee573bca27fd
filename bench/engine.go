package bench

import (
	"context"
	"errors"

	"spar/loader/pack"
	"spar/native"
	"spar/trainer/objective"
	"spar/trainer/policy"
)

// The update's rule: what a SPIN run uses, with rates that keep random weights finite.
const (
	updateRate    = 1e-6
	updateMaxNorm = 1.0
	updateBeta    = 0.1
)

var updateOptimizer = native.OptimizerConfig{Kind: native.AdamW, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}

// Update measures one SPIN update: forward, sigmoid objective, backward and AdamW step over all
// pairs. The reference is scored once before timing and stored, as in a run.
func Update(ctx context.Context, lib *native.Library, c Config) (*Result, error) {
	return c.onPairs(ctx, lib, "update", true, func(p *policy.Policy, gs []pack.Group) (func() error, error) {
		reference, err := p.Score(ctx, gs, policy.ScoreOptions{TokensPerBatch: c.TokensPerBatch})
		if err != nil {
			return nil, err
		}
		params := objective.Defaults()
		params.Beta = updateBeta
		loss, err := objective.New("spin", "sigmoid", params)
		if err != nil {
			return nil, err
		}
		if err := p.OpenOptimizer(updateOptimizer); err != nil {
			return nil, err
		}
		return func() error {
			if err := p.Accumulate(ctx, gs, c.TokensPerBatch, weigh(loss, reference)); err != nil {
				return err
			}
			_, err := p.Step(updateRate, updateMaxNorm)
			return err
		}, nil
	})
}

// weigh is the mean of the objective over all pairs, against stored references.
func weigh(loss objective.Objective, reference []policy.Scored) policy.Weigh {
	return func(first int, scored []policy.Scored) ([][]policy.Coef, error) {
		examples, results := make([]objective.Example, len(scored)), make([]objective.Result, len(scored))
		for i, s := range scored {
			lp, ref := s.Sums(), reference[first+i].Sums()
			examples[i] = objective.Example{
				LpReal: lp[0], LpGen: lp[1], RefReal: ref[0], RefGen: ref[1], LenReal: len(s.Logp[0]), LenGen: len(s.Logp[1]),
			}
		}
		loss.Evaluate(examples, results)
		coef := make([][]float64, len(scored))
		for i, r := range results {
			n := float64(len(reference))
			coef[i] = []float64{r.DReal / n, r.DGen / n}
		}
		return policy.PerResponse(coef), nil
	}
}

// Score measures log-probs of all pairs.
func Score(ctx context.Context, lib *native.Library, c Config) (*Result, error) {
	return c.onPairs(ctx, lib, "score", false, func(p *policy.Policy, gs []pack.Group) (func() error, error) {
		return func() error {
			_, err := p.Score(ctx, gs, policy.ScoreOptions{TokensPerBatch: c.TokensPerBatch})
			return err
		}, nil
	})
}

// onPairs opens the policy, lets prepare build the repeat, and measures it.
func (c Config) onPairs(ctx context.Context, lib *native.Library, name string, train bool, prepare func(*policy.Policy, []pack.Group) (func() error, error)) (r *Result, err error) {
	if c, err = c.withDefaults(); err != nil {
		return nil, err
	}
	if c.Workload, err = c.Workload.needPairs(name); err != nil {
		return nil, err
	}
	gs := c.Workload.groups(c.Seed, c.Model.Config.VocabSize)
	need := pack.Need(gs)
	if c.TokensPerBatch == 0 {
		c.TokensPerBatch = need.Rows
	}
	c.Policy.Trainable, c.Policy.MaxLength = train, c.Workload.longest()
	p, err := policy.Open(lib, c.Model, c.Policy)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	run, err := prepare(p, gs)
	if err != nil {
		return nil, err
	}
	r = c.result(name, lib, p)
	load := policy.Workload{Optimizer: native.OptimizerNone, Score: need}
	passes := 1.0
	if train {
		load = policy.Workload{Optimizer: updateOptimizer.Kind, Train: need}
		passes = 3 // the backward pass multiplies twice for each multiplication of the forward pass
	}
	if err := c.plan(r, lib, load); err != nil {
		return nil, err
	}
	w := work{run: run, logical: c.Workload.logical(), processed: need.Rows, flops: passes * forwardFlops(c.Model.Config, gs)}
	return r, c.measure(ctx, r, w, p)
}

// plan records the memory plan of the workload; a budget below the workload makes it an upper bound.
func (c Config) plan(r *Result, lib *native.Library, w policy.Workload) error {
	for _, l := range []*pack.Limits{&w.Train, &w.Score} {
		l.Rows, l.Targets = min(l.Rows, c.TokensPerBatch), min(l.Targets, c.TokensPerBatch)
	}
	m, err := policy.PlanMemory(lib, c.Model.Config, c.Policy, w)
	r.PlanMB = float64(m.Peak()) / (1 << 20)
	return err
}

// Rollout measures sampling: batch prompts of prompt_len random ids, new_tokens tokens each at
// temperature 1, no stop ids. tok_s counts new tokens, processed_tok_s also the prompts' rows.
func Rollout(ctx context.Context, lib *native.Library, c Config) (r *Result, err error) {
	if c, err = c.withDefaults(); err != nil {
		return nil, err
	}
	if c.Workload, err = c.Workload.needBatch("rollout"); err != nil {
		return nil, err
	}
	w := c.Workload
	c.Policy.Trainable, c.Policy.MaxLength = false, w.longest()
	p, err := policy.Open(lib, c.Model, c.Policy)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	requests := w.requests(c.Seed, c.Model.Config.VocabSize)
	o := policy.SampleOptions{MaxRows: max(w.Batch, policy.DefaultSampleRows)}
	o.KVTokens = policy.PoolTokens(requests)
	r = c.result("rollout", lib, p)
	if err := c.plan(r, lib, policy.Workload{Optimizer: native.OptimizerNone, Sampler: native.SamplerConfig{MaxRows: o.MaxRows, KVTokens: o.KVTokens}}); err != nil {
		return nil, err
	}
	config := c.Model.Config
	one := responseFlops(config, w.PromptLen, w.NewTokens)
	for i := range w.PromptLen - 1 {
		one += rowFlops(config, i)
	}
	return r, c.measure(ctx, r, work{
		run: func() error {
			return p.Sample(ctx, requests, o, func(policy.Completion) error { return nil })
		},
		logical:   w.Batch * w.NewTokens,
		processed: w.Batch * (w.PromptLen - 1 + w.NewTokens),
		flops:     float64(w.Batch) * one,
	}, p)
}
