package quickstart

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"

	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/loader/checkpoint"
)

// initialStd is the deviation of the random weights, Transformers' initializer_range.
const initialStd = 0.02

// configJSON describes the model: d 96, 2 layers, 4 heads, SwiGLU 256, untied head; 227,616 parameters.
func configJSON() map[string]any {
	return map[string]any{
		"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama",
		"vocab_size": len(Vocabulary), "hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
		"intermediate_size": 256, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
		"tie_word_embeddings": false, "attention_bias": false, "mlp_bias": false, "initializer_range": initialStd,
		"bos_token_id": bosID, "eos_token_id": eosID, "pad_token_id": padID, "torch_dtype": "float32",
	}
}

// tokenizerJSON makes every word a token of its own. A word carries the space before it, so that decoded text is readable.
func tokenizerJSON() map[string]any {
	vocab := map[string]int{}
	var added []map[string]any
	for i, w := range Vocabulary {
		special := i <= int(eosID)
		if !special {
			w = " " + w
		}
		vocab[w] = i
		added = append(added, map[string]any{"id": i, "content": w, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": special})
	}
	level := func(prefix bool) map[string]any {
		return map[string]any{"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": true, "use_regex": true}
	}
	return map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added, "normalizer": nil,
		"pre_tokenizer": level(false), "post_processor": nil, "decoder": level(true),
		"model": map[string]any{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": []string{}},
	}
}

// WriteModel makes the quickstart's model, an ordinary Hugging Face directory with random weights, unless it is there.
func WriteModel(f fsys.FS, dir string, seed uint64) error {
	if _, err := f.Stat(filepath.Join(dir, "config.json")); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	shape := dir + ".shape"
	if err := fsys.MakeDir(f, shape); err != nil {
		return err
	}
	if err := writeJSON(f, filepath.Join(shape, "config.json"), configJSON()); err != nil {
		return err
	}
	m, err := checkpoint.OpenConfigOnly(shape)
	if err != nil {
		return err
	}
	defer m.Close()
	tokenizer, err := json.Marshal(tokenizerJSON())
	if err != nil {
		return fmt.Errorf("tokenizer: %w", err)
	}
	if err := checkpoint.Write(f, dir, m, checkpoint.WriteOptions{DType: "F32", TokenizerJSON: tokenizer, Tensor: randomTensors(m.Config, seed)}); err != nil {
		return err
	}
	return f.RemoveAll(shape)
}

// randomTensors draws matrices from N(0, initialStd) and sets norms to 1.
func randomTensors(c *checkpoint.Config, seed uint64) func(string) ([]float32, error) {
	shapes := map[string][]int{}
	index := map[string]uint32{}
	for i, t := range c.Tensors() {
		shapes[t.Name], index[t.Name] = t.Shape, uint32(i)
	}
	return func(name string) ([]float32, error) {
		shape, ok := shapes[name]
		if !ok {
			return nil, fmt.Errorf("the model has no tensor %s", name)
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		out := make([]float32, n)
		r := rng.NewStream(seed, 0x77656967, index[name])
		for i := range out {
			if out[i] = 1; len(shape) == 2 {
				out[i] = float32(initialStd * normal(r))
			}
		}
		return out, nil
	}
}

// normal is a draw from N(0, 1) by Box and Muller.
func normal(r *rng.Stream) float64 {
	u, v := 1-r.Float64(), r.Float64()
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
}

func writeJSON(f fsys.FS, path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return fsys.WriteFile(f, path, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(append(data, '\n')))
		return err
	})
}
