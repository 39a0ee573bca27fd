package tokenizer

import (
	"sort"
	"sync"
	"unicode/utf8"
)

// Hangul syllables are composed by arithmetic (Unicode 3.12).
const (
	hangulBase, hangulCount = 0xAC00, 11172
	leadBase, leadCount     = 0x1100, 19
	vowelBase, vowelCount   = 0x1161, 21
	tailBase, tailCount     = 0x11A7, 28
)

// firstNFC is the first code point that NFC can touch: U+0300 combines, and nothing below it decomposes unless
// followed by such a mark.
const firstNFC = 0x300

type normalForms struct {
	parts   map[rune][2]rune
	join    map[[2]rune]rune
	ordered map[rune]uint8 // combining class, where it is not 0
}

var forms = sync.OnceValue(func() *normalForms {
	f := &normalForms{map[rune][2]rune{}, map[[2]rune]rune{}, map[rune]uint8{}}
	for _, e := range canonical {
		pair := [2]rune{rune(e[1]), rune(e[2])}
		f.parts[rune(e[0])] = pair
		if e[3] == 1 {
			f.join[pair] = rune(e[0])
		}
	}
	for i, run := range combiningRuns[:len(combiningRuns)-1] {
		for c := run[0]; run[1] != 0 && c < combiningRuns[i+1][0]; c++ {
			f.ordered[rune(c)] = uint8(run[1])
		}
	}
	return f
})

// nfc returns s in Normalization Form C (Unicode Standard Annex 15), with the character data of the reference library.
func nfc(s string) string {
	if isPlain(s) {
		return s
	}
	f := forms()
	runes := make([]rune, 0, len(s))
	for _, r := range s {
		runes = f.decompose(runes, r)
	}
	f.order(runes)
	return string(f.compose(runes))
}

func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			for _, r := range s[i:] {
				if r >= firstNFC {
					return false
				}
			}
			return true
		}
	}
	return true
}

func (f *normalForms) decompose(dst []rune, r rune) []rune {
	if i := r - hangulBase; i >= 0 && i < hangulCount {
		dst = append(dst, leadBase+i/(vowelCount*tailCount), vowelBase+i%(vowelCount*tailCount)/tailCount)
		if tail := i % tailCount; tail > 0 {
			dst = append(dst, tailBase+tail)
		}
		return dst
	}
	pair, ok := f.parts[r]
	if !ok {
		return append(dst, r)
	}
	dst = f.decompose(dst, pair[0])
	if pair[1] != 0 {
		dst = f.decompose(dst, pair[1])
	}
	return dst
}

// order sorts each run of combining marks by class and keeps equal classes as they are.
func (f *normalForms) order(runes []rune) {
	for i := 0; i < len(runes); i++ {
		if f.ordered[runes[i]] == 0 {
			continue
		}
		end := i + 1
		for end < len(runes) && f.ordered[runes[end]] != 0 {
			end++
		}
		run := runes[i:end]
		sort.SliceStable(run, func(a, b int) bool { return f.ordered[run[a]] < f.ordered[run[b]] })
		i = end
	}
}

// compose joins each starter with the marks after it that are not blocked, in place.
func (f *normalForms) compose(runes []rune) []rune {
	out := runes[:0]
	starter, last := -1, -1 // index of the last starter in out; class of what follows it, -1: nothing
	for _, r := range runes {
		class := int(f.ordered[r])
		if starter >= 0 && last < class {
			if joined, ok := f.pair(out[starter], r); ok {
				out[starter] = joined
				continue
			}
		}
		if class == 0 {
			starter, last = len(out), -1
		} else {
			last = class
		}
		out = append(out, r)
	}
	return out
}

func (f *normalForms) pair(a, b rune) (rune, bool) {
	if l, v := a-leadBase, b-vowelBase; l >= 0 && l < leadCount && v >= 0 && v < vowelCount {
		return hangulBase + (l*vowelCount+v)*tailCount, true
	}
	if i, t := a-hangulBase, b-tailBase; i >= 0 && i < hangulCount && i%tailCount == 0 && t > 0 && t < tailCount {
		return a + t, true
	}
	r, ok := f.join[[2]rune{a, b}]
	return r, ok
}
