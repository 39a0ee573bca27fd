package tokenizer

import "strings"

// step is one pre-tokenizer: it appends the parts of s to dst. Empty parts may be left in; they are dropped later.
type step interface {
	split(dst []string, s string) ([]string, error)
}

// byteLevelStep is the ByteLevel pre-tokenizer without its alphabet: the model works on bytes directly.
type byteLevelStep struct {
	addPrefixSpace bool
	useRegex       bool
}

func (b byteLevelStep) split(dst []string, s string) ([]string, error) {
	if b.addPrefixSpace && !strings.HasPrefix(s, " ") {
		s = " " + s
	}
	if !b.useRegex {
		return append(dst, s), nil
	}
	return scanStep{scanGPT2}.split(dst, s)
}

// scanStep isolates the words of a known pattern.
type scanStep struct{ scan scanner }

func (p scanStep) split(dst []string, s string) ([]string, error) {
	t := classes()
	for i := 0; i < len(s); {
		end := p.scan(t, s, i)
		dst = append(dst, s[i:end])
		i = end
	}
	return dst, nil
}

// digitsStep isolates numeric characters, one by one or in runs.
type digitsStep struct{ individual bool }

func (d digitsStep) split(dst []string, s string) ([]string, error) {
	t := classes()
	start := 0
	for i := 0; i < len(s); {
		flags, size := t.at(s, i)
		if flags&isNumeric == 0 {
			i += size
			continue
		}
		end := i + size
		if !d.individual {
			end = t.run(s, i, isNumeric)
		}
		if start < i {
			dst = append(dst, s[start:i])
		}
		dst = append(dst, s[i:end])
		start, i = end, end
	}
	if start < len(s) {
		dst = append(dst, s[start:])
	}
	return dst, nil
}

// behavior says what becomes of a match of splitStep.
type behavior string

const (
	removed            behavior = "Removed"
	isolated           behavior = "Isolated"
	mergedWithPrevious behavior = "MergedWithPrevious"
	mergedWithNext     behavior = "MergedWithNext"
	contiguous         behavior = "Contiguous"
)

// splitStep is the Split pre-tokenizer for patterns without a scanner, and for other behaviors than Isolated.
type splitStep struct {
	find     func(s string) ([][2]int, error)
	behavior behavior
	invert   bool
}

// span is a stretch of text, inside or outside the pattern.
type span struct {
	start, end int
	match      bool
}

func (p splitStep) split(dst []string, s string) ([]string, error) {
	found, err := p.find(s)
	if err != nil {
		return nil, err
	}
	for _, sp := range p.arrange(tile(found, len(s), p.invert)) {
		if !(sp.match && p.behavior == removed) {
			dst = append(dst, s[sp.start:sp.end])
		}
	}
	return dst, nil
}

// tile covers 0..n by matches and the gaps between them.
func tile(found [][2]int, n int, invert bool) []span {
	var out []span
	at := 0
	for _, m := range found {
		if at < m[0] {
			out = append(out, span{at, m[0], invert})
		}
		out = append(out, span{m[0], m[1], !invert})
		at = m[1]
	}
	if at < n {
		out = append(out, span{at, n, invert})
	}
	return out
}

// arrange joins neighbours as the behavior asks.
func (p splitStep) arrange(in []span) []span {
	var out []span
	switch p.behavior {
	case contiguous:
		for _, sp := range in {
			if k := len(out) - 1; k >= 0 && out[k].match == sp.match {
				out[k].end = sp.end
			} else {
				out = append(out, sp)
			}
		}
	case mergedWithPrevious:
		before := false // was the span before a match; a second match in a row stands alone
		for _, sp := range in {
			if k := len(out) - 1; k >= 0 && sp.match && !before {
				out[k].end = sp.end
			} else {
				out = append(out, sp)
			}
			before = sp.match
		}
	case mergedWithNext:
		for i := 0; i < len(in); i++ {
			sp := in[i]
			if sp.match && i+1 < len(in) && !in[i+1].match {
				i++
				sp.end = in[i].end
			}
			out = append(out, sp)
		}
	default:
		return in
	}
	return out
}

// literalMatches finds the plain string of a Split pattern.
func literalMatches(pattern string) func(string) ([][2]int, error) {
	return func(s string) ([][2]int, error) {
		var out [][2]int
		if pattern == "" {
			return nil, nil
		}
		for at := 0; ; {
			i := strings.Index(s[at:], pattern)
			if i < 0 {
				return out, nil
			}
			out = append(out, [2]int{at + i, at + i + len(pattern)})
			at += i + len(pattern)
		}
	}
}
