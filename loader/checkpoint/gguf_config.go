package checkpoint

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"spar/internal/fault"
	"spar/internal/strictjson"
	"spar/loader/checkpoint/gguf"
)

const ropeFactorsName = "rope_freqs.weight"

// ggufKeys reads the metadata of one architecture and keeps the first error.
type ggufKeys struct {
	f    *gguf.File
	arch string
	used []string
	err  error
}

// ggufConfig makes a Config from metadata. Architecture llama also covers Mistral, which differs
// only by a sliding window.
func ggufConfig(f *gguf.File, path string) (*Config, error) {
	arch, given, err := f.Text("general.architecture")
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, fault.Inputf("%s: the metadata key general.architecture is missing; the file is no language model", path)
	}
	fam, ok := familyOf(arch)
	if !ok || arch == "mistral" {
		return nil, f.Errorf("general.architecture", "%s is not supported; supported are llama, qwen2 and qwen3", strictjson.Quote(arch))
	}
	k := &ggufKeys{f: f, arch: arch}
	c := &Config{Architecture: fam.architecture, ModelType: fam.modelType, QKVBias: fam.qkvBias, QKNorm: fam.qkNorm}
	k.sizes(c)
	if c.SlidingWindow > 0 && arch == "llama" {
		c.Architecture, c.ModelType = "MistralForCausalLM", "mistral"
	}
	k.rope(c)
	k.tokens(c)
	k.rest()
	if k.err != nil {
		return nil, k.err
	}
	if key, err := c.check(); err != nil {
		name, ok := ggufNames[key]
		if !ok {
			name = key
		}
		return nil, f.Errorf(strings.Replace(name, "ARCH", arch, 1), "%v", err)
	}
	return c, nil
}

// ggufNames maps the keys of config.json to those of the metadata.
var ggufNames = map[string]string{
	"vocab_size":                       "tokenizer.ggml.tokens",
	"hidden_size":                      "ARCH.embedding_length",
	"num_hidden_layers":                "ARCH.block_count",
	"num_attention_heads":              "ARCH.attention.head_count",
	"num_key_value_heads":              "ARCH.attention.head_count_kv",
	"head_dim":                         "ARCH.attention.key_length",
	"intermediate_size":                "ARCH.feed_forward_length",
	"max_position_embeddings":          "ARCH.context_length",
	"sliding_window":                   "ARCH.attention.sliding_window",
	"rms_norm_eps":                     "ARCH.attention.layer_norm_rms_epsilon",
	"rope_theta":                       "ARCH.rope.freq_base",
	"factor":                           "ARCH.rope.scaling.factor",
	"original_max_position_embeddings": "ARCH.rope.scaling.original_context_length",
	"beta_fast":                        "ARCH.rope.scaling.yarn_beta_fast",
	"bos_token_id":                     "tokenizer.ggml.bos_token_id",
	"eos_token_id":                     "tokenizer.ggml.eos_token_id",
	"pad_token_id":                     "tokenizer.ggml.padding_token_id",
}

func (k *ggufKeys) sizes(c *Config) {
	tokens, err := k.f.Strings("tokenizer.ggml.tokens")
	k.keep(err)
	c.VocabSize = len(tokens)
	if n := k.int("vocab_size", int64(c.VocabSize)); n != int64(c.VocabSize) && k.err == nil {
		k.err = k.f.Errorf(k.arch+".vocab_size", "it is %d but there are %d tokens; write the file again", n, c.VocabSize)
	}
	c.HiddenSize = k.size("embedding_length")
	c.NumLayers = k.size("block_count")
	c.NumHeads = k.size("attention.head_count")
	c.NumKVHeads = int(k.int("attention.head_count_kv", int64(c.NumHeads)))
	c.IntermediateSize = k.size("feed_forward_length")
	c.MaxPositions = k.size("context_length")
	c.NormEps = k.float("attention.layer_norm_rms_epsilon", 1e-6)
	c.SlidingWindow = int(k.int("attention.sliding_window", 0))
	c.TieEmbeddings = !hasTensor(k.f, "output.weight")
	if c.NumHeads > 0 {
		c.HeadDim = c.HiddenSize / c.NumHeads
	}
	c.HeadDim = int(k.int("attention.key_length", int64(c.HeadDim)))
	for _, key := range []string{"attention.value_length", "rope.dimension_count"} {
		if n := k.int(key, int64(c.HeadDim)); n != int64(c.HeadDim) && k.err == nil {
			k.err = k.f.Errorf(k.arch+"."+key, "it is %d but the head size is %d; only equal sizes are supported", n, c.HeadDim)
		}
	}
}

func (k *ggufKeys) rope(c *Config) {
	r := &c.Rope
	r.Type, r.Theta = "default", k.float("rope.freq_base", 10_000)
	kind, _, err := k.f.Text(k.arch + ".rope.scaling.type")
	k.keep(err)
	k.use("rope.scaling.type")
	if scale := k.float("rope.scale_linear", 1); scale != 1 {
		r.Type, r.Factor = "linear", scale
	}
	switch kind {
	case "", "none":
	case "linear":
		r.Type, r.Factor = "linear", k.float("rope.scaling.factor", 1)
	case "yarn":
		k.yarn(c)
	default:
		if k.err == nil {
			k.err = k.f.Errorf(k.arch+".rope.scaling.type", "%s is not supported; supported are none, linear and yarn", strictjson.Quote(kind))
		}
	}
	if hasTensor(k.f, ropeFactorsName) && k.err == nil {
		k.err = k.llama3(c)
	}
}

