package tokenizer

import (
	"strings"

	"spar/internal/fault"
	"spar/internal/strictjson"
)

// GGUF is the tokenizer of a GGUF file, as its tokenizer.ggml.* keys give it.
type GGUF struct {
	Model, Pre             string
	Tokens                 []string
	Types                  []int32
	Scores                 []float32
	Merges                 []string
	BOS, EOS, Pad, Unknown int
	AddBOS                 bool
	ChatTemplate           string
}

// Token types of a GGUF vocabulary.
const (
	ggufNormal      = 1
	ggufUnknown     = 2
	ggufControl     = 3
	ggufUserDefined = 4
	ggufUnused      = 5
	ggufByte        = 6
)

// ggufFamily is what a value of tokenizer.ggml.pre stands for.
type ggufFamily struct {
	normalizer, preTokenizer string
	ignoreMerges             bool
}

func splitThenBytes(pattern string) string {
	regex := string(strictjson.AppendString(nil, pattern))
	return `{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":` + regex +
		`},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]}`
}

func ggufFamilyOf(pre string) (ggufFamily, bool) {
	switch pre {
	case "gpt-2", "gpt2":
		return ggufFamily{nullJSON, byteLevelShort, false}, true
	case "smollm", "starcoder", "refact":
		// Every \p{N} stands alone before the GPT-2 words are cut. llama.cpp, pre-tokenizer SMOLLM.
		digits := `{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},` + byteLevelShort + `]}`
		return ggufFamily{nullJSON, digits, false}, true
	case "llama-bpe", "llama3", "llama-v3":
		return ggufFamily{nullJSON, splitThenBytes(patternLlama3), true}, true
	case "qwen2", "deepseek-r1-qwen":
		return ggufFamily{`{"type":"NFC"}`, splitThenBytes(patternQwen2), false}, true
	case "qwen35":
		return ggufFamily{`{"type":"NFC"}`, splitThenBytes(patternQwen35), false}, true
	}
	return ggufFamily{}, false
}

// FromGGUF makes the tokenizer that a GGUF file describes.
func FromGGUF(g GGUF) (*Tokenizer, error) {
	d := &definition{name: "GGUF"}
	if g.Model != "gpt2" {
		return nil, d.fail("tokenizer.ggml.model is %q; only gpt2 (byte-level BPE) is supported", g.Model)
	}
	family, ok := ggufFamilyOf(g.Pre)
	if !ok {
		return nil, d.fail("tokenizer.ggml.pre is %q, whose rules are not known; supported are gpt-2, smollm, starcoder, refact, "+
			"llama-bpe, llama3, qwen2, deepseek-r1-qwen and qwen35", g.Pre)
	}
	if len(g.Types) != 0 && len(g.Types) != len(g.Tokens) {
		return nil, d.fail("tokenizer.ggml.tokens has %d entries, tokenizer.ggml.token_type %d; they must be equal", len(g.Tokens), len(g.Types))
	}
	if len(g.Scores) != 0 && len(g.Scores) != len(g.Tokens) {
		return nil, d.fail("tokenizer.ggml.tokens has %d entries, tokenizer.ggml.scores %d; they must be equal", len(g.Tokens), len(g.Scores))
	}
	if len(g.Tokens) > maxVocab {
		return nil, d.fail("tokenizer.ggml.tokens has %d entries; the limit is %d", len(g.Tokens), maxVocab)
	}
	for _, special := range []struct {
		key string
		id  int
	}{{"bos", g.BOS}, {"eos", g.EOS}, {"padding", g.Pad}, {"unknown", g.Unknown}} {
		if special.id >= len(g.Tokens) {
			return nil, d.fail("tokenizer.ggml.%s_token_id is %d, but there are only %d tokens", special.key, special.id, len(g.Tokens))
		}
	}
	if err := d.fromFamily(family); err != nil {
		return nil, err
	}
	if err := d.fromTokens(g); err != nil {
		return nil, err
	}
	return d.build()
}

func (d *definition) fromFamily(f ggufFamily) error {
	for _, part := range []struct {
		dst *strictjson.Value
		src string
	}{{&d.normalizer, f.normalizer}, {&d.preTokenizer, f.preTokenizer}, {&d.decoder, byteLevelShort}} {
		v, _, err := strictjson.Parse([]byte(part.src), "built-in tokenizer rules", maxDepth)
		if err != nil {
			return fault.New(fault.Failed, "%w", err)
		}
		*part.dst = v
	}
	d.ignoreMerges = f.ignoreMerges
	return nil
}

func (d *definition) fromTokens(g GGUF) error {
	d.vocab = make([]entry, len(g.Tokens))
	for i, token := range g.Tokens {
		d.vocab[i] = entry{token, int32(i)}
		if len(g.Types) == 0 {
			continue
		}
		switch g.Types[i] {
		case ggufNormal, ggufUnknown, ggufUnused:
		case ggufControl, ggufUserDefined:
			d.added = append(d.added, AddedToken{ID: int32(i), Content: token, Special: g.Types[i] == ggufControl})
		case ggufByte:
			return d.fail("tokenizer.ggml.token_type[%d] is 6 (byte), which a byte-level vocabulary does not have", i)
		default:
			return d.fail("tokenizer.ggml.token_type[%d] is %d; types are 1 to 6", i, g.Types[i])
		}
	}
	d.merges = make([][2]string, len(g.Merges))
	for i, m := range g.Merges {
		left, right, ok := strings.Cut(m, " ")
		if !ok || strings.Contains(right, " ") {
			return d.fail("tokenizer.ggml.merges[%d] is %q; a merge is two tokens with one space between", i, m)
		}
		d.merges[i] = [2]string{left, right}
	}
	return nil
}
