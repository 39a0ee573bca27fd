package native

import (
	"fmt"
	"unsafe"
)

// Spec is the shape of a decoder-only transformer of the Llama kind; see spar_model_spec.
type Spec struct {
	VocabSize        int
	HiddenSize       int
	NumLayers        int
	NumHeads         int // a multiple of NumKVHeads
	NumKVHeads       int
	HeadDim          int // even; need not be HiddenSize / NumHeads
	IntermediateSize int
	MaxPositions     int // positions 0..MaxPositions-1 may occur
	TieEmbeddings    bool
	QKVBias          bool
	QKNorm           bool
	SlidingWindow    int // 0: none
	WindowFirstLayer int
	NormEps          float64
	RopeScale        float64   // factor on cos and sin, usually 1
	RopeInvFreq      []float64 // HeadDim/2 frequencies, radians per position
}

// Precision is how weights are held for computing; masters, activations and sums are fp32 in both.
type Precision int32

// Precisions.
const (
	FP32 Precision = sparFp32
	BF16 Precision = sparBf16 // matrices rounded to bfloat16
)

// String returns the name used by flags and configs.
func (p Precision) String() string {
	if p == BF16 {
		return "bf16"
	}
	return "fp32"
}

// ModelConfig says how a model is held.
type ModelConfig struct {
	Precision Precision
	Trainable bool // gradients and backward panels exist
}

func (m ModelConfig) lower() *sparModelDesc {
	return &sparModelDesc{Size: int64(unsafe.Sizeof(sparModelDesc{})), Precision: int32(m.Precision), Trainable: flag(m.Trainable)}
}

// lower checks what only the Go side can know (the length of RopeInvFreq) and narrows the rest;
// the engine checks the values.
func (s *Spec) lower() (*sparModelSpec, error) {
	if len(s.RopeInvFreq) != s.HeadDim/2 || s.HeadDim < 2 {
		return nil, fmt.Errorf("native: a head of size %d needs %d rotary frequencies, %d were given", s.HeadDim, s.HeadDim/2, len(s.RopeInvFreq))
	}
	var n narrower
	out := &sparModelSpec{
		Size:             int64(unsafe.Sizeof(sparModelSpec{})),
		VocabSize:        n.i32("vocab_size", s.VocabSize),
		HiddenSize:       n.i32("hidden_size", s.HiddenSize),
		NumLayers:        n.i32("num_layers", s.NumLayers),
		NumHeads:         n.i32("num_heads", s.NumHeads),
		NumKvHeads:       n.i32("num_kv_heads", s.NumKVHeads),
		HeadDim:          n.i32("head_dim", s.HeadDim),
		IntermediateSize: n.i32("intermediate_size", s.IntermediateSize),
		MaxPositions:     n.i32("max_positions", s.MaxPositions),
		TieEmbeddings:    flag(s.TieEmbeddings),
		QkvBias:          flag(s.QKVBias),
		QkNorm:           flag(s.QKNorm),
		SlidingWindow:    n.i32("sliding_window", s.SlidingWindow),
		WindowFirstLayer: n.i32("window_first_layer", s.WindowFirstLayer),
		NormEps:          float32(s.NormEps),
		RopeScale:        s.RopeScale,
		RopeInvFreq:      unsafe.SliceData(s.RopeInvFreq),
	}
	return out, n.err
}
