package tokenizer

import "sort"

// AddedToken is a token that is found in text before the model runs.
type AddedToken struct {
	ID         int32
	Content    string
	SingleWord bool // only between characters that are not word characters
	LStrip     bool // takes the white space before it
	RStrip     bool // takes the white space after it
	Normalized bool // is looked for in normalised text
	Special    bool // control token: only found when Encode is told to
}

// trie finds the longest added token at a position.
type trie struct {
	root  [256]int32 // node of each first byte; 0: none
	nodes []trieNode
}

type trieNode struct {
	bytes []byte
	next  []int32
	token int32 // index of the token that ends here, or -1
}

func newTrie(tokens []AddedToken, key func(AddedToken) string) *trie {
	t := &trie{nodes: []trieNode{{token: -1}}}
	for i, tok := range tokens {
		if s := key(tok); s != "" {
			t.insert(s, int32(i))
		}
	}
	return t
}

func (t *trie) insert(s string, token int32) {
	at := t.root[s[0]]
	if at == 0 {
		at = t.grow()
		t.root[s[0]] = at
	}
	for i := 1; i < len(s); i++ {
		next := t.nodes[at].step(s[i])
		if next == 0 {
			next = t.grow()
			t.nodes[at].bytes = append(t.nodes[at].bytes, s[i])
			t.nodes[at].next = append(t.nodes[at].next, next)
		}
		at = next
	}
	if t.nodes[at].token < 0 {
		t.nodes[at].token = token
	}
}

func (t *trie) grow() int32 {
	t.nodes = append(t.nodes, trieNode{token: -1})
	return int32(len(t.nodes) - 1)
}

func (n *trieNode) step(b byte) int32 {
	for i, c := range n.bytes {
		if c == b {
			return n.next[i]
		}
	}
	return 0
}

// longest returns the token with the longest match at s[i:], or -1.
func (t *trie) longest(s string, i int) (token int32, end int) {
	token = -1
	at := t.root[s[i]]
	for at != 0 {
		i++
		if found := t.nodes[at].token; found >= 0 {
			token, end = found, i
		}
		if i == len(s) {
			break
		}
		at = t.nodes[at].step(s[i])
	}
	return token, end
}

// fragment is a stretch of text, found at a byte offset, or one added token (id >= 0).
type fragment struct {
	text string
	at   int
	id   int32
}

// cut splits s at the added tokens of t: leftmost first, longest first. A special token's match where none is recognised
// is passed over as a whole and its text stays text.
func (v *addedVocabulary) cut(dst []fragment, s string, t *trie, r recognised) []fragment {
	start := 0
	for i := 0; i < len(s); {
		index, stop := t.longest(s, i)
		if index < 0 {
			i++
			continue
		}
		from := i
		i = stop
		tok := &v.tokens[index]
		if tok.Special && !r.in(from, stop) || tok.SingleWord && !standsAlone(s, from, stop) {
			continue
		}
		if tok.LStrip {
			from = blankBefore(s, from) // may reach into what an RStrip took; that is not given out again
		}
		if tok.RStrip {
			stop = classes().run(s, stop, isBlank)
		}
		if start < from {
			dst = append(dst, fragment{s[start:from], start, -1})
		}
		dst = append(dst, fragment{id: tok.ID})
		start = stop
	}
	if start < len(s) {
		dst = append(dst, fragment{s[start:], start, -1})
	}
	return dst
}

func standsAlone(s string, from, to int) bool {
	t := classes()
	after, _ := t.at(s, to)
	return (after|t.before(s, from))&isWord == 0
}

func blankBefore(s string, i int) int {
	t := classes()
	for i > 0 && t.before(s, i)&isBlank != 0 {
		i -= lastSize(s[:i])
	}
	return i
}

// addedVocabulary finds added tokens in two passes: those that are not normalised in the text as it is, then the
// others in the normalised rest.
type addedVocabulary struct {
	tokens            []AddedToken // by id
	raw, normalized   *trie
	normalizedSpecial bool // there are special tokens in normalized
}

func newAddedVocabulary(tokens []AddedToken, normalize func(string) string) *addedVocabulary {
	v := &addedVocabulary{tokens: append([]AddedToken(nil), tokens...)}
	sort.SliceStable(v.tokens, func(i, j int) bool { return v.tokens[i].ID < v.tokens[j].ID })
	for _, t := range tokens {
		v.normalizedSpecial = v.normalizedSpecial || t.Normalized && t.Special
	}
	v.raw = newTrie(v.tokens, func(t AddedToken) string {
		if t.Normalized {
			return ""
		}
		return t.Content
	})
	v.normalized = newTrie(v.tokens, func(t AddedToken) string {
		if !t.Normalized {
			return ""
		}
		return normalize(t.Content)
	})
	return v
}
