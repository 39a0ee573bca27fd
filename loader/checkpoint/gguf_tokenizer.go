package checkpoint

import (
	"strings"

	"spar/internal/strictjson"
	"spar/loader/checkpoint/gguf"
)

// Limits of a tokenizer.
const (
	maxTokens = 2 << 20
	maxMerges = 4 << 20
)

// GGUFTokenizer is the tokenizer metadata of a GGUF file.
type GGUFTokenizer struct {
	Model  string // gpt2 (byte-level BPE), llama (SentencePiece), ...
	Pre    string // name of the pre-tokenizer, as llama-bpe, qwen2, smollm
	Tokens []string
	Types  []int32   // 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte; nil: not given
	Scores []float32 // nil: not given
	Merges []string  // "left right"

	BOS, EOS, Pad, Unknown int // -1: none
	AddBOS                 bool
	ChatTemplate           string
}

func ggufTokenizer(f *gguf.File, c *Config) (*GGUFTokenizer, error) {
	k := &ggufKeys{f: f}
	t := &GGUFTokenizer{}
	text := func(key string) string {
		s, _, err := f.Text("tokenizer." + key)
		k.keep(err)
		return s
	}
	t.Model, t.Pre, t.ChatTemplate = text("ggml.model"), text("ggml.pre"), text("chat_template")
	var err error
	t.Tokens, err = f.Strings("tokenizer.ggml.tokens")
	k.keep(err)
	t.Types, err = f.Int32s("tokenizer.ggml.token_type")
	k.keep(err)
	t.Scores, err = f.Float32s("tokenizer.ggml.scores")
	k.keep(err)
	t.Merges, err = f.Strings("tokenizer.ggml.merges")
	k.keep(err)
	t.AddBOS, _, err = f.Bool("tokenizer.ggml.add_bos_token")
	k.keep(err)
	t.BOS, t.EOS, t.Pad, t.Unknown = k.id("bos_token_id"), k.id("eos_token_id"), k.id("padding_token_id"), k.id("unknown_token_id")
	if k.err != nil {
		return nil, k.err
	}
	return t, t.check(f, c)
}

func (t *GGUFTokenizer) check(f *gguf.File, c *Config) error {
	const prefix = "tokenizer.ggml."
	switch {
	case t.Model == "":
		return f.Errorf(prefix+"model", "the metadata key is missing; use a file with a tokenizer")
	case len(t.Tokens) > maxTokens:
		return f.Errorf(prefix+"tokens", "%d tokens are over the limit of %d; the file is damaged", len(t.Tokens), maxTokens)
	case len(t.Merges) > maxMerges:
		return f.Errorf(prefix+"merges", "%d merges are over the limit of %d; the file is damaged", len(t.Merges), maxMerges)
	case t.Types != nil && len(t.Types) != len(t.Tokens):
		return f.Errorf(prefix+"token_type", "there are %d types for %d tokens; write the file again", len(t.Types), len(t.Tokens))
	case t.Scores != nil && len(t.Scores) != len(t.Tokens):
		return f.Errorf(prefix+"scores", "there are %d scores for %d tokens; write the file again", len(t.Scores), len(t.Tokens))
	case t.Unknown >= c.VocabSize:
		return f.Errorf(prefix+"unknown_token_id", "token %d is outside the vocabulary of %d; correct it", t.Unknown, c.VocabSize)
	}
	for i, kind := range t.Types {
		if kind < 0 || kind > 6 {
			return f.Errorf(prefix+"token_type", "token %d has type %d; known are 0 to 6", i, kind)
		}
	}
	return t.checkMerges(f)
}

// checkMerges wants every merge to join two tokens into a token.
func (t *GGUFTokenizer) checkMerges(f *gguf.File) error {
	if len(t.Merges) == 0 {
		return nil
	}
	known := make(map[string]struct{}, len(t.Tokens))
	for _, token := range t.Tokens {
		known[token] = struct{}{}
	}
	for i, merge := range t.Merges {
		left, right, ok := strings.Cut(merge, " ")
		for _, piece := range []string{left, right, left + right} {
			if _, isToken := known[piece]; !isToken || !ok {
				return f.Errorf("tokenizer.ggml.merges", "merge %d, %s, does not join two tokens into a token; write the file again", i, strictjson.Quote(merge))
			}
		}
	}
	return nil
}
