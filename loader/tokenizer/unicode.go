package tokenizer

import (
	"sync"
	"unicode/utf8"
)

// Flags of a code point, as the reference library's own engines see it.
const (
	isLetter  = 1 << iota // \p{L} of a pattern
	isNumber              // \p{N} of a pattern
	isMark                // \p{M} of a pattern
	isSpace               // \s of a pattern
	isNumeric             // the Digits step; a newer Unicode than isNumber
	isWord                // \w of single_word
	isBlank               // \s of lstrip and rstrip
)

// categoryShift: the flags' second byte is the general category, an index into categories.
const categoryShift = 8

const pageBits = 8

// classTable is classRuns unrolled into pages; equal pages are shared.
type classTable struct {
	page  [(utf8.MaxRune + 1) >> pageBits]uint16
	flags [][1 << pageBits]uint16
}

var classes = sync.OnceValue(func() *classTable {
	t := &classTable{}
	seen := map[[1 << pageBits]uint16]uint16{}
	run, flags := 0, uint16(0)
	for p := range t.page {
		var page [1 << pageBits]uint16
		for i := range page {
			if run < len(classRuns) && classRuns[run][0] == uint32(p<<pageBits|i) {
				flags = uint16(classRuns[run][1])
				run++
			}
			page[i] = flags
		}
		index, ok := seen[page]
		if !ok {
			index = uint16(len(t.flags))
			seen[page] = index
			t.flags = append(t.flags, page)
		}
		t.page[p] = index
	}
	return t
})

func (t *classTable) of(r rune) uint16 {
	return t.flags[t.page[r>>pageBits]][r&(1<<pageBits-1)]
}

// at returns the flags and the length in bytes of the code point of s at i; 0, 0 at the end.
func (t *classTable) at(s string, i int) (flags uint16, size int) {
	if i >= len(s) {
		return 0, 0
	}
	if c := s[i]; c < utf8.RuneSelf {
		return t.flags[0][c], 1
	}
	r, size := utf8.DecodeRuneInString(s[i:])
	return t.of(r), size
}

// before returns the flags of the code point that ends at i; 0 at the start.
func (t *classTable) before(s string, i int) uint16 {
	if i == 0 {
		return 0
	}
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return t.of(r)
}

func lastSize(s string) int {
	_, size := utf8.DecodeLastRuneInString(s)
	return size
}
