package observer

import (
	"context"

	"spar/internal/fault"
	"spar/loader"
	"spar/loader/checkpoint"
	"spar/loader/pack"
	"spar/native"
	"spar/trainer/policy"
)

// How the small observer learns. It begins with random weights, so its rate is that of training from scratch, not the 1e-4 that the
// paper gives to adapters of a trained model; weight decay is the paper's.
const (
	learningRate = 2e-3
	weightDecay  = 0.1
	maxNorm      = 1
)

// Small is the shape of the observer for a tokenizer: 2 layers of width 96 with 4 heads, 0.2 million parameters besides the embedding, which
// is also the head. length is the longest example in tokens.
func Small(vocabulary, length int) *checkpoint.Config {
	return &checkpoint.Config{
		Architecture: "LlamaForCausalLM", ModelType: "llama", VocabSize: vocabulary,
		HiddenSize: 96, NumLayers: 2, NumHeads: 4, NumKVHeads: 4, HeadDim: 24, IntermediateSize: 256, MaxPositions: length,
		TieEmbeddings: true, NormEps: 1e-5, Rope: checkpoint.Rope{Type: "default", Theta: 10000}, BOS: -1, Pad: -1, DType: "F32",
	}
}

// Policy is an observer on the native engine.
type Policy struct{ policy *policy.Policy }

// Engine says what an observer computes with.
type Engine struct {
	Library *native.Library
	Threads int    // 0: every CPU
	ISA     string // kernel family; "": this machine's choice
}

// OpenPolicy makes an observer of a shape with random weights that the seed fixes.
func OpenPolicy(e Engine, c *checkpoint.Config, seed uint64) (*Policy, error) {
	source := &loader.Model{Model: &checkpoint.Model{Path: "observer", Format: "config", Config: c}}
	p, err := policy.Open(e.Library, source, policy.Options{Precision: native.FP32, Trainable: true, Threads: e.Threads, ISA: e.ISA, RandomSeed: seed})
	if err != nil {
		return nil, err
	}
	o := native.OptimizerConfig{Kind: native.AdamW, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, WeightDecay: weightDecay}
	if err := p.OpenOptimizer(o); err != nil {
		return nil, err
	}
	return &Policy{p}, nil
}

// Losses scores the responses; the engine's training forward gives the same bits.
func (o *Policy) Losses(ctx context.Context, batch []Example) ([]float64, error) {
	scored, err := o.policy.Score(ctx, groups(batch), policy.ScoreOptions{})
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(batch))
	for i, s := range scored {
		out[i] = -s.Sums()[0]
	}
	return out, nil
}

// Step takes one optimizer step on the batch's mean loss of a token.
func (o *Policy) Step(ctx context.Context, batch []Example) error {
	n := float64(tokens(batch))
	err := o.policy.Accumulate(ctx, groups(batch), 0, func(_ int, scored []policy.Scored) ([][]policy.Coef, error) {
		coef := make([][]float64, len(scored))
		for i := range coef {
			coef[i] = []float64{-1 / n}
		}
		return policy.PerResponse(coef), nil
	})
	if err != nil {
		return err
	}
	norm, err := o.policy.Step(learningRate, maxNorm)
	if err != nil {
		return fault.New(fault.NonFinite, "observer: gradient norm %v: %w", norm, err)
	}
	return nil
}

// Close frees the model.
func (o *Policy) Close() error { return o.policy.Close() }

func groups(batch []Example) []pack.Group {
	out := make([]pack.Group, len(batch))
	for i, x := range batch {
		out[i] = pack.Group{Key: i, Prompt: x.Prompt, Responses: [][]int32{x.Response}}
	}
	return out
}

var _ Model = (*Policy)(nil)
