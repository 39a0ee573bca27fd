package trainer

import (
	"context"
	"errors"
	"math"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/trainer/policy"
	"spar/trainer/schedule"
)

// StepReport is one optimizer step laid open. Responses are in the order chosen, rejected of the first row, then of the second, and
// so on; a row of sft has one response.
type StepReport struct {
	Step      int            `json:"step"`
	Rows      []int          `json:"rows"` // lines of the data file
	Loss      float64        `json:"loss"`
	Coef      []float64      `json:"coef"`      // dLoss/dlogp of each response
	Logp      []float64      `json:"logp"`      // nats, summed over each response, before the step
	GradNorm  float64        `json:"grad_norm"` // before clipping
	Tensors   []TensorReport `json:"tensors"`   // gradients before clipping
	LogpAfter []float64      `json:"logp_after"`
}

// TensorReport is one gradient.
type TensorReport struct {
	Name  string    `json:"name"`
	Norm  float64   `json:"norm"`
	First []float32 `json:"first"` // up to 8 numbers
}

// Steps takes n optimizer steps on the rows of data.train as they are, and hands each to emit. Pairs are the data's own in every algorithm,
// self-play ones included: nothing is sampled, and no file is written. The reference is what the rows give, or the model before the
// first step.
func Steps(ctx context.Context, c *Config, o RunOptions, n int, emit func(StepReport) error) (err error) {
	if c.Algorithm == "tspin" {
		return fault.Inputf("step: tspin needs a third response for each row, which no data shape has; use train")
	}
	if err := c.Validate(); err != nil {
		return err
	}
	own := *c
	own.Data.Eval = ""
	r := &run{c: &own, o: o, fs: fsys.OS, lib: o.Library, dataPairs: c.Algorithm != "sft"}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.openInputs(); err != nil {
		return r.classify(err)
	}
	u, err := r.openSteps(ctx, n)
	if err != nil {
		return r.classify(err)
	}
	for range n {
		report, err := u.report(ctx)
		if err != nil {
			return r.classify(stopOr(ctx, err))
		}
		if err := emit(report); err != nil {
			return err
		}
	}
	return nil
}

// openSteps is an update on the data's own pairs.
func (r *run) openSteps(ctx context.Context, n int) (*updating, error) {
	r.lineage.Kernels, r.lineage.Precision = r.lib.Info().BestISA, r.precision()
	r.lineage.Model.Hash = "in memory"
	u := &updating{r: r, objective: r.objective}
	if err := u.fresh(); err != nil {
		return nil, err
	}
	reference, err := u.scoreData(ctx)
	if err != nil {
		return nil, err
	}
	u.material.pairs = r.dataPairsOf(reference)
	for _, p := range u.material.pairs {
		if err := r.addPair(&u.material, p, nil); err != nil {
			return nil, err
		}
	}
	if u.plan, err = planSteps(r.c, 0, u.material.groups); err != nil {
		return nil, err
	}
	if len(u.plan) < n {
		r.c.MaxSteps = n
		if u.plan, err = planSteps(r.c, 0, u.material.groups); err != nil {
			return nil, err
		}
	}
	u.schedule, err = schedule.New(r.c.Scheduler, r.c.LearningRate.At(0), len(u.plan), r.c.WarmupRatio)
	return u, err
}

// scoreData is the reference's log-prob sums of the data's responses by row and side; nil when none are needed.
func (u *updating) scoreData(ctx context.Context) (map[id]float64, error) {
	if !u.r.needsReference() {
		return nil, nil
	}
	groups := dataGroups(u.r.train)
	scored, err := u.policy.Score(ctx, groups, policy.ScoreOptions{TokensPerBatch: u.r.c.TokensPerBatch})
	if err != nil {
		return nil, err
	}
	out := map[id]float64{}
	for i, g := range groups {
		for j, s := range scored[i].Sums() {
			out[id{g.Key, j}] = s
		}
	}
	return out, nil
}

// report takes one step.
func (u *updating) report(ctx context.Context) (StepReport, error) {
	plan := u.plan[u.done]
	b, err := u.accumulate(ctx, plan)
	if err != nil {
		return StepReport{}, err
	}
	out := StepReport{Step: u.done + 1, Loss: b.loss(), Coef: b.coef, Logp: b.logp, Tensors: u.gradients()}
	if out.GradNorm, err = u.policy.Step(u.schedule.At(u.done), u.r.c.MaxGradNorm); err != nil {
		return StepReport{}, err
	}
	u.done++
	groups := u.groups(plan.examples())
	scored, err := u.policy.Score(ctx, groups, policy.ScoreOptions{TokensPerBatch: u.r.c.TokensPerBatch})
	if err != nil {
		return StepReport{}, err
	}
	for i, s := range scored {
		out.Rows = append(out.Rows, groups[i].Key)
		out.LogpAfter = append(out.LogpAfter, s.Sums()...)
	}
	return out, nil
}

func (u *updating) gradients() []TensorReport {
	var out []TensorReport
	for _, t := range u.policy.Tensors() {
		total := 0.0
		for _, g := range t.Grad {
			total += float64(g) * float64(g)
		}
		first := append([]float32{}, t.Grad[:min(8, len(t.Grad))]...)
		out = append(out, TensorReport{Name: t.Name, Norm: math.Sqrt(total), First: first})
	}
	return out
}
