package tokenizer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"

	"spar/internal/fault"
	"spar/internal/strictjson"
)

// Limits of what is read.
const (
	maxFileBytes   = 128 << 20
	maxVocab       = 2 << 20
	maxID          = 2 * maxVocab
	maxMerges      = 4 << 20
	maxAdded       = 64 << 10
	maxAddedBytes  = 512
	maxSequence    = 64
	maxTokenBytes  = 1 << 16
	maxDepth       = 64
	nullJSON       = "null"
	byteLevelShort = `{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}`
)

// definition is what a tokenizer file says, whatever its format.
type definition struct {
	name          string // of the file, for errors
	vocab         []entry
	merges        [][2]string
	added         []AddedToken
	unknown       string // unk_token
	hasUnknown    bool
	fuseUnknown   bool
	ignoreMerges  bool
	normalizer    strictjson.Value
	preTokenizer  strictjson.Value
	postProcessor strictjson.Value
	decoder       strictjson.Value
}

type entry struct {
	token string
	id    int32
}

func (d *definition) fail(format string, args ...any) error {
	return fault.Inputf("%s: "+format, append([]any{d.name}, args...)...)
}

// build checks the definition and makes the tokenizer.
func (d *definition) build() (*Tokenizer, error) {
	t := &Tokenizer{def: d, ids: make(map[string]int32, len(d.vocab)+len(d.added)), special: map[int32]bool{}}
	var summary []string // of the rules, for the hash
	if err := d.readNormalizer(t, &summary); err != nil {
		return nil, err
	}
	if err := d.readSteps(t, &summary); err != nil {
		return nil, err
	}
	if err := d.checkDecoder(&d.decoder, "decoder"); err != nil {
		return nil, err
	}
	if err := d.checkPostProcessor(&d.postProcessor, "post_processor", 0); err != nil {
		return nil, err
	}
	if err := d.addVocabulary(t); err != nil {
		return nil, err
	}
	if err := d.addMerges(t); err != nil {
		return nil, err
	}
	if err := d.addTokens(t); err != nil {
		return nil, err
	}
	t.hash = d.sum(summary)
	return t, nil
}

func (d *definition) addVocabulary(t *Tokenizer) error {
	if len(d.vocab) == 0 {
		return d.fail("model.vocab is empty; a tokenizer needs at least one token")
	}
	if len(d.vocab) > maxVocab {
		return d.fail("model.vocab has %d tokens; the limit is %d", len(d.vocab), maxVocab)
	}
	size := 0
	for _, e := range d.vocab {
		size = max(size, int(e.id)+1)
	}
	t.tokens = make([]string, size)
	taken := make([]bool, size)
	for _, e := range d.vocab {
		if taken[e.id] {
			return d.fail("id %d belongs to both %q and %q in model.vocab", e.id, t.tokens[e.id], e.token)
		}
		if other, ok := t.ids[e.token]; ok {
			return d.fail("the token %q has both id %d and id %d in model.vocab", e.token, other, e.id)
		}
		taken[e.id] = true
		t.tokens[e.id] = e.token
		t.ids[e.token] = e.id
	}
	t.model.unknown = -1
	if d.hasUnknown {
		id, ok := t.ids[d.unknown]
		if !ok {
			return d.fail("model.unk_token %q is not in model.vocab", d.unknown)
		}
		t.model.unknown = id
	}
	t.model.fuseUnknown, t.model.ignoreMerges = d.fuseUnknown, d.ignoreMerges
	t.bytes = make([]string, size)
	if d.ignoreMerges {
		t.model.words = make(map[string]int32, size)
	}
	for i := range t.model.symbol {
		t.model.symbol[i] = -1
	}
	for _, e := range d.vocab {
		text, ok := tokenBytes(e.token)
		t.bytes[e.id] = text
		if ok && len(text) == 1 {
			t.model.symbol[text[0]] = e.id
		}
		if ok && d.ignoreMerges {
			t.model.words[text] = e.id
		}
	}
	return nil
}

