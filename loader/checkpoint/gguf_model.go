package checkpoint

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"spar/internal/fault"
	"spar/internal/strictjson"
	"spar/loader/checkpoint/gguf"
)

// ggufWeights are the weights of a GGUF file under Hugging Face names.
type ggufWeights struct {
	file   *os.File
	parsed *gguf.File
	path   string
	config *Config
	list   []TensorInfo
	byName map[string]gguf.Tensor
}

func openGGUF(path string) (*Model, error) {
	file, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	m, err := newGGUFModel(file, size, path)
	if err != nil {
		file.Close()
		return nil, err
	}
	return m, nil
}

func newGGUFModel(file *os.File, size int64, path string) (*Model, error) {
	if err := refuseOthers(file, path); err != nil {
		return nil, err
	}
	parsed, err := gguf.Open(file, size, path)
	if err != nil {
		return nil, err
	}
	m := &Model{Path: path, Format: "gguf", Files: map[string][]byte{}}
	if m.Config, err = ggufConfig(parsed, path); err != nil {
		return nil, err
	}
	if m.GGUFTokenizer, err = ggufTokenizer(parsed, m.Config); err != nil {
		return nil, err
	}
	m.ChatTemplate = m.GGUFTokenizer.ChatTemplate
	if err := checkTemplate(m.ChatTemplate, path+": tokenizer.chat_template"); err != nil {
		return nil, err
	}
	m.Generation = GenerationConfig{BOS: m.Config.BOS, EOS: m.Config.EOS, Pad: m.Config.Pad}
	w := &ggufWeights{file: file, parsed: parsed, path: path, config: m.Config}
	if err := w.match(); err != nil {
		return nil, err
	}
	m.weights = w
	m.Config.DType = commonType(w.list)
	return m, nil
}

// refuseOthers names formats that people offer instead of GGUF.
func refuseOthers(file *os.File, path string) error {
	head := make([]byte, 4)
	if n, err := file.ReadAt(head, 0); err != nil && n < len(head) {
		return fault.Inputf("%s: the file has %d bytes and is no model; give a model directory or a GGUF file", path, n)
	}
	switch {
	case string(head[:2]) == "PK", string(head[:2]) == "\x1f\x8b":
		return fault.Inputf("%s: this is an archive (zip, gz or a pickle inside a zip) and is never unpacked; give a model directory or a GGUF file", path)
	case head[0] == 0x80:
		return fault.Inputf("%s: this is a pickle, which can run code and is never opened; convert it to safetensors with save_pretrained of transformers", path)
	case strings.HasSuffix(path, ".safetensors"):
		return fault.Inputf("%s: weights alone are no model; give the directory that holds %s and the weights", path, configName)
	}
	return nil
}

// layerNames maps what follows "blk.N." to what follows "model.layers.N.".
var layerNames = map[string]string{
	"attn_norm":   "input_layernorm",
	"attn_q":      "self_attn.q_proj",
	"attn_k":      "self_attn.k_proj",
	"attn_v":      "self_attn.v_proj",
	"attn_output": "self_attn.o_proj",
	"attn_q_norm": "self_attn.q_norm",
	"attn_k_norm": "self_attn.k_norm",
	"ffn_norm":    "post_attention_layernorm",
	"ffn_gate":    "mlp.gate_proj",
	"ffn_up":      "mlp.up_proj",
	"ffn_down":    "mlp.down_proj",
}

var outerNames = map[string]string{
	"token_embd.weight":  embedName,
	"output_norm.weight": "model.norm.weight",
	"output.weight":      headName,
}

// hfName is the Hugging Face name of a GGUF tensor; false for one that is not known.
func hfName(name string) (string, bool) {
	if outer, ok := outerNames[name]; ok {
		return outer, true
	}
	parts := strings.Split(name, ".")
	if len(parts) != 4 || parts[0] != "blk" {
		return "", false
	}
	inner, ok := layerNames[parts[2]]
	return fmt.Sprintf("model.layers.%s.%s.%s", parts[1], inner, parts[3]), ok
}

func (w *ggufWeights) match() error {
	w.byName = map[string]gguf.Tensor{}
	stored := map[string]TensorInfo{}
	for _, t := range w.parsed.Tensors {
		name, ok := hfName(t.Name)
		if !ok && t.Name != ropeFactorsName {
			return fault.Inputf("%s: tensor %s is not known for %s; the file is of a model that is not supported", w.path, strictjson.Quote(t.Name), w.config.Architecture)
		}
		if ok {
			w.byName[name] = t
			stored[name] = TensorInfo{Name: name, Shape: t.Shape, DType: t.Type.String()}
		}
	}
	var err error
	w.list, err = matchTensors(w.path, w.config, stored)
	return err
}

func (w *ggufWeights) tensors() []TensorInfo { return w.list }

// read dequantises. The rows of q and k in files of the llama architecture stand in the order of
// adjacent rotary pairs; they come back in halves, as Hugging Face has them.
func (w *ggufWeights) read(name string, dst []float32) error {
	t := w.byName[name]
	if err := w.parsed.Read(t, dst); err != nil {
		return err
	}
	if w.permuted() && (strings.Contains(name, ".q_proj.") || strings.Contains(name, ".k_proj.")) {
		unpermute(dst, w.config.HeadDim, len(dst)/t.Shape[0])
	}
	return nil
}

func (w *ggufWeights) permuted() bool {
	return w.config.ModelType == "llama" || w.config.ModelType == "mistral"
}

// unpermute reorders the rows of every head: row 2j+h goes to row h*headDim/2 + j.
func unpermute(rows []float32, headDim, width int) {
	head := make([]float32, headDim*width)
	for len(rows) > 0 {
		copy(head, rows)
		for j := range headDim / 2 {
			for h := range 2 {
				to, from := (h*headDim/2+j)*width, (2*j+h)*width
				copy(rows[to:to+width], head[from:from+width])
			}
		}
		rows = rows[len(head):]
	}
}

func (w *ggufWeights) stored(name string) *io.SectionReader {
	return w.parsed.Section(w.byName[name])
}

func (w *ggufWeights) close() error { return w.file.Close() }

// hasTensor reports whether the file has a tensor of that GGUF name.
func hasTensor(f *gguf.File, name string) bool {
	return slices.ContainsFunc(f.Tensors, func(t gguf.Tensor) bool { return t.Name == name })
}
