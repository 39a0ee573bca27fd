package tokenizer

import (
	"strings"
	"testing"
	"unicode/utf8"

	"spar/internal/fault"
)

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(small(nil)))
	f.Add([]byte(small(map[string]string{"normalizer": `{"type":"NFC"}`, "pre_tokenizer": split(patternJSON(patternQwen2))})))
	f.Add([]byte(small(map[string]string{"pre_tokenizer": split(`[^a-c]{1,3}(?!d)`)})))
	f.Add([]byte(`{"model":{"vocab":{},"merges":[]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := ParseJSON(data, "fuzz")
		if err != nil {
			if fault.ExitCode(err) != int(fault.Input) {
				t.Fatalf("class of %v", err)
			}
			return
		}
		if reparse(t, tok).Hash() != tok.Hash() {
			t.Fatal("a rewritten tokenizer has another hash")
		}
	})
}

func patternJSON(p string) string { return strings.ReplaceAll(p, `\`, `\\`) }

// FuzzEncode: with a vocabulary that has all bytes, decoding gives the text back, with and without special tokens.
func FuzzEncode(f *testing.F) {
	for _, s := range nastyStrings(f)[:200] {
		f.Add(s)
	}
	var toks []*Tokenizer
	for _, name := range []string{"gpt2", "llama3", "qwen2", "regex"} {
		_, tok := readGolden(f, "testdata/"+name+".golden.json.gz")
		toks = append(toks, tok)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range toks {
			for _, special := range []bool{false, true} {
				ids, err := tok.Encode(text, special)
				if !utf8.ValidString(text) {
					if err == nil {
						t.Fatal("invalid UTF-8 was accepted")
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				want := text
				if tok.normalize != nil {
					want = nfc(text)
				}
				if got := tok.Decode(ids); got != want && nfc(got) != want {
					t.Fatalf("%q came back as %q", text, got)
				}
			}
		}
	})
}
