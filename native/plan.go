package native

import "unsafe"

// Plan is the exact number of bytes that the open calls would allocate.
type Plan struct {
	Parameters     int64
	WeightBytes    int64 // fp32 masters
	GradientBytes  int64
	PackedBytes    int64 // computing copies
	OptimizerBytes int64
	BatchBytes     int64 // arrays and activations of one batch
	SamplerBytes   int64 // pool, activations and logits of one sampler
}

// Bytes is the sum.
func (p Plan) Bytes() int64 {
	return p.WeightBytes + p.GradientBytes + p.PackedBytes + p.OptimizerBytes + p.BatchBytes + p.SamplerBytes
}

// Plan computes the memory of a model with, unless nil, one batch and one sampler, for the kernels of
// family isa, as in ContextConfig. It allocates nothing and needs no context.
func (l *Library) Plan(isa string, s Spec, m ModelConfig, optimizer OptimizerKind, b *BatchConfig, sm *SamplerConfig) (Plan, error) {
	family, err := isaCode(isa)
	if err != nil {
		return Plan{}, err
	}
	spec, err := s.lower()
	if err != nil {
		return Plan{}, err
	}
	var batch *sparBatchDesc
	if b != nil {
		if batch, err = b.lower(); err != nil {
			return Plan{}, err
		}
	}
	var sampler *sparSamplerDesc
	if sm != nil {
		if sampler, err = sm.lower(); err != nil {
			return Plan{}, err
		}
	}
	desc := &sparPlanDesc{Size: int64(unsafe.Sizeof(sparPlanDesc{})), Isa: family, OptimizerKind: int32(optimizer)}
	out := &sparPlan{Size: int64(unsafe.Sizeof(sparPlan{}))}
	if code := l.calls.planBytes(desc, spec, m.lower(), batch, sampler, out); code != sparOk {
		return Plan{}, statusError("plan", code, "the kernel family does not run here, or the model's shape, the batch or the sampler is out of range; opening it names the field")
	}
	return Plan{
		Parameters: out.Parameters, WeightBytes: out.WeightBytes, GradientBytes: out.GradientBytes, PackedBytes: out.PackedBytes,
		OptimizerBytes: out.OptimizerBytes, BatchBytes: out.BatchBytes, SamplerBytes: out.SamplerBytes,
	}, nil
}
