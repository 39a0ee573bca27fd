package tokenizer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"spar/internal/fault"
)

// small is a tokenizer.json with the named parts replaced.
func small(parts map[string]string) string {
	all := map[string]string{
		"added_tokens":   `[{"id":3,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}]`,
		"normalizer":     `null`,
		"pre_tokenizer":  `{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}`,
		"post_processor": `null`,
		"decoder":        `{"type":"ByteLevel"}`,
		"vocab":          `{"a":0,"b":1,"ab":2}`,
		"merges":         `["a b"]`,
		"options":        `"type":"BPE"`,
		"top":            ``,
	}
	for k, v := range parts {
		all[k] = v
	}
	return fmt.Sprintf(`{"version":"1.0","added_tokens":%s,"normalizer":%s,"pre_tokenizer":%s,"post_processor":%s,"decoder":%s,%s"model":{%s,"vocab":%s,"merges":%s}}`,
		all["added_tokens"], all["normalizer"], all["pre_tokenizer"], all["post_processor"], all["decoder"], all["top"], all["options"], all["vocab"], all["merges"])
}

func split(pattern string) string {
	return `{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"` + pattern +
		`"},"behavior":"Isolated","invert":false},{"type":"ByteLevel","use_regex":false}]}`
}

func TestBadTokenizerFiles(t *testing.T) {
	added := func(fields string) map[string]string {
		return map[string]string{"added_tokens": "[{" + fields + "}]"}
	}
	cases := []struct {
		name, file string
		want       string // part of the error
	}{
		{"empty", "", "tokenizer.json:1:"},
		{"cut short", small(nil)[:80], "cut short"},
		{"not an object", "[1]", "not a JSON object"},
		{"text after the end", small(nil) + "x", "after the end"},
		{"byte order mark", "\xef\xbb\xbf" + small(nil), "byte order mark"},
		{"invalid UTF-8", strings.Replace(small(nil), `"ab"`, "\"\xff\"", 1), "UTF-8"},
		{"lone surrogate", small(map[string]string{"vocab": `{"a":0,"b":1,"ab":2,"\ud800":3}`}), "surrogate"},
		{"deep nesting", strings.Repeat("[", 10001), "deeper than"},
		{"too long", strings.Repeat(" ", maxFileBytes+1), "the limit is"},
		{"no model", `{"version":"1.0"}`, "no model section"},
		{"unknown top field", small(map[string]string{"top": `"extra":1,`}), `"extra"`},
		{"unigram", small(map[string]string{"options": `"type":"Unigram"`}), "model.type"},
		{"unknown model field", small(map[string]string{"options": `"type":"BPE","speed":1`}), `"speed"`},
		{"dropout", small(map[string]string{"options": `"type":"BPE","dropout":0.1`}), "model.dropout"},
		{"byte fallback", small(map[string]string{"options": `"type":"BPE","byte_fallback":true`}), "model.byte_fallback"},
		{"subword prefix", small(map[string]string{"options": `"type":"BPE","continuing_subword_prefix":"##"`}), "model.continuing_subword_prefix"},
		{"unknown token missing", small(map[string]string{"options": `"type":"BPE","unk_token":"<unk>"`}), "model.unk_token"},
		{"fuse_unk is a number", small(map[string]string{"options": `"type":"BPE","fuse_unk":1`}), "model.fuse_unk"},
		{"duplicate token", small(map[string]string{"vocab": `{"a":0,"b":1,"ab":2,"a":4}`}), "comes twice"},
		{"duplicate id", small(map[string]string{"vocab": `{"a":0,"b":1,"ab":1}`}), "id 1 belongs to both"},
		{"negative id", small(map[string]string{"vocab": `{"a":0,"b":1,"ab":-2}`}), "an id is an integer"},
		{"id of 2^32", small(map[string]string{"vocab": `{"a":0,"b":1,"ab":4294967296}`}), "an id is an integer"},
		{"fractional id", small(map[string]string{"vocab": `{"a":0,"b":1,"ab":2.5}`}), "an id is an integer"},
		{"empty vocabulary", small(map[string]string{"vocab": `{}`}), "model.vocab is empty"},
		{"vocabulary is an array", small(map[string]string{"vocab": `[]`}), "model.vocab must be"},
		{"merge of an unknown piece", small(map[string]string{"merges": `["a c"]`}), "model.merges[0]"},
		{"merge without result", small(map[string]string{"merges": `["b a"]`}), `"ba"`},
		{"merge of three pieces", small(map[string]string{"merges": `["a b c"]`}), "model.merges[0]"},
		{"merge of one piece", small(map[string]string{"merges": `["ab"]`}), "model.merges[0]"},
		{"merge with an empty piece", small(map[string]string{"merges": `[["","a"]]`}), "empty part"},
		{"merge of numbers", small(map[string]string{"merges": `[[1,2]]`}), "model.merges[0]"},
		{"unknown normalizer", small(map[string]string{"normalizer": `{"type":"Lowercase"}`}), `normalizer has type "Lowercase"`},
		{"unknown normalizer within", small(map[string]string{"normalizer": `{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Nmt"}]}`}), "normalizer.normalizers[1]"},
		{"unknown pre-tokenizer", small(map[string]string{"pre_tokenizer": `{"type":"Metaspace"}`}), `pre_tokenizer has type "Metaspace"`},
		{"no pre-tokenizer", small(map[string]string{"pre_tokenizer": `null`}), "pre_tokenizer is null"},
		{"pre-tokenizer with an unknown field", small(map[string]string{"pre_tokenizer": `{"type":"ByteLevel","mode":2}`}), `"mode"`},
		{"no byte level", small(map[string]string{"pre_tokenizer": `{"type":"Digits","individual_digits":true}`}), "ByteLevel step"},
		{"byte level first", small(map[string]string{"pre_tokenizer": `{"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits","individual_digits":true}]}`}), "as its last"},
		{"empty sequence", small(map[string]string{"pre_tokenizer": `{"type":"Sequence","pretokenizers":[]}`}), "ByteLevel step"},
		{"unknown behavior", small(map[string]string{"pre_tokenizer": `{"type":"Split","pattern":{"String":"x"},"behavior":"Maybe"}`}), "behavior"},
		{"pattern does not compile", small(map[string]string{"pre_tokenizer": split(`(a`)}), "does not compile"},
		{"possessive pattern", small(map[string]string{"pre_tokenizer": split(`a++b`)}), "possessive"},
		{"class intersection", small(map[string]string{"pre_tokenizer": split(`[a-z&&b]`)}), "intersection"},
		{"back-reference", small(map[string]string{"pre_tokenizer": split(`(a)\\1`)}), "back-reference"},
		{"script property", small(map[string]string{"pre_tokenizer": split(`\\p{Han}+`)}), `\p{Han}`},
		{"word characters", small(map[string]string{"pre_tokenizer": split(`\\w+`)}), `\w`},
		{"pattern too long", small(map[string]string{"pre_tokenizer": split(strings.Repeat("a", 1<<20))}), "the limit is"},
		{"unknown decoder", small(map[string]string{"decoder": `{"type":"WordPiece"}`}), `decoder has type "WordPiece"`},
		{"no decoder", small(map[string]string{"decoder": `null`}), "decoder is null"},
		{"unknown post-processor", small(map[string]string{"post_processor": `{"type":"Magic"}`}), `post_processor has type "Magic"`},
		{"added token without id", small(added(`"content":"x"`)), "added_tokens[0]"},
		{"added token with a taken id", small(added(`"id":0,"content":"<x>"`)), "id 0 where 3 is due"},
		{"added token beyond the end", small(added(`"id":9,"content":"<x>"`)), "id 9 where 3 is due"},
		{"added token with an unknown field", small(added(`"id":3,"content":"<x>","weight":1`)), `"weight"`},
		{"added token too long", small(added(`"id":3,"content":"` + strings.Repeat("x", 600) + `"`)), "the limit is"},
		{"added token twice", small(map[string]string{"added_tokens": `[{"id":3,"content":"x"},{"id":3,"content":"x"}]`}), "listed twice"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseJSON([]byte(c.file), "tokenizer.json")
			checkInputError(t, err, "tokenizer.json", c.want)
		})
	}
}

