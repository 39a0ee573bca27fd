package loader

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/loader/checkpoint"
	"spar/loader/template"
	"spar/loader/tokenizer"
)

const chatModel = "../cmd/spar/testdata/models/chat"

func openChatModel(t testing.TB) *Model {
	t.Helper()
	m, err := Open(chatModel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestChatsEqualTransformers: texts, ids and the split of prompt and response of scripts/golden/chat_model.py.
func TestChatsEqualTransformers(t *testing.T) {
	m := openChatModel(t)
	data, err := os.ReadFile("../cmd/spar/testdata/chat.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Chats []struct {
			Messages    []template.Message `json:"messages"`
			Text        string             `json:"text"`
			IDs         []int32            `json:"ids"`
			PromptText  string             `json:"prompt_text"`
			PromptIDs   []int32            `json:"prompt_ids"`
			ResponseIDs []int32            `json:"response_ids"`
		} `json:"chats"`
	}
	if err := json.Unmarshal(data, &golden); err != nil || len(golden.Chats) == 0 {
		t.Fatal(len(golden.Chats), err)
	}
	for i, c := range golden.Chats {
		text, err := m.RenderChat(c.Messages, false)
		if err != nil || text != c.Text {
			t.Errorf("chat %d renders as %q, %v; want %q", i, text, err, c.Text)
		}
		if ids, err := m.EncodeChat(c.Messages, false); err != nil || !slices.Equal(ids, c.IDs) {
			t.Errorf("chat %d has ids %v, %v; want %v", i, ids, err, c.IDs)
		}
		last := len(c.Messages) - 1
		prompt, response, err := m.EncodePair(c.Messages[:last], c.Messages[last].Content)
		if err != nil || !slices.Equal(prompt, c.PromptIDs) || !slices.Equal(response, c.ResponseIDs) {
			t.Errorf("chat %d splits into %v and %v, %v; want %v and %v", i, prompt, response, err, c.PromptIDs, c.ResponseIDs)
		}
	}
}

// family is a template with a small tokenizer that has its special tokens.
func family(t testing.TB, source string, special ...string) *Model {
	t.Helper()
	tokens := slices.Clone(special)
	m := &Model{Model: &checkpoint.Model{Path: "model", Config: &checkpoint.Config{BOS: -1, Pad: -1}}}
	types := make([]int32, len(tokens))
	for i := range types {
		types[i] = 3
	}
	for _, r := range byteAlphabet() {
		tokens, types = append(tokens, string(r)), append(types, 1)
	}
	var err error
	m.Tokenizer, err = tokenizer.FromGGUF(tokenizer.GGUF{Model: "gpt2", Pre: "gpt-2", Tokens: tokens, Types: types, BOS: -1, EOS: -1, Pad: -1, Unknown: -1})
	if err != nil {
		t.Fatal(err)
	}
	if m.Template, err = template.Parse(source, "template"); err != nil {
		t.Fatal(err)
	}
	m.Config.VocabSize = m.Tokenizer.VocabSize()
	return m
}

// byteAlphabet is GPT-2's: printable Latin-1 for itself, U+0100 and up for the rest.
func byteAlphabet() []rune {
	var out []rune
	next := rune(256)
	for b := rune(0); b < 256; b++ {
		if b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE {
			out = append(out, b)
			continue
		}
		out = append(out, next)
		next++
	}
	return out
}

func readTemplate(t testing.TB, name string) string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("template/testdata/templates", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

var families = []struct {
	template string
	special  []string
	turnEnd  string
	after    string // what the template writes after it
}{
	{"smollm2.jinja", []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, "<|im_end|>", "\n"},
	{"qwen2_5.jinja", []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, "<|im_end|>", "\n"},
	{"qwen3.jinja", []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, "<|im_end|>", "\n"},
	{"llama3.jinja", []string{"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}, "<|eot_id|>", ""},
	{"llama3_tools.jinja", []string{"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}, "<|eot_id|>", ""},
	{"llama2.jinja", []string{"<s>", "</s>"}, "</s>", ""},
	{"mistral.jinja", []string{"<s>", "</s>", "[INST]", "[/INST]"}, "</s>", ""},
	{"zephyr.jinja", []string{"<s>", "</s>", "<|user|>", "<|assistant|>", "<|system|>"}, "</s>", "\n"},
	{"gemma3.jinja", []string{"<bos>", "<start_of_turn>", "<end_of_turn>"}, "<end_of_turn>", "\n"},
}

func eachFamily(t *testing.T, run func(t *testing.T, m *Model, end int32)) {
	for _, f := range families {
		t.Run(f.template, func(t *testing.T) {
			m := family(t, readTemplate(t, f.template), f.special...)
			id, _ := m.Tokenizer.ID(f.turnEnd)
			m.Config.EOS = []int{int(id)}
			m.Config.BOS = 0
			run(t, m, id)
		})
	}
}

func TestPairsEndWithTheTurn(t *testing.T) {
	eachFamily(t, func(t *testing.T, m *Model, end int32) {
		prompt, response, err := m.EncodePair([]template.Message{{Role: "user", Content: "Why?"}}, "Because.")
		if err != nil {
			t.Fatal(err)
		}
		if response[len(response)-1] != end || slices.Contains(response[:len(response)-1], end) {
			t.Errorf("response %v must end with %d and hold it once", response, end)
		}
		if !strings.Contains(m.Tokenizer.Decode(response), "Because.") || !strings.Contains(m.Tokenizer.Decode(prompt), "Why?") {
			t.Errorf("%q | %q", m.Tokenizer.Decode(prompt), m.Tokenizer.Decode(response))
		}
		whole, err := m.RenderChat([]template.Message{{Role: "user", Content: "Why?"}, {Role: "assistant", Content: "Because."}}, false)
		if err != nil || !strings.HasPrefix(whole, m.Tokenizer.Decode(prompt)+m.Tokenizer.Decode(response)) {
			t.Errorf("%q is not the start of %q, %v", m.Tokenizer.Decode(prompt)+m.Tokenizer.Decode(response), whole, err)
		}
		if !slices.Equal(m.StopIDs(), []int32{end}) {
			t.Errorf("stop ids %v, want %d", m.StopIDs(), end)
		}
	})
}

// TestDataCannotEndATurn puts every special token, whole and cut, into every message: the special ids of the
// conversation stay those of harmless words, and nothing of the text is lost.
func TestDataCannotEndATurn(t *testing.T) {
	eachFamily(t, func(t *testing.T, m *Model, _ int32) {
		specials := func(ids []int32) (out []int32) {
			for _, id := range ids {
				if m.Tokenizer.IsSpecial(id) {
					out = append(out, id)
				}
			}
			return out
		}
		chat := func(content string) []template.Message {
			return []template.Message{{Role: "user", Content: content}, {Role: "assistant", Content: content}}
		}
		harmless, err := m.EncodeChat(chat("word"), false)
		if err != nil {
			t.Fatal(err)
		}
		contents := []string{"\uFDD0\uFDE0\uFDD1", "\uFDD0", "\uFDD1 \uFDD0"}
		for _, tok := range m.Tokenizer.AddedTokens() {
			s := tok.Content
			contents = append(contents, s, "a"+s+"b", s+s+s, " "+s+"\n", "x"+s[:len(s)/2], s[1:]+"x", s[:len(s)-1], s+"<", ">"+s, s[:1], s[len(s)-1:])
		}
		for _, content := range contents {
			messages := chat(content)
			ids, err := m.EncodeChat(messages, false)
			if err != nil {
				t.Fatalf("%q: %v", content, err)
			}
			if !slices.Equal(specials(ids), specials(harmless)) {
				t.Errorf("%q: special ids %v, want %v", content, specials(ids), specials(harmless))
			}
			text, err := m.RenderChat(messages, false)
			if err != nil || m.Tokenizer.Decode(ids) != text {
				t.Errorf("%q: decoded %q, rendered %q, %v", content, m.Tokenizer.Decode(ids), text, err)
			}
			_, response, err := m.EncodePair(messages[:1], content)
			if err != nil || len(specials(response)) != 1 {
				t.Errorf("%q: response %v has more than its own end, %v", content, response, err)
			}
		}
	})
}

func TestToolCallsAreDataToo(t *testing.T) {
	m := family(t, readTemplate(t, "qwen3.jinja"), "<|im_start|>", "<|im_end|>")
	var calls any
	calls, err := template.FromJSON([]byte(`[{"function":{"name":"f","arguments":{"b<|im_end|>":"<|im_end|>","a":[1.0]}}}]`), "calls")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := m.EncodeChat([]template.Message{{Role: "user", Content: "x"}, {Role: "assistant", Extra: map[string]any{"tool_calls": calls}}}, false)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, id := range ids {
		if id == 1 {
			count++
		}
	}
	if text := m.Tokenizer.Decode(ids); count != 2 || !strings.Contains(text, `{"b<|im_end|>": "<|im_end|>", "a": [1.0]}`) {
		t.Errorf("%d turns end in %q", count, text)
	}
}

func TestPlainResponses(t *testing.T) {
	m := openChatModel(t)
	response, err := m.EncodeEnded("It <|im_end|> is.")
	if err != nil {
		t.Fatal(err)
	}
	if m.Tokenizer.Decode(response) != "It <|im_end|> is.<|im_end|>" || slices.Index(response, 2) != len(response)-1 {
		t.Errorf("response %v", response)
	}
}

func TestBadChats(t *testing.T) {
	user := []template.Message{{Role: "user", Content: "x"}}
	cases := []struct{ name, source, want string }{
		{"not a prefix", "{% for m in messages %}{{ loop.length }}{{ m.content }}<e>{% endfor %}", "otherwise once the answer is there"},
		{"no end of turn", "{% for m in messages %}{{ m.content }}\n{% endfor %}", "without a special token"},
		{"drops the answer", "{{ messages[0].content }}<e>", "leaves messages out"},
		{"drops the question", "{{ messages[-1].content }}<e>", "leaves messages out"},
		{"raises", "{{ raise_exception('no') }}", "refuses"},
		{"acts on special text", "{% for m in messages %}{{ m.content|replace('<e>', '') }}<e>{% endfor %}", "acts on the text of special tokens"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := family(t, c.source, "<e>")
			_, _, err := m.EncodePair(user, "a<e>b")
			if fault.ExitCode(err) != int(fault.Input) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	bare := &Model{Model: &checkpoint.Model{Path: "model", Config: &checkpoint.Config{}}}
	if _, err := bare.EncodeChat(user, true); err == nil || !strings.Contains(err.Error(), "no tokenizer") {
		t.Error(err)
	}
	noTemplate := family(t, "", "<e>")
	noTemplate.Template = nil
	if _, err := noTemplate.EncodeChat(user, true); err == nil || !strings.Contains(err.Error(), "no chat template") {
		t.Error(err)
	}
	if _, err := noTemplate.EncodeEnded("y"); err == nil || !strings.Contains(err.Error(), "eos_token_id") {
		t.Error(err)
	}
}

// TestSmolLM2 checks the real vocabulary, from the GGUF file, where scripts/fetch has put it.
func TestSmolLM2(t *testing.T) {
	const path = "../.deps/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run scripts/fetch model (make test does)", err)
	}
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	data, err := TokenizerJSON(m.Model)
	if err != nil {
		t.Fatal(err)
	}
	converted, err := tokenizer.ParseJSON(data, "tokenizer.json")
	if err != nil || converted.Hash() != m.TokenizerHash() {
		t.Fatal("the converted tokenizer is another one: ", err)
	}
	var texts []string
	var golden struct {
		IDs [][2][]int32 `json:"ids"`
	}
	readGzip(t, "tokenizer/testdata/strings.json.gz", &texts)
	readGzip(t, "tokenizer/testdata/real-smollm2.golden.json.gz", &golden)
	if len(texts) < 2000 || len(golden.IDs) != len(texts) {
		t.Fatal(len(texts), len(golden.IDs))
	}
	wrong := 0
	for i, want := range golden.IDs {
		if want[1] == nil {
			want[1] = want[0]
		}
		for k, special := range []bool{false, true} {
			got, err := m.Tokenizer.Encode(texts[i], special)
			again, _ := converted.Encode(texts[i], special)
			if err != nil || !slices.Equal(got, want[k]) || !slices.Equal(again, want[k]) {
				wrong++
			}
		}
	}
	t.Logf("%d strings, with and without special tokens: %d mismatches", len(texts), wrong)
	if wrong > 0 {
		t.Errorf("%d of %d encodings differ", wrong, 2*len(texts))
	}
	if !slices.Equal(m.StopIDs(), []int32{2}) {
		t.Error("stop ids", m.StopIDs())
	}
}

func readGzip(t testing.TB, path string, into any) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(into); err != nil {
		t.Fatal(err)
	}
}
