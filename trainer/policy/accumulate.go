package policy

import (
	"context"
	"errors"
	"math"

	"spar/internal/fault"
	"spar/loader/pack"
	"spar/native"
)

// Weigh turns the scores of consecutive groups, of which the first is number first of those given
// to Accumulate, into the derivatives of each response of each group.
type Weigh func(first int, scored []Scored) (coef [][]Coef, err error)

// Coef is dL/dlogp of each token of a response, or one number for all of them.
type Coef []float64

// PerResponse makes coefficients of one number for each response.
func PerResponse(values [][]float64) [][]Coef {
	out := make([][]Coef, len(values))
	for i, group := range values {
		for _, v := range group {
			out[i] = append(out[i], Coef{v})
		}
	}
	return out
}

// at is the derivative of a token.
func (c Coef) at(token int) float64 {
	if len(c) == 1 {
		return c[0]
	}
	return c[token]
}

// Accumulate adds the gradients of a loss over gs to the model's, in micro-batches of up to
// tokensPerBatch rows (0: as in ScoreOptions). On failure all gradients are zero, so that the same
// call may be made again.
func (p *Policy) Accumulate(ctx context.Context, gs []pack.Group, tokensPerBatch int, w Weigh) error {
	return p.watched(ctx, func() error {
		first := 0
		err := p.eachBatch(ctx, gs, tokensPerBatch, true, func(b *native.Batch, part []pack.Group) error {
			if err := backward(b, part, first, w); err != nil {
				return err
			}
			first += len(part)
			return nil
		})
		if err != nil {
			return errors.Join(err, p.model.ZeroGrad())
		}
		return nil
	})
}

// backward runs one micro-batch both ways.
func backward(b *native.Batch, gs []pack.Group, first int, w Weigh) error {
	scored, err := forward(b, gs, false)
	if err != nil {
		return err
	}
	coef, err := w(first, scored)
	if err != nil {
		return err
	}
	if len(coef) != len(gs) {
		return fault.New(fault.Failed, "the objective weighed %d of %d groups", len(coef), len(gs))
	}
	if pack.Need(gs).Rows == 0 {
		return nil
	}
	clear(b.Coef)
	for i, spans := range pack.Index(gs) {
		if len(coef[i]) != len(spans) {
			return fault.New(fault.Failed, "the objective weighed %d of %d responses of group %d", len(coef[i]), len(spans), gs[i].Key)
		}
		for j, span := range spans {
			if n := len(coef[i][j]); n != 1 && n != span.Count {
				return fault.New(fault.Failed, "the objective weighed %d of %d tokens of group %d, response %d", n, span.Count, gs[i].Key, j)
			}
			for token := range span.Count {
				c := coef[i][j].at(token)
				if math.IsNaN(c) || math.IsInf(c, 0) {
					return fault.New(fault.NonFinite, "the loss of group %d, response %d, token %d has the derivative %v", gs[i].Key, j, token, c)
				}
				b.Coef[span.First+token] = float32(c)
			}
		}
	}
	return b.Backward()
}

// OpenOptimizer allocates the state of an update rule, replacing an earlier one.
func (p *Policy) OpenOptimizer(c native.OptimizerConfig) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.optimizer != nil {
		if err := p.optimizer.Close(); err != nil {
			return err
		}
		p.optimizer, p.kind = nil, native.OptimizerNone
	}
	if _, err := CheckMemory(p.lib, p.Config, p.options, Workload{Optimizer: c.Kind}, p.limit); err != nil {
		return err
	}
	o, err := p.model.OpenOptimizer(c)
	if err != nil {
		return err
	}
	p.optimizer, p.kind = o, c.Kind
	return nil
}

var errNoOptimizer = errors.New("policy: a step needs an optimizer; call OpenOptimizer first")

// Step updates the weights from the accumulated gradients and zeroes them; see
// native.Optimizer.Step.
func (p *Policy) Step(lr, maxNorm float64) (gradNorm float64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.optimizer == nil {
		return 0, errNoOptimizer
	}
	p.hash = ""
	return p.optimizer.Step(lr, maxNorm)
}

// OptimizerState returns views of the optimizer's state; empty without one.
func (p *Policy) OptimizerState() native.OptimizerState {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.optimizer == nil {
		return native.OptimizerState{}
	}
	return p.optimizer.State()
}

// ResumeOptimizer sets the step counter after the state's vectors were restored.
func (p *Policy) ResumeOptimizer(step int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.optimizer == nil {
		return errNoOptimizer
	}
	return p.optimizer.Resume(step)
}
