package checkpoint

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/loader/checkpoint/gguf/gguftest"
)

// tinyConfig is a small model of each family.
func tinyConfig(modelType string) *Config {
	f, _ := familyOf(modelType)
	c := &Config{
		Architecture: f.architecture, ModelType: modelType, VocabSize: 24, HiddenSize: 16, NumLayers: 2, NumHeads: 4, NumKVHeads: 2,
		HeadDim: 4, IntermediateSize: 12, MaxPositions: 64, QKVBias: f.qkvBias, QKNorm: f.qkNorm, NormEps: 1e-5,
		Rope: Rope{Type: "default", Theta: 10_000}, BOS: 1, EOS: []int{2}, Pad: -1, DType: "F32",
	}
	switch modelType {
	case "mistral":
		c.SlidingWindow = 8
	case "qwen2":
		c.SlidingWindow, c.WindowFirstLayer, c.TieEmbeddings = 8, 1, true
	case "qwen3":
		c.HeadDim, c.EOS = 8, []int{2, 3}
	}
	return c
}

// tinyValues are values that F16 and BF16 hold exactly, other ones for every tensor.
func tinyValues(c *Config) func(name string) ([]float32, error) {
	list := c.Tensors()
	return func(name string) ([]float32, error) {
		for i, t := range list {
			if t.Name == name {
				s := rng.NewStream(7, uint32(i))
				v := make([]float32, t.Elements())
				for j := range v {
					v[j] = float32(s.IntN(255)-127) / 64
				}
				return v, nil
			}
		}
		return nil, fmt.Errorf("no tensor %s", name)
	}
}