func checkInputError(t *testing.T, err error, parts ...string) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Input {
		t.Fatalf("error is %v, want a fault.Input", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") || len(err.Error()) > 600 {
		t.Errorf("error is not one sentence: %q", err)
	}
}

func TestBadGGUFTokenizers(t *testing.T) {
	good := func() GGUF {
		return GGUF{Model: "gpt2", Pre: "smollm", Tokens: []string{"a", "b", "ab", "<s>"}, Types: []int32{1, 1, 1, 3}, Merges: []string{"a b"},
			BOS: 3, EOS: 3, Pad: -1, Unknown: -1}
	}
	if _, err := FromGGUF(good()); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, want string
		change     func(*GGUF)
	}{
		{"sentencepiece", "tokenizer.ggml.model", func(g *GGUF) { g.Model = "llama" }},
		{"unknown rules", "tokenizer.ggml.pre", func(g *GGUF) { g.Pre = "default" }},
		{"no rules", "tokenizer.ggml.pre", func(g *GGUF) { g.Pre = "" }},
		{"types of another length", "token_type", func(g *GGUF) { g.Types = g.Types[:3] }},
		{"scores of another length", "scores", func(g *GGUF) { g.Scores = []float32{1} }},
		{"end of sequence outside", "eos_token_id", func(g *GGUF) { g.EOS = 4 }},
		{"byte token", "token_type[0]", func(g *GGUF) { g.Types[0] = 6 }},
		{"type out of range", "token_type[1]", func(g *GGUF) { g.Types[1] = 99 }},
		{"duplicate token", `"a" has both id 0 and id 1`, func(g *GGUF) { g.Tokens[1] = "a" }},
		{"merge of three", "merges[0]", func(g *GGUF) { g.Merges[0] = "a b c" }},
		{"merge of an unknown piece", "merges[0]", func(g *GGUF) { g.Merges[0] = "a x" }},
		{"no tokens", "bos_token_id", func(g *GGUF) { g.Tokens, g.Types = nil, nil }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := good()
			c.change(&g)
			_, err := FromGGUF(g)
			checkInputError(t, err, c.want)
		})
	}
}

