// Package tokenizer turns text into token ids and back: byte-level byte-pair encoding with the pre-tokenizers of GPT-2,
// SmolLM2, Llama 3 and Qwen, id for id what the Hugging Face `tokenizers` library gives.
//
//	t, err := tokenizer.ParseJSON(data, "tokenizer.json") // or FromGGUF
//	ids, err := t.Encode("text", false)
//	text := t.Decode(ids)
//
// What the file asks for and this package does not have is an error when it is read; nothing is approximated. No
// token is ever added: beginning and end of sequence are the chat template's business.
//
// A Tokenizer does not change after it is made and may be used by any number of goroutines. A Decoder belongs to one.
package tokenizer

import (
	"sort"
	"sync"
	"unicode/utf8"

	"spar/internal/fault"
)

// Tokenizer is a vocabulary with its rules.
type Tokenizer struct {
	def       *definition
	tokens    []string // by id; "" where the ids have a gap
	bytes     []string // the text of each token, as bytes
	ids       map[string]int32
	special   map[int32]bool
	normalize func(string) string // nil: text is taken as it is
	steps     []step
	model     model
	added     *addedVocabulary
	hash      string
	scratch   sync.Pool
}

// Encode returns the ids of text. With special, the special (control) tokens of the vocabulary are recognised in it;
// without, their text is plain text. Added tokens that are not special are recognised either way. text must be UTF-8.
func (t *Tokenizer) Encode(text string, special bool) ([]int32, error) {
	return t.encode(text, recognised{special: special})
}

// EncodeAround recognises special tokens, but none that touches one of the byte ranges of plain, which are in order and
// apart: what stands there is data, whatever it spells.
func (t *Tokenizer) EncodeAround(text string, plain [][2]int) ([]int32, error) {
	return t.encode(text, recognised{special: true, plain: plain})
}

// recognised says where special tokens are looked for.
type recognised struct {
	special bool
	plain   [][2]int
}

// in reports whether a special token at text[from:to] counts.
func (r recognised) in(from, to int) bool {
	i := sort.Search(len(r.plain), func(i int) bool { return r.plain[i][1] > from })
	return r.special && (i == len(r.plain) || r.plain[i][0] >= to)
}

// from moves the ranges to a text that starts at an offset.
func (r recognised) from(offset int) recognised {
	moved := recognised{special: r.special}
	for _, p := range r.plain {
		moved.plain = append(moved.plain, [2]int{p[0] - offset, p[1] - offset})
	}
	return moved
}

func (t *Tokenizer) encode(text string, r recognised) ([]int32, error) {
	if at := invalidAt(text); at >= 0 {
		return nil, fault.Inputf("the text is not valid UTF-8 at byte %d; convert it to UTF-8", at)
	}
	w, _ := t.scratch.Get().(*workspace)
	if w == nil {
		w = &workspace{}
	}
	defer t.scratch.Put(w)
	ids := make([]int32, 0, len(text)/3+1)
	var err error
	for _, f := range t.added.cut(nil, text, t.added.raw, r) {
		if f.id >= 0 {
			ids = append(ids, f.id)
		} else if ids, err = t.encodeFragment(ids, f, r, w); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// encodeFragment normalises text and looks for the added tokens that are normalised too.
func (t *Tokenizer) encodeFragment(ids []int32, f fragment, r recognised, w *workspace) ([]int32, error) {
	if len(r.plain) > 0 {
		r = r.from(f.at)
	}
	if t.normalize != nil {
		text := t.normalize(f.text)
		if text != f.text && len(r.plain) > 0 && t.added.normalizedSpecial {
			return nil, fault.Inputf("the text changes when it is normalised, so its data cannot be told from its special tokens; normalise the data (NFC) first")
		}
		f.text = text
	}
	var err error
	for _, f := range t.added.cut(nil, f.text, t.added.normalized, r) {
		if f.id >= 0 {
			ids = append(ids, f.id)
		} else if ids, err = t.encodeText(ids, f.text, w); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// invalidAt is the offset of the first byte that is not UTF-8, or -1.
func invalidAt(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	at := 0
	for {
		r, size := utf8.DecodeRuneInString(text[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
}

// encodeText encodes normalised text that holds no added token.
func (t *Tokenizer) encodeText(ids []int32, text string, w *workspace) ([]int32, error) {
	parts, spare := append(w.parts[:0], text), w.spare
	for _, s := range t.steps {
		spare = spare[:0]
		for _, part := range parts {
			if part == "" {
				continue
			}
			var err error
			if spare, err = s.split(spare, part); err != nil {
				return nil, err
			}
		}
		parts, spare = spare, parts
	}
	for _, part := range parts {
		ids = t.model.encode(ids, part, w)
	}
	w.parts, w.spare = parts, spare
	return ids, nil
}

// Decode returns the text of ids, special tokens included. Bytes that are not UTF-8 become U+FFFD; ids outside the
// vocabulary are left out.
func (t *Tokenizer) Decode(ids []int32) string {
	var raw []byte
	for _, id := range ids {
		raw = append(raw, t.text(id)...)
	}
	text, _ := appendText(make([]byte, 0, len(raw)), raw, true)
	return string(text)
}

func (t *Tokenizer) text(id int32) string {
	if id < 0 || int(id) >= len(t.bytes) {
		return ""
	}
	return t.bytes[id]
}

// Decoder decodes a stream of ids and holds back the bytes of a character that is not complete.
type Decoder struct {
	t       *Tokenizer
	pending []byte
}

// NewDecoder returns a decoder at the start of a text.
func (t *Tokenizer) NewDecoder() *Decoder { return &Decoder{t: t} }

// Next returns the text that id completes. All texts of a stream with Flush's at the end are Decode of the whole.
func (d *Decoder) Next(id int32) string {
	raw := append(d.pending, d.t.text(id)...)
	text, rest := appendText(nil, raw, false)
	d.pending = append([]byte(nil), rest...)
	return string(text)
}

// Flush ends the text: what is held back becomes U+FFFD.
func (d *Decoder) Flush() string {
	text, _ := appendText(nil, d.pending, true)
	d.pending = nil
	return string(text)
}

// ID returns the id of a token as the vocabulary spells it (in the byte-level alphabet, or an added token's text).
func (t *Tokenizer) ID(token string) (int32, bool) {
	id, ok := t.ids[token]
	return id, ok
}

// Token returns the vocabulary's spelling of id, "" when there is none.
func (t *Tokenizer) Token(id int32) string {
	if id < 0 || int(id) >= len(t.tokens) {
		return ""
	}
	return t.tokens[id]
}

// IsSpecial reports whether id is a special (control) token.
func (t *Tokenizer) IsSpecial(id int32) bool { return t.special[id] }

// AddedTokens returns the added tokens by id.
func (t *Tokenizer) AddedTokens() []AddedToken { return append([]AddedToken(nil), t.added.tokens...) }

// VocabSize is the largest id plus one, added tokens included.
func (t *Tokenizer) VocabSize() int { return len(t.tokens) }

// Hash is the SHA-256, in hexadecimal, of everything that decides ids and text: vocabulary, merges, added tokens,
// normaliser and pre-tokenizers. It does not depend on the file's layout.
func (t *Tokenizer) Hash() string { return t.hash }
