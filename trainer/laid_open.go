package trainer

import (
	"context"
	"errors"
	"math"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/loader/pack"
	"spar/loader/shard"
	"spar/native"
	"spar/trainer/policy"
	"spar/trainer/schedule"
)

// StepReport is one optimizer step with everything that went into it. Lists over sequences are in the order of the step:
// chosen and rejected (sft: the completion) of the first row, then of the second, and so on.
type StepReport struct {
	Step         int          `json:"step"` // from 1
	Loss         float64      `json:"loss"`
	LearningRate float64      `json:"learning_rate"`
	Rows         []int        `json:"rows"`                 // lines of the data file, of a preference pair lines of preferences.data
	Preference   []bool       `json:"preference,omitempty"` // for each row, whether it is a preference pair; absent where none are mixed in
	Coef         []float64    `json:"coef"`                 // dL/dlogp
	Logp         []float64    `json:"logp"`                 // sums, nats, before the step
	GradNorm     float64      `json:"grad_norm"`            // of all tensors, before clipping
	Tensors      []TensorStep `json:"tensors"`              // gradients before clipping
	LogpAfter    []float64    `json:"logp_after"`           // sums after the step
}

// TensorStep is a gradient in short.
type TensorStep struct {
	Name  string    `json:"name"` // Hugging Face name
	Norm  float64   `json:"norm"`
	First []float32 `json:"first"` // up to 8 values
}

// Steps takes up to n optimizer steps on the rows of c's training data and reports each. Nothing is sampled and nothing is
// written: a self-play algorithm takes its pairs from the rows, like dpo, and mixes preference pairs in as in its first
// iteration. References are those of the rows, else the model's own before the first step.
func Steps(ctx context.Context, c *Config, n int, o RunOptions, report func(StepReport) error) (err error) {
	r := &run{c: c, o: o, fs: fsys.OS, lib: o.Library}
	defer func() { err = errors.Join(err, r.close()) }()
	u, err := r.openSteps(ctx)
	if err != nil {
		return r.classify(err)
	}
	for ; u.done < min(n, len(u.plan)); u.done++ {
		s, err := u.layOpen(ctx)
		if err != nil {
			return r.classify(err)
		}
		if err := report(s); err != nil {
			return err
		}
	}
	return nil
}

// openSteps is what openRun and the stages before an update do, without a run directory.
func (r *run) openSteps(ctx context.Context) (*updating, error) {
	if err := r.c.Validate(); err != nil {
		return nil, err
	}
	if err := r.openModel(); err != nil {
		return nil, err
	}
	needs := r.objective.Needs()
	if needs.Proto {
		return nil, fault.Inputf("%s needs responses of the first policy, which rows do not give; use spar train", r.c.Algorithm)
	}
	var err error
	if r.train, err = r.readCorpus(r.c.Data.Train, 0, needs.Generated); err != nil {
		return nil, err
	}
	if err := r.openPreferences(); err != nil {
		return nil, err
	}
	if err := r.announce(); err != nil {
		return nil, err
	}
	p, err := policy.Open(r.lib, r.model, r.policyOptions())
	if err != nil {
		return nil, err
	}
	r.loaded.policy = p
	u := &updating{r: r, name: "update", policy: p, objective: r.objective}
	if u.material, err = r.rowMaterial(ctx, p); err != nil {
		return nil, err
	}
	if u.plan, err = planSteps(r.c, 0, u.material); err != nil {
		return nil, err
	}
	if u.schedule, err = schedule.New(r.c.Scheduler, r.c.LearningRate.At(0), len(u.plan), r.c.WarmupRatio); err != nil {
		return nil, err
	}
	return u, p.OpenOptimizer(optimizerConfig(r.c))
}

// rowMaterial makes the material of the rows themselves, scoring references that they do not bring.
func (r *run) rowMaterial(ctx context.Context, p *policy.Policy) (material, error) {
	var reference records
	var err error
	if r.objective.Needs().Reference {
		if reference, err = r.scoreRows(ctx, p, r.train); err != nil {
			return material{}, err
		}
	}
	m := material{pairs: dataPairs(r.train, reference, 0)}
	if r.preferences != nil {
		if reference, err = r.scoreRows(ctx, p, r.preferences); err != nil {
			return material{}, err
		}
		preferred, err := r.preferencePairs(reference, len(m.pairs), 0)
		if err != nil {
			return material{}, err
		}
		m.pairs = append(m.pairs, preferred...)
	}
	for _, pair := range m.pairs {
		if err := r.addPair(&m, pair, nil); err != nil {
			return material{}, err
		}
	}
	return m, nil
}

// scoreRows gives a record of log-probs to each response of the rows, unless they bring their references.
func (r *run) scoreRows(ctx context.Context, p *policy.Policy, c *corpus) (records, error) {
	if c.referenced {
		return nil, nil
	}
	groups := dataGroups(c)
	scored, err := p.Score(ctx, groups, policy.ScoreOptions{TokensPerBatch: r.c.TokensPerBatch})
	if err != nil {
		return nil, err
	}
	out := records{}
	for i, g := range groups {
		for j, logp := range scored[i].Logp {
			out.put(shard.Record{Group: g.Key, Sample: j, Logp: logp})
		}
	}
	return out, nil
}

func (u *updating) layOpen(ctx context.Context) (StepReport, error) {
	b, err := u.gradients(ctx)
	if err != nil {
		return StepReport{}, err
	}
	s := StepReport{Step: u.done + 1, Tensors: tensorSteps(u.policy.Tensors())}
	var groups []pack.Group
	for _, x := range b.seen {
		p := u.material.pairs[x.example]
		s.Rows = append(s.Rows, p.Key)
		if u.r.preferences != nil {
			s.Preference = append(s.Preference, p.Preference)
		}
		s.Coef = append(s.Coef, x.coef...)
		s.Logp = append(s.Logp, x.sums...)
		groups = append(groups, u.material.groups[x.example])
	}
	result, err := u.apply(b)
	if err != nil {
		return s, err
	}
	s.Loss, s.LearningRate, s.GradNorm = result.loss, result.learningRate, result.gradNorm
	after, err := u.policy.Score(ctx, groups, policy.ScoreOptions{TokensPerBatch: u.r.c.TokensPerBatch})
	for _, x := range after {
		s.LogpAfter = append(s.LogpAfter, x.Sums()...)
	}
	return s, err
}

func tensorSteps(tensors []native.Tensor) []TensorStep {
	out := make([]TensorStep, len(tensors))
	for i, t := range tensors {
		squares := 0.0
		for _, v := range t.Grad {
			squares += float64(v) * float64(v)
		}
		out[i] = TensorStep{Name: t.Name, Norm: math.Sqrt(squares), First: append([]float32(nil), t.Grad[:min(8, len(t.Grad))]...)}
	}
	return out
}
