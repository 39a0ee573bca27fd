package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unsafe"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/loader/checkpoint"
	"spar/native"
)

// configOnly is the format of a model that was opened without weights.
const configOnly = "config"

// load fills the engine's weights from the source, or at random when it has only a config, and
// packs them.
func (p *Policy) load() error {
	stored := p.source.Tensors()
	for i, t := range p.model.Tensors() {
		if p.source.Format == configOnly {
			randomize(t, p.options.RandomSeed, uint32(i))
			continue
		}
		if err := matchTensor(t, stored); err != nil {
			return fmt.Errorf("%s: %w", p.source.Path, err)
		}
		if err := p.source.Read(t.Name, t.Data); err != nil {
			return err
		}
	}
	err := p.model.Prepare()
	if errors.Is(err, native.ErrNonFinite) {
		return fault.Inputf("%s: %w; the checkpoint is damaged or its training diverged, spar model inspect --scan lists what is not finite", p.source.Path, err)
	}
	return err
}

// matchTensor finds t among the stored tensors and compares shapes.
func matchTensor(t native.Tensor, stored []checkpoint.TensorInfo) error {
	i := slices.IndexFunc(stored, func(s checkpoint.TensorInfo) bool { return s.Name == t.Name })
	if i < 0 {
		return fault.Inputf("the model has no tensor %s, which its config calls for", t.Name)
	}
	if !slices.Equal(stored[i].Shape, t.Shape) {
		return fault.Inputf("tensor %s has shape %v, the config calls for %v", t.Name, stored[i].Shape, t.Shape)
	}
	return nil
}

// weightStd is the standard deviation of random matrices (Transformers' initializer_range).
const weightStd = 0.02

// weightLane keeps the draws of weights apart from other uses of the same seed.
const weightLane = 0x77656967

// randomize draws matrices from N(0, weightStd^2) with a stream of their own; norms become 1 and
// biases 0.
func randomize(t native.Tensor, seed uint64, index uint32) {
	switch {
	case len(t.Shape) == 2:
		draw := rand.New(rng.NewStream(seed, weightLane, index))
		for i := range t.Data {
			t.Data[i] = float32(weightStd * draw.NormFloat64())
		}
	case strings.HasSuffix(t.Name, ".bias"):
		clear(t.Data)
	default:
		for i := range t.Data {
			t.Data[i] = 1
		}
	}
}

// Save writes the weights, with config, tokenizer and side files of the source, as a Hugging Face
// directory. dtype is F32, BF16 or F16.
func (p *Policy) Save(f fsys.FS, dir, dtype string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	tokenizer := p.source.TokenizerJSON
	if tokenizer == nil && p.source.Tokenizer != nil {
		var err error
		if tokenizer, err = p.source.Tokenizer.MarshalJSON(); err != nil {
			return err
		}
	}
	tensors := p.model.Tensors()
	return checkpoint.Write(f, dir, p.source.Model, checkpoint.WriteOptions{
		DType:         dtype,
		TokenizerJSON: tokenizer,
		Tensor: func(name string) ([]float32, error) {
			i := slices.IndexFunc(tensors, func(t native.Tensor) bool { return t.Name == name })
			if i < 0 {
				return nil, fmt.Errorf("the engine has no tensor %s", name)
			}
			return tensors[i].Data, nil
		},
	})
}

// Hash is the SHA-256 of the fp32 weights with their names, in the engine's order. It is computed
// once after each change of the weights.
func (p *Policy) Hash() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hash != "" {
		return p.hash
	}
	h := sha256.New()
	for _, t := range p.model.Tensors() {
		fmt.Fprintf(h, "%s %v\n", t.Name, t.Shape)
		h.Write(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(t.Data))), 4*len(t.Data)))
	}
	p.hash = hex.EncodeToString(h.Sum(nil))
	return p.hash
}

// Reload packs weights that the caller wrote through Tensors, on resume.
func (p *Policy) Reload() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hash = ""
	return p.model.Prepare()
}