// writeTiny writes a tiny model and returns its directory.
func writeTiny(t testing.TB, c *Config, o WriteOptions) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	o.Tensor = tinyValues(c)
	if o.DType == "" {
		o.DType = "F32"
	}
	m := &Model{Config: c, Files: map[string][]byte{}, TokenizerJSON: []byte(`{"model":{"type":"BPE"}}`)}
	if err := Write(fsys.OS, dir, m, o); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustOpen(t testing.TB, path string) *Model {
	t.Helper()
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func writeTo(t testing.TB, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// safetensorsBytes is a file with any header and body.
func safetensorsBytes(header string, body []byte) []byte {
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(data, header...), body...)
}

// editConfig changes keys of the config.json text of c; nil removes one.
func editConfig(t testing.TB, c *Config, edits map[string]any) []byte {
	t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]any{}
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	for key, value := range edits {
		if value == nil {
			delete(keys, key)
			continue
		}
		keys[key] = value
	}
	data, err = json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// tinyGGUF is a GGUF file of a small model with F32 weights from tinyValues, q and k permuted as
// the converter of llama.cpp does for the architecture llama. edit changes the parts first.
type tinyGGUF struct {
	config  *Config
	arch    string
	keys    map[string]any // instead of or beside the usual ones; nil removes one
	tensors map[string]gguftest.Tensor
	builder gguftest.Builder
}

var tinyKeyOrder = []string{
	"general.architecture", "general.alignment", "A.block_count", "A.context_length", "A.embedding_length", "A.feed_forward_length",
	"A.attention.head_count", "A.attention.head_count_kv", "A.attention.key_length", "A.attention.layer_norm_rms_epsilon", "A.rope.freq_base",
	"A.attention.sliding_window", "tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens", "tokenizer.ggml.token_type",
	"tokenizer.ggml.scores", "tokenizer.ggml.merges", "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id", "tokenizer.chat_template",
}

func (g *tinyGGUF) bytes(t testing.TB) []byte {
	t.Helper()
	c := g.config
	types := make([]int32, c.VocabSize)
	tokens := make([]string, c.VocabSize)
	for i := range tokens {
		tokens[i], types[i] = string(rune('a'+i)), 1
	}
	tokens[c.VocabSize-1] = "ab"
	values := map[string]any{
		"general.architecture": g.arch, "A.block_count": uint32(c.NumLayers), "A.context_length": uint32(c.MaxPositions),
		"A.embedding_length": uint32(c.HiddenSize), "A.feed_forward_length": uint32(c.IntermediateSize),
		"A.attention.head_count": uint32(c.NumHeads), "A.attention.head_count_kv": uint32(c.NumKVHeads),
		"A.attention.key_length": uint32(c.HeadDim), "A.attention.layer_norm_rms_epsilon": float32(c.NormEps),
		"A.rope.freq_base": float32(c.Rope.Theta), "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen2",
		"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": types, "tokenizer.ggml.merges": []string{"a b"},
		"tokenizer.ggml.bos_token_id": uint32(c.BOS), "tokenizer.ggml.eos_token_id": uint32(c.EOS[0]), "tokenizer.chat_template": "{{ messages }}",
	}
	order := tinyKeyOrder
	for key, value := range g.keys {
		if _, usual := values[key]; !usual && !contains(order, key) {
			order = append(order[:len(order):len(order)], key)
		}
		values[key] = value
	}
	b := g.builder
	if b.Version == 0 {
		b.Version = 3
	}
	for _, key := range order {
		if value := values[key]; value != nil {
			b.Key(replaceArch(key, g.arch), value)
		}
	}
	for _, info := range c.Tensors() {
		b.Add(g.tensor(t, info))
	}
	for name, extra := range g.tensors {
		if extra.Name != "" && !isTiny(c, name) {
			b.Add(extra)
		}
	}
	return b.Bytes()
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func replaceArch(key, arch string) string {
	if len(key) > 2 && key[:2] == "A." {
		return arch + key[1:]
	}
	return key
}

func isTiny(c *Config, name string) bool {
	for _, info := range c.Tensors() {
		if ggufName(info.Name) == name {
			return true
		}
	}
	return false
}

// ggufName inverts hfName by search.
func ggufName(name string) string {
	for gguf, hf := range outerNames {
		if hf == name {
			return gguf
		}
	}
	var layer int
	var rest string
	fmt.Sscanf(name, "model.layers.%d.%s", &layer, &rest)
	for gguf, hf := range layerNames {
		for _, kind := range []string{".weight", ".bias"} {
			if hf+kind == rest {
				return fmt.Sprintf("blk.%d.%s%s", layer, gguf, kind)
			}
		}
	}
	return "no name for " + name
}

func (g *tinyGGUF) tensor(t testing.TB, info TensorInfo) gguftest.Tensor {
	t.Helper()
	name := ggufName(info.Name)
	if replaced, ok := g.tensors[name]; ok {
		return replaced
	}
	values, err := tinyValues(g.config)(info.Name)
	if err != nil {
		t.Fatal(err)
	}
	if g.arch == "llama" && (hasPart(info.Name, "q_proj") || hasPart(info.Name, "k_proj")) {
		values = permuteAsConverter(values, info.Shape[0]/g.config.HeadDim, g.config.HeadDim)
	}
	var data []byte
	for _, x := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	var dims []uint64
	for i := range info.Shape {
		dims = append(dims, uint64(info.Shape[len(info.Shape)-1-i]))
	}
	return gguftest.Tensor{Name: name, Dims: dims, Data: data}
}

func hasPart(name, part string) bool {
	matched, _ := filepath.Match("*."+part+".*", name)
	return matched
}

// permuteAsConverter is reshape(heads, 2, headDim/2, width).swapaxes(1, 2) over the rows.
func permuteAsConverter(v []float32, heads, headDim int) []float32 {
	width := len(v) / (heads * headDim)
	out := make([]float32, 0, len(v))
	for h := range heads {
		for j := range headDim / 2 {
			for half := range 2 {
				row := h*headDim + half*headDim/2 + j
				out = append(out, v[row*width:(row+1)*width]...)
			}
		}
	}
	return out
}

func floats(values []float32) []byte {
	var data []byte
	for _, x := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return data
}