func (k *ggufKeys) yarn(c *Config) {
	c.Rope = Rope{
		Type: "yarn", Theta: c.Rope.Theta, Truncate: true,
		Factor:               k.float("rope.scaling.factor", 1),
		OriginalMaxPositions: int(k.int("rope.scaling.original_context_length", int64(c.MaxPositions))),
		BetaFast:             k.float("rope.scaling.yarn_beta_fast", 0),
		BetaSlow:             k.float("rope.scaling.yarn_beta_slow", 0),
		AttentionFactor:      k.float("rope.scaling.attn_factor", 0),
	}
}

// llama3 recovers the parameters behind rope_freqs.weight, which holds the divisor of each default
// frequency. The published models share the ramp from 1 to 4 turns over 8192 positions, and differ
// in the factor, the largest divisor. Anything else is refused.
func (k *ggufKeys) llama3(c *Config) error {
	t := k.f.Tensors[slices.IndexFunc(k.f.Tensors, func(t gguf.Tensor) bool { return t.Name == ropeFactorsName })]
	if t.Elements() != c.HeadDim/2 {
		return k.f.Errorf(ropeFactorsName, "it has %d elements instead of %d; write the file again", t.Elements(), c.HeadDim/2)
	}
	divisors := make([]float32, t.Elements())
	if err := k.f.Read(t, divisors); err != nil {
		return err
	}
	r := Rope{Type: "llama3", Theta: c.Rope.Theta, LowFreqFactor: 1, HighFreqFactor: 4, OriginalMaxPositions: 8192, Factor: float64(slices.Max(divisors))}
	plain := frequencies(r.Theta, c.HeadDim)
	for i, f := range r.llama3(c.HeadDim) {
		if want := plain[i] / f; !(math.Abs(float64(divisors[i])-want) <= 1e-4*want) {
			return k.f.Errorf("general.architecture", "%s is not the llama3 scaling with factors 1 and 4 over 8192 positions (element %d is %g instead of %g); use the original model directory", ropeFactorsName, i, divisors[i], want)
		}
	}
	c.Rope = r
	return nil
}

func (k *ggufKeys) tokens(c *Config) {
	c.BOS, c.Pad = k.id("bos_token_id"), k.id("padding_token_id")
	if id := k.id("eos_token_id"); id >= 0 {
		c.EOS = []int{id}
	}
	for _, key := range []string{"eot_token_id", "eom_token_id"} {
		if id := k.id(key); id >= 0 && !slices.Contains(c.EOS, id) {
			c.EOS = append(c.EOS, id)
		}
	}
}

// rest refuses keys of the architecture that were not asked for: they may change the model.
func (k *ggufKeys) rest() {
	harmless := []string{"rope.scaling.finetuned", "expert_count", "expert_used_count"}
	for _, key := range k.f.Keys {
		inner, ok := strings.CutPrefix(key, k.arch+".")
		if !ok || slices.Contains(k.used, inner) || k.err != nil {
			continue
		}
		n, isInt, _ := k.f.Int(key) // a wrong kind falls into the refusal
		if !slices.Contains(harmless, inner) || (strings.HasPrefix(inner, "expert") && (!isInt || n != 0)) {
			k.err = k.f.Errorf(key, "the key is not known and may change what the model computes; use a file of a supported model")
		}
	}
}

func (k *ggufKeys) keep(err error) {
	if k.err == nil {
		k.err = err
	}
}

func (k *ggufKeys) use(key string) { k.used = append(k.used, key) }

func (k *ggufKeys) size(key string) int {
	if !k.f.Has(k.arch+"."+key) && k.err == nil {
		k.err = k.f.Errorf(k.arch+"."+key, "the metadata key is missing; write the file again")
	}
	return int(k.int(key, 0))
}

func (k *ggufKeys) int(key string, missing int64) int64 {
	k.use(key)
	n, given, err := k.f.Int(k.arch + "." + key)
	k.keep(err)
	if !given {
		return missing
	}
	if (n < 0 || n > 1<<40) && k.err == nil {
		k.err = k.f.Errorf(k.arch+"."+key, "%d is out of range; write the file again", n)
	}
	return n
}

// float reads a number. A FLOAT32 becomes the shortest decimal that rounds to it, which is what the
// converter was given: 1e-05 and not 9.999999747378752e-06.
func (k *ggufKeys) float(key string, missing float64) float64 {
	k.use(key)
	x, given, err := k.f.Float(k.arch + "." + key)
	k.keep(err)
	if !given || err != nil {
		return missing
	}
	if k.f.IsFloat32(k.arch + "." + key) {
		x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', -1, 32), 64) // the text is a number
	}
	return x
}

// id reads a token id of the tokenizer; -1 when there is none.
func (k *ggufKeys) id(key string) int {
	n, given, err := k.f.Int("tokenizer.ggml." + key)
	k.keep(err)
	if !given {
		return -1
	}
	if (n < 0 || n > maxDimension) && k.err == nil {
		k.err = k.f.Errorf("tokenizer.ggml."+key, "%d is no token id; write the file again", n)
	}
	return int(n)
}
