package checkpoint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"spar/internal/fault"
	"spar/internal/strictjson"
	"spar/internal/suggest"
)

// Limits of config.json.
const (
	maxConfigBytes = 1 << 20
	maxConfigDepth = 64
)

// ParseConfig reads a config.json, called name in errors, in the old form (rope_theta and
// rope_scaling) or the one of transformers 5 (rope_parameters). It is strict: a key that is not
// known, or a known key with a value for which spar would compute something else, is an error that
// names the key and what is supported. Missing keys get the defaults of transformers; the sizes
// have none.
func ParseConfig(data []byte, name string) (*Config, error) {
	if len(data) > maxConfigBytes {
		return nil, fault.Inputf("%s: the file has %d bytes, over the limit of %d for a config; it is not a config.json", name, len(data), maxConfigBytes)
	}
	root, r, err := strictjson.Parse(data, name, maxConfigDepth)
	if err != nil {
		return nil, err
	}
	if root.Kind != '{' {
		return nil, r.ErrorAt(root.At, "a config must be a JSON object; give the model's config.json")
	}
	k := &configKeys{r: r, root: root, used: map[string]bool{}}
	c := k.config()
	if k.err == nil {
		k.rest()
	}
	if k.err != nil {
		return nil, k.err
	}
	if key, err := c.check(); err != nil {
		return nil, k.at(key, "%v", err)
	}
	return c, nil
}

// configKeys reads the keys of one object, remembers which were asked for, and keeps the first error.
type configKeys struct {
	r    *strictjson.Reader
	root strictjson.Value
	used map[string]bool
	fam  family
	err  error
}

func (k *configKeys) config() *Config {
	k.fam = k.family()
	if k.err != nil {
		return nil
	}
	f := k.fam
	c := &Config{Architecture: f.architecture, ModelType: f.modelType, QKVBias: f.qkvBias, QKNorm: f.qkNorm}
	c.VocabSize = k.size("vocab_size")
	c.HiddenSize = k.size("hidden_size")
	c.NumLayers = k.size("num_hidden_layers")
	c.NumHeads = k.size("num_attention_heads")
	c.IntermediateSize = k.size("intermediate_size")
	c.MaxPositions = k.size("max_position_embeddings")
	c.NumKVHeads = k.kvHeads(c.NumHeads)
	c.HeadDim = k.headDim(c)
	c.NormEps = k.float("rms_norm_eps", 1e-6)
	c.TieEmbeddings = k.bool("tie_word_embeddings", false)
	k.tokens(c)
	k.window(c)
	c.DType = k.dtype()
	c.Rope = k.rope(c.MaxPositions)
	return c
}

// family finds the architecture from architectures and model_type; either may be missing.
func (k *configKeys) family() family {
	modelType, _ := k.text("model_type")
	v, given := k.get("architectures")
	if k.err != nil {
		return family{}
	}
	if given && v.Kind != 'n' {
		if len(v.Items) != 1 || v.Items[0].Kind != '"' {
			k.fail(v.At, "architectures must be a list of one name; supported are %s", familyNames)
			return family{}
		}
		for _, f := range families {
			if f.architecture == v.Items[0].Text {
				if modelType != "" && modelType != f.modelType {
					k.err = k.at("model_type", "%s does not belong to the architecture %s; correct one of them", strictjson.Quote(modelType), f.architecture)
				}
				return f
			}
		}
		k.fail(v.At, "the architecture %s is not supported; supported are %s", strictjson.Quote(v.Items[0].Text), familyNames)
		return family{}
	}
	f, ok := familyOf(modelType)
	if !ok {
		k.err = k.at("model_type", "%s is not supported; supported are llama, mistral, qwen2 and qwen3", strictjson.Quote(modelType))
	}
	return f
}

func (k *configKeys) kvHeads(heads int) int {
	v, given := k.get("num_key_value_heads")
	if given && v.Kind != 'n' {
		return k.int("num_key_value_heads", 0)
	}
	if !given && k.fam.modelType != "llama" && k.err == nil {
		k.err = k.at("num_key_value_heads", "the key is missing; add it")
	}
	return heads
}

func (k *configKeys) headDim(c *Config) int {
	if v, given := k.get("head_dim"); given && v.Kind != 'n' {
		return k.int("head_dim", 0)
	} else if !given && k.fam.headDim != 0 {
		return k.fam.headDim
	}
	if c.NumHeads < 1 || c.HiddenSize%c.NumHeads != 0 {
		if k.err == nil {
			k.err = k.at("hidden_size", "%d is not a multiple of the %d attention heads and head_dim is missing; add head_dim", c.HiddenSize, c.NumHeads)
		}
		return 0
	}
	return c.HiddenSize / c.NumHeads
}

func (k *configKeys) tokens(c *Config) {
	bos, eos := -1, -1
	if k.fam.modelType == "llama" || k.fam.modelType == "mistral" {
		bos, eos = 1, 2 // transformers' defaults for these two
	}
	c.BOS = k.id("bos_token_id", bos)
	c.Pad = k.id("pad_token_id", -1)
	v, given := k.get("eos_token_id")
	if !given || v.Kind != '[' {
		if id := k.id("eos_token_id", eos); id >= 0 {
			c.EOS = []int{id}
		}
		return
	}
	for _, item := range v.Items {
		n, ok := item.IsInt()
		if !ok || n < 0 || n > maxDimension {
			k.fail(item.At, "eos_token_id must hold token ids, whole numbers from 0; correct it")
			return
		}
		c.EOS = append(c.EOS, int(n))
	}
}