func (d *definition) addMerges(t *Tokenizer) error {
	if len(d.merges) > maxMerges {
		return d.fail("model.merges has %d entries; the limit is %d", len(d.merges), maxMerges)
	}
	t.model.joins = make(map[uint64]join, len(d.merges))
	for rank, m := range d.merges {
		if m[0] == "" || m[1] == "" {
			return d.fail("model.merges[%d] has an empty part", rank)
		}
		var id [3]int32
		for i, piece := range [3]string{m[0], m[1], m[0] + m[1]} {
			var ok bool
			if id[i], ok = t.ids[piece]; !ok {
				return d.fail("model.merges[%d] (%q + %q) needs the token %q, which is not in model.vocab", rank, m[0], m[1], piece)
			}
		}
		t.model.joins[pairKey(id[0], id[1])] = join{int32(rank), id[2]}
	}
	return nil
}

// addTokens gives the added tokens their ids. A token outside the vocabulary must carry the id that follows on, because
// the reference gives it that one whatever the file says.
func (d *definition) addTokens(t *Tokenizer) error {
	if len(d.added) > maxAdded {
		return d.fail("added_tokens has %d entries; the limit is %d", len(d.added), maxAdded)
	}
	next := int32(len(d.vocab))
	seen := map[string]bool{}
	var kept []AddedToken
	for i, a := range d.added {
		if a.Content == "" {
			continue // the reference leaves it out too
		}
		if len(a.Content) > maxAddedBytes {
			return d.fail("added_tokens[%d] is %d bytes long; the limit is %d", i, len(a.Content), maxAddedBytes)
		}
		if seen[a.Content] {
			return d.fail("added_tokens[%d]: %q is listed twice", i, a.Content)
		}
		seen[a.Content] = true
		want, known := t.ids[a.Content]
		if !known {
			want = next
		}
		if a.ID != want {
			return d.fail("added_tokens[%d]: %q has id %d where %d is due", i, a.Content, a.ID, want)
		}
		next = max(next, a.ID+1)
		if int(a.ID) >= len(t.tokens) {
			t.tokens = append(t.tokens, make([]string, int(a.ID)+1-len(t.tokens))...)
			t.bytes = append(t.bytes, make([]string, int(a.ID)+1-len(t.bytes))...)
		} else if other := t.tokens[a.ID]; other != "" && other != a.Content {
			return d.fail("added_tokens[%d]: %q has id %d, which belongs to %q", i, a.Content, a.ID, other)
		}
		t.tokens[a.ID] = a.Content
		t.bytes[a.ID], _ = tokenBytes(a.Content)
		t.ids[a.Content] = a.ID
		if a.Special {
			t.special[a.ID] = true
		}
		kept = append(kept, a)
	}
	normalize := t.normalize
	if normalize == nil {
		normalize = func(s string) string { return s }
	}
	d.added = kept
	t.added = newAddedVocabulary(kept, normalize)
	return nil
}

// sum is the canonical hash. Every string is preceded by its length, so no two definitions share a form.
func (d *definition) sum(summary []string) string {
	h := sha256.New()
	put(h, "spar tokenizer 1", strings.Join(summary, "\n"), strconv.FormatBool(d.hasUnknown), d.unknown,
		strconv.FormatBool(d.fuseUnknown), strconv.FormatBool(d.ignoreMerges))
	vocab := append([]entry(nil), d.vocab...)
	sortEntries(vocab)
	for _, e := range vocab {
		put(h, strconv.Itoa(int(e.id)), e.token)
	}
	put(h, "merges")
	for _, m := range d.merges {
		put(h, m[0], m[1])
	}
	put(h, "added")
	for _, a := range sortedAdded(d.added) {
		flags := strconv.FormatBool(a.SingleWord) + strconv.FormatBool(a.LStrip) + strconv.FormatBool(a.RStrip) +
			strconv.FormatBool(a.Normalized) + strconv.FormatBool(a.Special)
		put(h, strconv.Itoa(int(a.ID)), a.Content, flags)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func put(h hash.Hash, parts ...string) {
	var length [8]byte
	for _, s := range parts {
		binary.LittleEndian.PutUint64(length[:], uint64(len(s)))
		h.Write(length[:])
		h.Write([]byte(s))
	}
}
