package checkpoint

import "fmt"

// Config is what a model is, apart from its weights: the settings of config.json or of the GGUF
// metadata that change what the model computes. Sizes are counts of elements.
type Config struct {
	Architecture string // LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM
	ModelType    string // llama, mistral, qwen2, qwen3

	VocabSize        int // V, rows of the embedding
	HiddenSize       int // C
	NumLayers        int
	NumHeads         int // H, a multiple of NumKVHeads
	NumKVHeads       int
	HeadDim          int // D, even; not always C / H
	IntermediateSize int // F
	MaxPositions     int

	TieEmbeddings    bool // the head is the embedding matrix
	QKVBias          bool // q, k and v projections have a bias (Qwen2)
	QKNorm           bool // RMSNorm over each head of q and k before rotation (Qwen3)
	SlidingWindow    int  // 0: none; w: a query sees keys at distance < w
	WindowFirstLayer int  // first layer that has the window

	NormEps float64
	Rope    Rope

	BOS   int    // -1: none
	EOS   []int  // empty: none
	Pad   int    // -1: none
	DType string // of the stored weights: F32, F16, BF16 or a GGUF type
}

// Rope holds the parameters of the rotary embedding, named as in transformers' rope_parameters.
// Only the fields that the type uses are set.
type Rope struct {
	Type  string // default, linear, dynamic, yarn or llama3
	Theta float64

	Factor               float64 // all but default
	LowFreqFactor        float64 // llama3
	HighFreqFactor       float64 // llama3
	BetaFast             float64 // yarn, 0: 32
	BetaSlow             float64 // yarn, 0: 1
	AttentionFactor      float64 // yarn, factor on cos and sin; 0: derived from Factor
	MScale               float64 // yarn, 0: not given
	MScaleAllDim         float64 // yarn, 0: not given
	OriginalMaxPositions int     // yarn and llama3
	Truncate             bool    // yarn: round the ramp's ends to whole dimensions
}

// TensorInfo names a weight. Shape is row-major, [out, in] for matrices.
type TensorInfo struct {
	Name  string
	Shape []int
	DType string // as stored; empty when nothing is stored yet
}

// Elements is the number of elements.
func (t TensorInfo) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Tensors lists the weights that the config calls for, by their Hugging Face names, in the order of
// the forward pass.
func (c *Config) Tensors() []TensorInfo {
	q, kv := c.NumHeads*c.HeadDim, c.NumKVHeads*c.HeadDim
	list := []TensorInfo{{Name: embedName, Shape: []int{c.VocabSize, c.HiddenSize}}}
	for l := range c.NumLayers {
		add := func(name string, shape ...int) {
			list = append(list, TensorInfo{Name: fmt.Sprintf("model.layers.%d.%s.weight", l, name), Shape: shape})
		}
		add("input_layernorm", c.HiddenSize)
		for _, p := range []struct {
			name string
			rows int
		}{{"q_proj", q}, {"k_proj", kv}, {"v_proj", kv}} {
			add("self_attn."+p.name, p.rows, c.HiddenSize)
			if c.QKVBias {
				list = append(list, TensorInfo{Name: fmt.Sprintf("model.layers.%d.self_attn.%s.bias", l, p.name), Shape: []int{p.rows}})
			}
		}
		if c.QKNorm {
			add("self_attn.q_norm", c.HeadDim)
			add("self_attn.k_norm", c.HeadDim)
		}
		add("self_attn.o_proj", c.HiddenSize, q)
		add("post_attention_layernorm", c.HiddenSize)
		add("mlp.gate_proj", c.IntermediateSize, c.HiddenSize)
		add("mlp.up_proj", c.IntermediateSize, c.HiddenSize)
		add("mlp.down_proj", c.HiddenSize, c.IntermediateSize)
	}
	list = append(list, TensorInfo{Name: "model.norm.weight", Shape: []int{c.HiddenSize}})
	if !c.TieEmbeddings {
		list = append(list, TensorInfo{Name: headName, Shape: []int{c.VocabSize, c.HiddenSize}})
	}
	return list
}

// The two tensors that may be one.
const (
	embedName = "model.embed_tokens.weight"
	headName  = "lm_head.weight"
)

// Parameters is the number of weights, the tied embedding counted once.
func (c *Config) Parameters() int64 {
	var n int64
	for _, t := range c.Tensors() {
		n += int64(t.Elements())
	}
	return n
}
