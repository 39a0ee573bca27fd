package policy

import (
	"encoding/json"
	"testing"

	"spar/loader"
	"spar/loader/tokenizer"
)

// tinyModelWithTokenizer adds a byte-level tokenizer of 301 ids: printable ASCII, the two bytes of
// "é" apart, and pairs of letters.
func tinyModelWithTokenizer(t testing.TB) *loader.Model {
	t.Helper()
	vocab, merges := map[string]int{}, []string{}
	add := func(token string) { vocab[token] = len(vocab) }
	add("Ġ") // the space
	for c := rune('!'); c <= '~'; c++ {
		add(string(c))
	}
	add("Ã") // bytes C3 and A9 in the byte-level alphabet
	add("©")
	for a := 'a'; a <= 'z' && len(vocab) < 301; a++ {
		for b := 'a'; b <= 'z' && len(vocab) < 301; b++ {
			add(string(a) + string(b))
			merges = append(merges, string(a)+" "+string(b))
		}
	}
	level := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	data, err := json.Marshal(map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": []any{}, "normalizer": nil,
		"pre_tokenizer": level, "post_processor": nil, "decoder": level,
		"model": map[string]any{"type": "BPE", "vocab": vocab, "merges": merges},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := tinyModel(t)
	if m.Tokenizer, err = tokenizer.ParseJSON(data, "tokenizer.json"); err != nil {
		t.Fatal(err)
	}
	return m
}
