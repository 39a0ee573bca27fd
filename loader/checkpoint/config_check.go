package checkpoint

import (
	"fmt"
	"math"
)

// Limits of a config. They keep every product of sizes far inside 64 bits; whether a model fits the
// machine is the planner's question.
const (
	maxLayers    = 10_000
	maxDimension = 1 << 24
	maxPositions = 1 << 30
)

// family is what an architecture fixes.
type family struct {
	architecture, modelType string
	qkvBias, qkNorm         bool
	headDim                 int // default; 0: hidden size / heads
}

var families = []family{
	{architecture: "LlamaForCausalLM", modelType: "llama"},
	{architecture: "MistralForCausalLM", modelType: "mistral"},
	{architecture: "Qwen2ForCausalLM", modelType: "qwen2", qkvBias: true},
	{architecture: "Qwen3ForCausalLM", modelType: "qwen3", qkNorm: true, headDim: 128},
}

const familyNames = "LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM and Qwen3ForCausalLM"

func familyOf(modelType string) (family, bool) {
	for _, f := range families {
		if f.modelType == modelType {
			return f, true
		}
	}
	return family{}, false
}

// check finds what no model can have. The key it returns is the name in config.json that is at
// fault; the GGUF reader maps it to its own.
func (c *Config) check() (key string, err error) {
	for _, v := range []struct {
		key      string
		value    int
		low, top int
	}{
		{"vocab_size", c.VocabSize, 1, maxDimension},
		{"hidden_size", c.HiddenSize, 1, maxDimension},
		{"num_hidden_layers", c.NumLayers, 1, maxLayers},
		{"num_attention_heads", c.NumHeads, 1, 1 << 16},
		{"num_key_value_heads", c.NumKVHeads, 1, 1 << 16},
		{"head_dim", c.HeadDim, 2, 1 << 16},
		{"intermediate_size", c.IntermediateSize, 1, maxDimension},
		{"max_position_embeddings", c.MaxPositions, 1, maxPositions},
		{"sliding_window", c.SlidingWindow, 0, maxPositions},
		{"max_window_layers", c.WindowFirstLayer, 0, maxLayers},
	} {
		if v.value < v.low || v.value > v.top {
			return v.key, fmt.Errorf("%d is out of range; allowed are %d to %d", v.value, v.low, v.top)
		}
	}
	switch {
	case c.NumHeads%c.NumKVHeads != 0:
		return "num_key_value_heads", fmt.Errorf("%d does not divide the %d attention heads; correct one of them", c.NumKVHeads, c.NumHeads)
	case c.HeadDim%2 != 0:
		return "head_dim", fmt.Errorf("%d is odd, and the rotary embedding turns pairs; correct it", c.HeadDim)
	case !(c.NormEps > 0 && c.NormEps < 1):
		return "rms_norm_eps", fmt.Errorf("%g is out of range; it must lie between 0 and 1", c.NormEps)
	}
	if key, err := c.badID(); err != nil {
		return key, err
	}
	return c.Rope.check()
}

// badID finds a token id outside the vocabulary.
func (c *Config) badID() (string, error) {
	bad := func(id int) bool { return id < -1 || id >= c.VocabSize }
	for _, v := range []struct {
		key string
		ids []int
	}{{"bos_token_id", []int{c.BOS}}, {"eos_token_id", c.EOS}, {"pad_token_id", []int{c.Pad}}} {
		for _, id := range v.ids {
			if bad(id) {
				return v.key, fmt.Errorf("token %d is outside the vocabulary of %d; correct it", id, c.VocabSize)
			}
		}
	}
	return "", nil
}

// check finds parameters that give no finite frequencies.
func (r *Rope) check() (string, error) {
	positive := func(x float64) bool { return x > 0 && !math.IsInf(x, 0) }
	if !(r.Theta > 1) || math.IsInf(r.Theta, 0) {
		return "rope_theta", fmt.Errorf("%g is out of range; it must be a finite number above 1", r.Theta)
	}
	if r.Type == "default" {
		return "", nil
	}
	if !(r.Factor >= 1) || math.IsInf(r.Factor, 0) {
		return "factor", fmt.Errorf("%g is out of range; it must be a finite number of at least 1", r.Factor)
	}
	if r.Type == "llama3" {
		if !positive(r.LowFreqFactor) || !positive(r.HighFreqFactor) || r.HighFreqFactor <= r.LowFreqFactor {
			return "high_freq_factor", fmt.Errorf("%g with low_freq_factor %g is out of range; it must be the larger of two positive numbers", r.HighFreqFactor, r.LowFreqFactor)
		}
	}
	if (r.Type == "llama3" || r.Type == "yarn") && (r.OriginalMaxPositions < 1 || r.OriginalMaxPositions > maxPositions) {
		return "original_max_position_embeddings", fmt.Errorf("%d is out of range; allowed are 1 to %d", r.OriginalMaxPositions, maxPositions)
	}
	if r.Type == "yarn" {
		fast, slow := r.betas()
		if !positive(fast) || !positive(slow) || fast < slow {
			return "beta_fast", fmt.Errorf("%g with beta_slow %g is out of range; it must be the larger of two positive numbers", fast, slow)
		}
	}
	return "", nil
}
