package native

import "unsafe"

// OptimizerKind is an update rule.
type OptimizerKind int32

// Optimizer kinds.
const (
	OptimizerNone OptimizerKind = -1 // for Plan only
	AdamW         OptimizerKind = sparOptimAdamw
	RMSProp       OptimizerKind = sparOptimRmsprop
)

// OptimizerConfig is PyTorch's parametrisation of the two rules.
type OptimizerConfig struct {
	Kind        OptimizerKind
	Beta1       float64 // AdamW
	Beta2       float64 // AdamW; RMSProp's alpha
	Eps         float64
	WeightDecay float64 // on matrices only
}

// OptimizerState is the optimizer's memory. The slices alias native memory, one element for each
// parameter, in the order of Tensor.Offset.
type OptimizerState struct {
	Step   int64     // steps taken
	First  []float32 // AdamW exp_avg, RMSProp square_avg
	Second []float32 // AdamW exp_avg_sq, else nil
}

// Optimizer updates a model's weights from its gradients.
type Optimizer struct {
	model  *Model
	node   *node
	handle sparOptimizer
}

// OpenOptimizer allocates zeroed state.
func (m *Model) OpenOptimizer(c OptimizerConfig) (*Optimizer, error) {
	desc := &sparOptimizerDesc{
		Size: int64(unsafe.Sizeof(sparOptimizerDesc{})), Kind: int32(c.Kind),
		Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps, WeightDecay: c.WeightDecay,
	}
	o := &Optimizer{model: m}
	err := m.ctx.do(m.node, func() error {
		if err := m.ctx.check("optimizer open", m.ctx.calls.optimizerOpen(m.handle, desc, &o.handle)); err != nil {
			return err
		}
		o.node = m.node.add(func() error { return m.ctx.check("optimizer close", m.ctx.calls.optimizerClose(o.handle)) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// Step clips the gradients to maxGradNorm (0: does not), updates the weights, zeroes the gradients
// and packs the weights. gradNorm is the l2 norm before clipping. ErrNonFinite leaves everything
// as it was; gradNorm is then still set.
func (o *Optimizer) Step(lr, maxGradNorm float64) (gradNorm float64, err error) {
	desc := &sparStepDesc{Size: int64(unsafe.Sizeof(sparStepDesc{})), LearningRate: lr, MaxGradNorm: maxGradNorm}
	out := &sparStepResult{Size: int64(unsafe.Sizeof(sparStepResult{}))}
	err = o.do("optimizer step", func() int32 { return o.model.ctx.calls.optimizerStep(o.handle, desc, out) })
	return out.GradNorm, err
}

// State returns views of the state; after Close it is empty.
func (o *Optimizer) State() OptimizerState {
	out := &sparOptimizerState{Size: int64(unsafe.Sizeof(sparOptimizerState{}))}
	if o.do("optimizer state", func() int32 { return o.model.ctx.calls.optimizerPointers(o.handle, out) }) != nil {
		return OptimizerState{}
	}
	return OptimizerState{Step: out.Step, First: view(out.First, int(out.Elements)), Second: view(out.Second, int(out.Elements))}
}

// Resume sets the step counter after the state's slices were restored.
func (o *Optimizer) Resume(step int64) error {
	return o.do("optimizer resume", func() int32 { return o.model.ctx.calls.optimizerResume(o.handle, step) })
}

func (o *Optimizer) do(call string, f func() int32) error {
	return o.model.ctx.do(o.node, func() error { return o.model.ctx.check(call, f()) })
}

// Close frees the state.
func (o *Optimizer) Close() error { return o.model.ctx.do(o.node, o.node.close) }
