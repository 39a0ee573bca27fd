package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"math"

	"spar/internal/strictjson"
)

// Summary is what `spar model inspect` shows.
type Summary struct {
	Path         string         `json:"path"`
	Format       string         `json:"format"`
	Architecture string         `json:"architecture"`
	Parameters   int64          `json:"parameters"` // a tied embedding counted once
	Tensors      int            `json:"tensors"`
	StoredBytes  int64          `json:"stored_bytes"` // of the weights; 0 without weights
	DTypes       map[string]int `json:"dtypes"`       // tensors of each stored type
	Config       *Config        `json:"config"`
	Tokenizer    string         `json:"tokenizer"`     // kind, or "none"
	TemplateHash string         `json:"template_hash"` // SHA-256 of the chat template's source; empty: none
	Memory       Memory         `json:"memory"`
	Warnings     []string       `json:"warnings,omitempty"`
}

// Memory is an estimate in bytes of what the model itself takes; `spar plan` gives exact numbers
// with the batch.
type Memory struct {
	ScoreF32   int64 `json:"score_f32"`     // fp32 weights
	ScoreBF16  int64 `json:"score_bf16"`    // fp32 masters and bf16 copies
	TrainAdamW int64 `json:"train_adamw"`   // weights, bf16 copies, gradients, two moments
	TrainRMS   int64 `json:"train_rmsprop"` // weights, bf16 copies, gradients, one moment
	KVPerToken int64 `json:"kv_per_token"`  // fp32 keys and values of one position
}

// Inspect summarises an open model. The weights are not read.
func Inspect(m *Model) (*Summary, error) {
	c := m.Config
	p := c.Parameters()
	s := &Summary{
		Path: m.Path, Format: m.Format, Architecture: c.Architecture, Parameters: p, Config: c,
		DTypes: map[string]int{}, Warnings: m.Warnings,
		Memory: Memory{
			ScoreF32: 4 * p, ScoreBF16: 6 * p, TrainAdamW: 18 * p, TrainRMS: 14 * p,
			KVPerToken: 8 * int64(c.NumLayers) * int64(c.NumKVHeads) * int64(c.HeadDim),
		},
	}
	if m.weights != nil {
		for _, t := range m.Tensors() {
			s.Tensors++
			s.DTypes[t.DType]++
			s.StoredBytes += m.weights.stored(t.Name).Size()
		}
	}
	if m.ChatTemplate != "" {
		sum := sha256.Sum256([]byte(m.ChatTemplate))
		s.TemplateHash = hex.EncodeToString(sum[:])
	}
	var err error
	s.Tokenizer, err = m.tokenizerKind()
	return s, err
}

// tokenizerKind is the model type of tokenizer.json (BPE, Unigram, ...) or of the metadata.
func (m *Model) tokenizerKind() (string, error) {
	switch {
	case m.GGUFTokenizer != nil && m.GGUFTokenizer.Pre != "":
		return m.GGUFTokenizer.Model + "/" + m.GGUFTokenizer.Pre, nil
	case m.GGUFTokenizer != nil:
		return m.GGUFTokenizer.Model, nil
	case m.TokenizerJSON == nil:
		return "none", nil
	}
	r, err := strictjson.NewReader(m.TokenizerJSON, m.Path+": "+tokenizerName, maxConfigDepth)
	if err != nil {
		return "", err
	}
	kind := "unknown"
	err = r.Object(func(key string) error {
		if key != "model" || r.Kind() != '{' {
			return r.Skip()
		}
		return r.Object(func(key string) error {
			if key != "type" || r.Kind() != '"' {
				return r.Skip()
			}
			var err error
			kind, err = r.String()
			return err
		})
	})
	return kind, err
}

// TensorHealth counts values of a tensor that deserve a look.
type TensorHealth struct {
	Name      string `json:"name"`
	NonFinite int    `json:"non_finite"` // NaN and infinite values
	AllZero   bool   `json:"all_zero"`
}

// Scan reads all weights and lists the tensors that hold NaN or infinite values or only zeros.
func Scan(m *Model) ([]TensorHealth, error) {
	var list []TensorHealth
	read := m.reader()
	for _, t := range m.Tensors() {
		values, err := read(t.Name)
		if err != nil {
			return nil, err
		}
		h := TensorHealth{Name: t.Name, AllZero: true}
		for _, x := range values {
			if x != 0 {
				h.AllZero = false
			}
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				h.NonFinite++
			}
		}
		if h.AllZero || h.NonFinite > 0 {
			list = append(list, h)
		}
	}
	return list, nil
}
