package bench

import (
	"context"
	"encoding/json"
	"testing"

	"spar/loader/tokenizer"
)

// asciiTokenizer has one id for each printable character, and no merges.
func asciiTokenizer(t *testing.T) *tokenizer.Tokenizer {
	t.Helper()
	vocab := map[string]int{}
	for c := rune('!'); c <= '~'; c++ {
		vocab[string(c)] = len(vocab)
	}
	level := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	data, err := json.Marshal(map[string]any{
		"version": "1.0", "added_tokens": []any{}, "normalizer": nil, "pre_tokenizer": level, "post_processor": nil, "decoder": level,
		"model": map[string]any{"type": "BPE", "vocab": vocab, "merges": []string{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.ParseJSON(data, "tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestLoader counts by hand: without merges, as many ids come back as characters were drawn.
func TestLoader(t *testing.T) {
	for _, budget := range []int{0, 20} {
		c := config(t, twoPairs)
		c.Model.Tokenizer, c.TokensPerBatch = asciiTokenizer(t), budget
		r, err := Loader(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		if r.LogicalTokens != 35*loaderEpochs || r.Processed != 27*loaderEpochs || r.TokS <= 0 || r.PeakShare != 0 {
			t.Errorf("budget %d: %+v", budget, r)
		}
	}
	c := config(t, twoPairs)
	c.Model.Tokenizer, c.TokensPerBatch = asciiTokenizer(t), 5
	if _, err := Loader(context.Background(), c); err == nil {
		t.Error("a budget below the longest pair passes")
	}
}