// window reads the sliding window, which each family spells in its own way.
func (k *configKeys) window(c *Config) {
	switch k.fam.modelType {
	case "mistral":
		c.SlidingWindow = k.int("sliding_window", 4096)
		if v, given := k.get("sliding_window"); given && v.Kind == '0' && c.SlidingWindow < 1 {
			k.fail(v.At, "sliding_window must be null or at least 1; correct it")
		}
	case "qwen2", "qwen3":
		use := k.bool("use_sliding_window", false)
		w, first := k.int("sliding_window", 4096), k.int("max_window_layers", 28)
		if use && w > 0 && first < c.NumLayers {
			c.SlidingWindow, c.WindowFirstLayer = w, first
		}
	default:
		k.int("max_window_layers", 0)
	}
	k.layerTypes(c)
}

// layerTypes checks that the list of layer types, which transformers lets win, says what the other
// keys say.
func (k *configKeys) layerTypes(c *Config) {
	v, given := k.get("layer_types")
	if !given || v.Kind == 'n' || k.err != nil {
		return
	}
	if v.Kind != '[' || len(v.Items) != c.NumLayers {
		k.fail(v.At, "layer_types must be a list of %d names, one a layer; correct it or remove it", c.NumLayers)
		return
	}
	for l, item := range v.Items {
		want := "full_attention"
		if c.SlidingWindow > 0 && l >= c.WindowFirstLayer {
			want = "sliding_attention"
		}
		if item.Kind != '"' || item.Text != want {
			k.fail(item.At, "layer_types has %s for layer %d where the window keys say %q; supported are full attention first and sliding attention after it", strictjson.Quote(item.Text), l, want)
			return
		}
	}
}

func (k *configKeys) dtype() string {
	names := map[string]string{"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
	result := ""
	for _, key := range []string{"torch_dtype", "dtype"} {
		text, given := k.text(key)
		if !given {
			continue
		}
		d, ok := names[text]
		if !ok && k.err == nil {
			k.err = k.at(key, "%s is not supported; supported are float32, float16 and bfloat16", strictjson.Quote(text))
		}
		result = d
	}
	return result
}

// rest refuses every key that was not asked for and is not known to be harmless.
func (k *configKeys) rest() {
	for _, m := range k.root.Members {
		allowed, fixed := k.fam.fixed(m.Key)
		switch {
		case fixed:
			if !slices.ContainsFunc(allowed, func(text string) bool { return equals(m.Value, text) }) {
				k.fail(m.At, "the value of %s is not supported for %s; supported: %s", m.Key, k.fam.architecture, strings.Join(allowed, ", "))
				return
			}
		case k.used[m.Key], slices.Contains(harmlessKeys, m.Key):
		default:
			hint := ""
			if n := suggest.Nearest(m.Key, knownKeys(k.used)); n != "" {
				hint = fmt.Sprintf(" (did you mean %s?)", n)
			}
			k.fail(m.At, "the key %s is not known for %s and may change what the model computes%s; remove it if it does not", strictjson.Quote(m.Key), k.fam.architecture, hint)
			return
		}
	}
}

func (k *configKeys) get(key string) (strictjson.Value, bool) {
	k.used[key] = true
	return k.root.Get(key)
}

func (k *configKeys) fail(offset int, format string, args ...any) {
	if k.err == nil {
		k.err = k.r.ErrorAt(offset, format, args...)
	}
}

// at makes an error about a key: placed at its value when it is there.
func (k *configKeys) at(key, format string, args ...any) error {
	offset := k.root.At
	if v, ok := findKey(k.root, key); ok {
		offset = v.At
	}
	return k.r.ErrorAt(offset, "%s: %s", key, fmt.Sprintf(format, args...))
}

// findKey looks for a key in the object and in the objects inside it.
func findKey(v strictjson.Value, key string) (strictjson.Value, bool) {
	if found, ok := v.Get(key); ok {
		return found, true
	}
	for _, m := range v.Members {
		if found, ok := m.Value.Get(key); ok {
			return found, true
		}
	}
	return strictjson.Value{}, false
}

// size reads a whole number that must be given.
func (k *configKeys) size(key string) int {
	if _, given := k.get(key); !given && k.err == nil {
		k.err = k.at(key, "the key is missing; add it")
	}
	return k.int(key, 0)
}

// int reads a whole number; a missing key gives the default, null gives 0.
func (k *configKeys) int(key string, missing int) int {
	v, given := k.get(key)
	switch {
	case !given:
		return missing
	case v.Kind == 'n':
		return 0
	}
	n, ok := v.IsInt()
	if !ok || n < -1 || n > 1<<40 {
		k.fail(v.At, "%s must be a whole number from 0; correct it", key)
	}
	return int(n)
}

// id reads a token id; null is -1.
func (k *configKeys) id(key string, missing int) int {
	if v, given := k.get(key); given && v.Kind == 'n' {
		return -1
	}
	return k.int(key, missing)
}

func (k *configKeys) float(key string, missing float64) float64 {
	v, given := k.get(key)
	if !given {
		return missing
	}
	x, err := strconv.ParseFloat(v.Text, 64)
	if v.Kind != '0' || err != nil {
		k.fail(v.At, "%s must be a number; correct it", key)
	}
	return x
}

func (k *configKeys) bool(key string, missing bool) bool {
	v, given := k.get(key)
	if !given || v.Kind == 'n' {
		return missing
	}
	if v.Kind != 't' {
		k.fail(v.At, "%s must be true or false; correct it", key)
	}
	return v.Bool
}

// text reads a string; null counts as missing.
func (k *configKeys) text(key string) (string, bool) {
	v, given := k.get(key)
	if !given || v.Kind == 'n' {
		return "", false
	}
	if v.Kind != '"' {
		k.fail(v.At, "%s must be a string; correct it", key)
	}
	return v.Text, true
}
