package native

import "unsafe"

// Model is a set of weights with, when trainable, their gradients.
type Model struct {
	ctx     *Context
	node    *node
	handle  sparModel
	tensors []Tensor
}

// Tensor is one weight. Data and Grad are views of native memory.
type Tensor struct {
	Name   string // Hugging Face name
	Shape  []int  // [out, in] row-major, or [n]
	Decay  bool   // weight decay applies: matrices
	Offset int    // of the first element in the flat parameter vector
	Data   []float32
	Grad   []float32 // nil when the model is not trainable
}

// OpenModel allocates zeroed weights. Write them through Tensors, then call Prepare.
func (c *Context) OpenModel(s Spec, m ModelConfig) (*Model, error) {
	spec, err := s.lower()
	if err != nil {
		return nil, err
	}
	out := &Model{ctx: c}
	err = c.do(c.root, func() error {
		if err := c.check("model open", c.calls.modelOpen(c.handle, spec, m.lower(), &out.handle)); err != nil {
			return err
		}
		out.node = c.root.add(func() error { return c.check("model close", c.calls.modelClose(out.handle)) })
		out.listTensors()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// listTensors asks for tensors until the index runs past the end.
func (m *Model) listTensors() {
	for i := int32(0); ; i++ {
		t := sparTensor{Size: int64(unsafe.Sizeof(sparTensor{}))}
		if m.ctx.calls.modelTensor(m.handle, i, &t) != sparOk {
			return
		}
		shape := []int{int(t.Shape[0])}
		if t.Ndim == 2 {
			shape = append(shape, int(t.Shape[1]))
		}
		m.tensors = append(m.tensors, Tensor{
			Name: cString(t.Name[:]), Shape: shape, Decay: t.Decay != 0, Offset: int(t.Offset),
			Data: view(t.Data, int(t.Elements)), Grad: view(t.Grad, int(t.Elements)),
		})
	}
}

// Tensors returns the weights in the engine's fixed order. The views die with the model.
func (m *Model) Tensors() []Tensor { return m.tensors }

// Prepare packs the weights for computing. Call it after writing Data; Optimizer.Step does it
// itself. ErrNonFinite names the tensor and index of a NaN or infinity.
func (m *Model) Prepare() error {
	return m.do("model prepare", m.ctx.calls.modelPrepare)
}

// ZeroGrad zeroes all gradients.
func (m *Model) ZeroGrad() error {
	return m.do("zero grad", m.ctx.calls.modelZeroGrad)
}

func (m *Model) do(call string, f func(sparModel) int32) error {
	return m.ctx.do(m.node, func() error { return m.ctx.check(call, f(m.handle)) })
}

// Close closes the model's batches, optimizers and samplers, then frees the weights.
func (m *Model) Close() error { return m.ctx.do(m.node, m.node.close) }
