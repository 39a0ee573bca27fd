package tool

import (
	"encoding/json"
	"errors"
	"io"

	"spar/internal/fault"
	"spar/loader"
	"spar/loader/template"
)

type tokenizeRow struct {
	Text                *string            `json:"text"`
	Messages            []template.Message `json:"messages"`
	AddGenerationPrompt bool               `json:"add_generation_prompt"`
}

type tokenized struct {
	Text string  `json:"text"`
	IDs  []int32 `json:"ids"`
}

// Tokenize turns lines of {"text"} or {"messages","add_generation_prompt"} into {"text","ids"}.
// special recognises special tokens inside plain text; none are added either way. For messages,
// text is what the chat template renders.
func Tokenize(m *loader.Model, in io.Reader, name string, out io.Writer, special bool) error {
	if m.Tokenizer == nil {
		return fault.Inputf("%s has no tokenizer.json; add the model's", m.Path)
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return eachLine(in, name, func(_ int, row tokenizeRow) error {
		t, err := tokenizeOne(m, row, special)
		if err != nil {
			return err
		}
		return enc.Encode(t)
	})
}

func tokenizeOne(m *loader.Model, row tokenizeRow, special bool) (t tokenized, err error) {
	switch {
	case (row.Text != nil) == (row.Messages != nil):
		return t, errors.New(`give "text" or "messages", and not both`)
	case row.Text != nil && row.AddGenerationPrompt:
		return t, errors.New(`"add_generation_prompt" goes with "messages"`)
	case row.Text != nil:
		t.Text = *row.Text
		t.IDs, err = m.Tokenizer.Encode(t.Text, special)
	default:
		if t.Text, err = m.RenderChat(row.Messages, row.AddGenerationPrompt); err == nil {
			t.IDs, err = m.EncodeChat(row.Messages, row.AddGenerationPrompt)
		}
	}
	if t.IDs == nil {
		t.IDs = []int32{}
	}
	return t, err
}
