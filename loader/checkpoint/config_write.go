package checkpoint

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"spar/loader/checkpoint/dtype"
)

// float is written with a decimal point, as Python writes it.
type float float64

func (x float) MarshalJSON() ([]byte, error) {
	s := strconv.FormatFloat(float64(x), 'g', -1, 64)
	if !strings.ContainsAny(s, ".en") {
		s += ".0"
	}
	return []byte(s), nil
}

// MarshalJSON writes a config.json in the form that transformers 4 and 5 both read. The same Config
// gives the same bytes, and ParseConfig gives the Config back.
func (c *Config) MarshalJSON() ([]byte, error) {
	o := &object{}
	o.put("architectures", []string{c.Architecture})
	o.put("model_type", c.ModelType)
	o.put("vocab_size", c.VocabSize)
	o.put("hidden_size", c.HiddenSize)
	o.put("intermediate_size", c.IntermediateSize)
	o.put("num_hidden_layers", c.NumLayers)
	o.put("num_attention_heads", c.NumHeads)
	o.put("num_key_value_heads", c.NumKVHeads)
	o.put("head_dim", c.HeadDim)
	o.put("hidden_act", "silu")
	o.put("max_position_embeddings", c.MaxPositions)
	o.put("rms_norm_eps", float(c.NormEps))
	o.put("rope_theta", float(c.Rope.Theta))
	o.put("rope_scaling", c.Rope.scaling())
	o.put("tie_word_embeddings", c.TieEmbeddings)
	o.put("attention_bias", c.QKVBias)
	if c.ModelType == "llama" {
		o.put("mlp_bias", false)
	}
	c.putWindow(o)
	o.put("bos_token_id", idOrNull(c.BOS))
	o.put("eos_token_id", idsOrNull(c.EOS))
	o.put("pad_token_id", idOrNull(c.Pad))
	if name := dtype.Type(c.DType).Torch(); name != "" {
		o.put("torch_dtype", name)
	}
	return o.bytes()
}

func (c *Config) putWindow(o *object) {
	switch c.ModelType {
	case "mistral":
		o.put("sliding_window", zeroIsNull(c.SlidingWindow))
	case "qwen2", "qwen3":
		first := c.WindowFirstLayer
		if c.SlidingWindow == 0 {
			first = c.NumLayers
		}
		o.put("use_sliding_window", c.SlidingWindow > 0)
		o.put("sliding_window", zeroIsNull(c.SlidingWindow))
		o.put("max_window_layers", first)
	}
}

// scaling is the value of rope_scaling: nil for the default type.
func (r *Rope) scaling() any {
	if r.Type == "default" {
		return nil
	}
	o := &object{}
	o.put("rope_type", r.Type)
	o.put("factor", float(r.Factor))
	if r.OriginalMaxPositions != 0 {
		o.put("original_max_position_embeddings", r.OriginalMaxPositions)
	}
	for _, p := range []struct {
		key   string
		value float64
	}{
		{"low_freq_factor", r.LowFreqFactor}, {"high_freq_factor", r.HighFreqFactor},
		{"attention_factor", r.AttentionFactor}, {"beta_fast", r.BetaFast}, {"beta_slow", r.BetaSlow},
		{"mscale", r.MScale}, {"mscale_all_dim", r.MScaleAllDim},
	} {
		if p.value != 0 {
			o.put(p.key, float(p.value))
		}
	}
	if r.Type == "yarn" {
		o.put("truncate", r.Truncate)
	}
	return o
}

func idOrNull(id int) any {
	if id < 0 {
		return nil
	}
	return id
}

func idsOrNull(ids []int) any {
	switch len(ids) {
	case 0:
		return nil
	case 1:
		return ids[0]
	}
	return ids
}

func zeroIsNull(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

// object is a JSON object that keeps the order of its keys.
type object struct {
	buf bytes.Buffer
	err error
}

func (o *object) put(key string, value any) {
	text, err := plainJSON(value)
	if err != nil && o.err == nil {
		o.err = err
	}
	if o.buf.Len() > 0 {
		o.buf.WriteByte(',')
	}
	name, err := plainJSON(key)
	if err != nil && o.err == nil {
		o.err = err
	}
	o.buf.Write(name)
	o.buf.WriteByte(':')
	o.buf.Write(text)
}

func (o *object) bytes() ([]byte, error) {
	return []byte("{" + o.buf.String() + "}"), o.err
}

func (o *object) indented() ([]byte, error) { return indent(o.bytes()) }

// plainJSON is json.Marshal without escapes for HTML: special tokens such as <s> stay readable.
func plainJSON(value any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return bytes.TrimRight(buf.Bytes(), "\n"), err
}

// indent lays JSON out as transformers does, two spaces a level and a line feed at the end.
func indent(data []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := json.Indent(&buf, data, "", "  "); err != nil {
		return nil, err
	}
	buf.WriteByte('\n')
	return buf.Bytes(), nil
}

// MarshalJSON makes an object usable as a value.
func (o *object) MarshalJSON() ([]byte, error) { return o.bytes() }