func TestVocabularyMayHaveGaps(t *testing.T) {
	tok := mustParse(t, small(map[string]string{"vocab": `{"a":0,"b":1,"ab":7}`, "added_tokens": "[]"}))
	if got := tok.Decode([]int32{0, 5, 7, 8, -1}); got != "aab" || tok.VocabSize() != 8 || tok.Token(5) != "" {
		t.Errorf("decoded %q with %d ids", got, tok.VocabSize())
	}
}

func mustParse(t testing.TB, file string) *Tokenizer {
	t.Helper()
	tok, err := ParseJSON([]byte(file), "tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestInvalidTextIsAnError(t *testing.T) {
	tok := mustParse(t, small(nil))
	_, err := tok.Encode("ab\xffa", true)
	checkInputError(t, err, "UTF-8", "byte 2")
}

func TestSpentPatternIsAnError(t *testing.T) {
	tok := mustParse(t, small(map[string]string{"pre_tokenizer": split(`(a+)+$`)}))
	start := time.Now()
	_, err := tok.Encode(strings.Repeat("a", 1<<16)+"b", false)
	checkInputError(t, err, "time budget")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestMissingBytesAreDropped(t *testing.T) {
	tok := mustParse(t, small(nil))
	ids, err := tok.Encode("aXb a", false) // X and the space have no symbol; a and b become neighbours
	if err != nil || !slices.Equal(ids, []int32{2, 0}) {
		t.Errorf("ids %v, %v", ids, err)
	}
}

func TestSpecialTextStaysText(t *testing.T) {
	tok := mustParse(t, small(map[string]string{"vocab": `{"<":0,"s":1,">":2}`, "merges": "[]"}))
	for special, want := range map[bool][]int32{false: {0, 1, 2}, true: {3}} {
		if ids, err := tok.Encode("<s>", special); err != nil || !slices.Equal(ids, want) {
			t.Errorf("special=%v gives %v, %v", special, ids, err)
		}
	}
	if id, ok := tok.ID("<s>"); !ok || id != 3 || !tok.IsSpecial(3) || tok.IsSpecial(0) || tok.Token(3) != "<s>" {
		t.Error("the special token is not known as one")
	}
}

func TestHashSeesWhatMatters(t *testing.T) {
	seen := map[string]string{}
	for name, parts := range map[string]map[string]string{
		"plain":        nil,
		"merges":       {"merges": "[]"},
		"vocabulary":   {"vocab": `{"a":1,"b":0,"ab":2}`},
		"added":        {"added_tokens": "[]"},
		"normaliser":   {"normalizer": `{"type":"NFC"}`},
		"prefix space": {"pre_tokenizer": `{"type":"ByteLevel","add_prefix_space":true}`},
		"words":        {"options": `"ignore_merges":true`},
	} {
		hash := mustParse(t, small(parts)).Hash()
		if other, ok := seen[hash]; ok {
			t.Errorf("%s and %s have the same hash", name, other)
		}
		seen[hash] = name
	}
	same := mustParse(t, small(map[string]string{"merges": `[["a","b"]]`, "post_processor": `{"type":"ByteLevel"}`, "vocab": `{"ab":2,"b":1,"a":0}`}))
	if seen[same.Hash()] != "plain" {
		t.Error("the hash depends on the layout of the file")
	}
}
