// Package loader opens a model together with its tokenizer and chat template, and turns conversations into token ids.
//
//	m, err := loader.Open("models/smollm2") // a Hugging Face directory or a GGUF file
//	ids, err := m.EncodeChat(messages, true)
//	prompt, response, err := m.EncodePair(messages, "the answer")
//
// A Model may be used by several goroutines, except for Close.
package loader

import (
	"sync"

	"spar/internal/fault"
	"spar/internal/strictjson"
	"spar/loader/checkpoint"
	"spar/loader/template"
	"spar/loader/tokenizer"
)

// Model is an open checkpoint with what turns text into its ids.
type Model struct {
	*checkpoint.Model
	Tokenizer *tokenizer.Tokenizer // nil: the model has none
	Template  *template.Template   // nil: the model has none

	turnOnce sync.Once
	turn     turnEnd
}

// Open opens a Hugging Face directory or a GGUF file.
func Open(path string) (*Model, error) { return open(checkpoint.Open(path)) }

// OpenConfigOnly opens a directory or a config.json without its weights. Tokenizer and Template are nil where the model
// has none.
func OpenConfigOnly(path string) (*Model, error) { return open(checkpoint.OpenConfigOnly(path)) }

func open(c *checkpoint.Model, err error) (*Model, error) {
	if err != nil {
		return nil, err
	}
	m := &Model{Model: c}
	if m.Tokenizer, err = openTokenizer(c); err == nil && c.ChatTemplate != "" {
		m.Template, err = template.Parse(c.ChatTemplate, c.Path+": chat template")
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return m, nil
}

func openTokenizer(c *checkpoint.Model) (t *tokenizer.Tokenizer, err error) {
	switch {
	case c.TokenizerJSON != nil:
		t, err = tokenizer.ParseJSON(c.TokenizerJSON, c.Path+": tokenizer.json")
	case c.GGUFTokenizer != nil:
		t, err = tokenizer.FromGGUF(fromGGUF(c.GGUFTokenizer))
	}
	if err != nil || t == nil {
		return nil, err
	}
	if t.VocabSize() > c.Config.VocabSize {
		return nil, fault.Inputf("%s: the tokenizer has ids up to %d, but the model's vocabulary ends at %d; they do not belong together",
			c.Path, t.VocabSize()-1, c.Config.VocabSize-1)
	}
	return t, nil
}

func fromGGUF(g *checkpoint.GGUFTokenizer) tokenizer.GGUF {
	return tokenizer.GGUF{
		Model: g.Model, Pre: g.Pre, Tokens: g.Tokens, Types: g.Types, Scores: g.Scores, Merges: g.Merges,
		BOS: g.BOS, EOS: g.EOS, Pad: g.Pad, Unknown: g.Unknown, AddBOS: g.AddBOS, ChatTemplate: g.ChatTemplate,
	}
}

// TokenizerJSON returns the tokenizer.json of a model, made from a GGUF file's vocabulary when there is none; nil when
// the model has no tokenizer.
func TokenizerJSON(m *checkpoint.Model) ([]byte, error) {
	if m.TokenizerJSON != nil || m.GGUFTokenizer == nil {
		return m.TokenizerJSON, nil
	}
	t, err := tokenizer.FromGGUF(fromGGUF(m.GGUFTokenizer))
	if err != nil {
		return nil, err
	}
	return t.MarshalJSON()
}

// TokenizerHash is the tokenizer's hash, "" without one.
func (m *Model) TokenizerHash() string {
	if m.Tokenizer == nil {
		return ""
	}
	return m.Tokenizer.Hash()
}

// TemplateHash is the template's hash, "" without one.
func (m *Model) TemplateHash() string {
	if m.Template == nil {
		return ""
	}
	return m.Template.Hash()
}

// specialNames are the tokens that transformers gives a template by name.
var specialNames = []string{"bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token"}

// namedTokens returns the texts of the special tokens that a template knows by name: those of tokenizer_config.json and
// special_tokens_map.json; for a GGUF file, those of its ids.
func (m *Model) namedTokens() map[string]string {
	out := map[string]string{}
	found := false
	for _, file := range []string{"special_tokens_map.json", "tokenizer_config.json"} {
		root, _, err := strictjson.Parse(m.Files[file], file, 100)
		if err != nil {
			continue
		}
		found = true
		for _, name := range specialNames {
			v, _ := root.Get(name)
			if content, ok := v.Get("content"); ok && v.Kind == '{' {
				v = content
			}
			if v.Kind == '"' {
				out[name] = v.Text
			}
		}
	}
	if found || m.Tokenizer == nil {
		return out
	}
	ids := map[string]int{"bos_token": m.Config.BOS, "pad_token": m.Config.Pad, "eos_token": -1}
	if len(m.Config.EOS) > 0 {
		ids["eos_token"] = m.Config.EOS[0]
	}
	for name, id := range ids {
		if text := m.Tokenizer.Token(int32(id)); text != "" {
			out[name] = text
		}
	}
	return out
}
