// Package policy is a model loaded into the native engine, in the trainer's terms: score groups of
// token ids, sample completions, accumulate gradients, step, save.
//
//	p, err := policy.Open(lib, model, policy.Options{Trainable: true, MaxLength: 1024})
//	scored, err := p.Score(ctx, groups, policy.ScoreOptions{})
//	err = p.Accumulate(ctx, groups, 4096, weigh)
//	norm, err := p.Step(lr, maxNorm)
//	err = p.Save(fsys.OS, dir, "BF16")
//
// Batches and the sampler are kept only while one phase lasts: scoring, training and sampling never
// hold their memory at the same time. Memory says beforehand what the largest phase takes.
//
// Concurrency: methods may be called from any goroutine and run one at a time. The views that
// Tensors and OptimizerState return are not guarded.
package policy

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"spar/internal/fault"
	"spar/loader"
	"spar/loader/checkpoint"
	"spar/native"
	"spar/trainer/kernels"
)

// Options say how a model is loaded.
type Options struct {
	Precision  native.Precision
	Threads    int    // 0: all CPUs that this process may use
	ISA        string // kernel family; "" and "auto" take the winner of this machine's race, see kernels.Choose
	Trainable  bool
	MaxLength  int    // longest prompt with response, in tokens; 0: the model's max_position_embeddings
	Breadcrumb []byte // see native.ContextConfig
	RandomSeed uint64 // of the weights of a model opened from its config only

	MemoryLimit int64 // most bytes that the engine may hold; 0: what is Available at opening
}

// Policy is an open model.
type Policy struct {
	Config    *checkpoint.Config
	MaxLength int

	lib     *native.Library
	source  *loader.Model
	options Options
	kernels kernels.Choice
	limit   int64 // bytes

	mu        sync.Mutex // one operation at a time; guards what follows
	context   *native.Context
	model     *native.Model
	batch     *native.Batch // of the phase in hand, reused while it is large enough
	optimizer *native.Optimizer
	kind      native.OptimizerKind
	hash      string // of the weights, "" when not known
}

// PrecisionOf resolves the name of a precision, as flags and configs have it: fp32, bf16, or "auto" or "" for that of the
// stored weights, which is bf16 for BF16 and fp32 for everything else.
func PrecisionOf(name string, c *checkpoint.Config) (native.Precision, error) {
	switch name {
	case "fp32":
		return native.FP32, nil
	case "bf16":
		return native.BF16, nil
	case "", "auto":
		if c.DType == "BF16" {
			return native.BF16, nil
		}
		return native.FP32, nil
	}
	return 0, fault.Usagef("precision %q: use fp32 or bf16", name)
}

// Open loads m's weights into the engine. The caller keeps m open for as long as the policy is
// saved with its side files, and closes it.
func Open(lib *native.Library, m *loader.Model, o Options) (*Policy, error) {
	length, err := maxLength(m.Config, o.MaxLength)
	if err != nil {
		return nil, err
	}
	spec, err := Spec(m.Config, length)
	if err != nil {
		return nil, err
	}
	p := &Policy{Config: m.Config, MaxLength: length, lib: lib, source: m, kind: native.OptimizerNone}
	if p.kernels, err = kernels.Choose(lib, o.Precision, o.ISA); err != nil {
		return nil, err
	}
	o.ISA = p.kernels.Family
	p.options = o
	if p.limit, err = memoryLimit(o); err != nil {
		return nil, err
	}
	if err := p.fits(Workload{}); err != nil {
		return nil, err
	}
	p.context, err = lib.OpenContext(native.ContextConfig{Threads: o.Threads, ISA: o.ISA, Breadcrumb: o.Breadcrumb})
	if err != nil {
		return nil, err
	}
	p.model, err = p.context.OpenModel(spec, native.ModelConfig{Precision: o.Precision, Trainable: o.Trainable})
	if err == nil {
		err = p.load()
	}
	if err != nil {
		return nil, errors.Join(err, p.context.Close())
	}
	debug.FreeOSMemory() // reading the files left more garbage than the engine's phases will
	return p, nil
}

// Context is the engine's context, for probes and profiles.
func (p *Policy) Context() *native.Context { return p.context }

// Kernels is the kernel family that computes, and how it was chosen.
func (p *Policy) Kernels() kernels.Choice { return p.kernels }

// Tensors are views of the weights and gradients, in the engine's order.
func (p *Policy) Tensors() []native.Tensor { return p.model.Tensors() }

// Close frees everything. The policy must not be used afterwards.
func (p *Policy) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.context.Close()
}

// watched runs f with ctx's cancellation passed on to the engine, under the lock. An error caused
// by the cancellation is ctx's.
func (p *Policy) watched(ctx context.Context, f func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	release := p.context.Watch(ctx)
	err := f()
	release()
	if err != nil && errors.Is(err, native.ErrCancelled) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// checkLength refuses a sequence that has more tokens than positions.
func (p *Policy) checkLength(what string, key, prompt, response int) error {
	if prompt+response <= p.MaxLength {
		return nil
	}
	return fault.Inputf("%s %d: a prompt of %d tokens and %d more are longer than max_length %d; raise max_length or shorten them", what, key, prompt, response, p.MaxLength)
}

// checkIDs refuses ids outside of the vocabulary, naming the place.
func (p *Policy) checkIDs(what string, key int, ids []int32) error {
	for i, id := range ids {
		if id < 0 || int(id) >= p.Config.VocabSize {
			return fault.Inputf("%s %d: token %d is id %d, outside of the vocabulary of %d; was it made with another tokenizer?", what, key, i, id, p.Config.VocabSize)
		}
	}
	return nil
}

// maxLength applies the default and refuses lengths that the model was not made for. A dynamic
// rotary embedding stretches to any length.
func maxLength(c *checkpoint.Config, want int) (int, error) {
	switch {
	case want < 0:
		return 0, fault.Usagef("max_length is %d; use a positive number of tokens, or 0 for the model's own", want)
	case want == 0:
		return c.MaxPositions, nil
	case want > c.MaxPositions && c.Rope.Type != "dynamic":
		return 0, fault.Inputf("max_length %d is more than the model's max_position_embeddings %d; lower max_length", want, c.MaxPositions)
	}
	return want, nil
}

// Spec lowers a config to the engine's terms for sequences of up to length tokens.
func Spec(c *checkpoint.Config, length int) (native.Spec, error) {
	inv, scale, err := c.InvFreq(length)
	if err != nil {
		return native.Spec{}, fmt.Errorf("rotary embedding: %w", err)
	}
	return native.Spec{
		VocabSize: c.VocabSize, HiddenSize: c.HiddenSize, NumLayers: c.NumLayers,
		NumHeads: c.NumHeads, NumKVHeads: c.NumKVHeads, HeadDim: c.HeadDim,
		IntermediateSize: c.IntermediateSize, MaxPositions: length,
		TieEmbeddings: c.TieEmbeddings, QKVBias: c.QKVBias, QKNorm: c.QKNorm,
		SlidingWindow: c.SlidingWindow, WindowFirstLayer: c.WindowFirstLayer,
		NormEps: c.NormEps, RopeScale: scale, RopeInvFreq: inv,
	}, nil
}
