package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// freeze writes the character properties of a pattern (\s \d \p{L} ...) out as ranges of the frozen tables, because the
// engine's own are those of the Go version in use. The pattern has passed foreignSyntax.
func freeze(pattern string) (string, error) {
	var out strings.Builder
	inClass := false
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if c != '\\' || i+1 == len(pattern) {
			if c == '[' || c == ']' {
				inClass = c == '['
			}
			out.WriteByte(c)
			continue
		}
		i++
		has, length, err := property(pattern[i:])
		if err != nil {
			return "", err
		}
		if has == nil {
			out.WriteString(pattern[i-1 : i+1])
			continue
		}
		i += length - 1
		ranges := rangesOf(has)
		if !inClass {
			ranges = "[" + ranges + "]"
		}
		out.WriteString(ranges)
	}
	return out.String(), nil
}

// property reads what follows a backslash: has is nil when it is no property; length counts its bytes.
func property(s string) (has func(flags uint16) bool, length int, err error) {
	name, negative := "", false
	switch s[0] {
	case 's', 'S':
		name, negative, length = "s", s[0] == 'S', 1
	case 'd', 'D':
		name, negative, length = "Nd", s[0] == 'D', 1
	case 'p', 'P':
		end := strings.IndexByte(s, '}')
		if len(s) < 3 || s[1] != '{' || end < 0 {
			return nil, 0, fmt.Errorf("\\%c must be followed by a name in braces", s[0])
		}
		name, negative, length = s[2:end], s[0] == 'P', end+1
		if rest, ok := strings.CutPrefix(name, "^"); ok {
			name, negative = rest, !negative
		}
	default:
		return nil, 0, nil
	}
	if name == "s" {
		return func(f uint16) bool { return f&isSpace != 0 != negative }, length, nil
	}
	var match [len(categories)]bool
	for i, category := range categories {
		match[i] = category == name || category[:1] == name
	}
	if !slices.Contains(match[:], true) || name == "C" { // C would need the surrogates
		return nil, 0, fmt.Errorf("\\p{%s} is not supported; use general categories", name)
	}
	return func(f uint16) bool { return match[f>>categoryShift] != negative }, length, nil
}

// rangesOf lists the code points with a property as the inside of a character class.
func rangesOf(has func(uint16) bool) string {
	var out strings.Builder
	flush := func(lo, hi uint32) {
		for _, part := range [2][2]uint32{{lo, min(hi, 0xD7FF)}, {max(lo, 0xE000), hi}} {
			if part[0] <= part[1] { // surrogates are no code points of text
				fmt.Fprintf(&out, "%s-%s", classRune(part[0]), classRune(part[1]))
			}
		}
	}
	start, inside := uint32(0), has(0)
	for _, run := range classRuns {
		if now := has(uint16(run[1])); now != inside {
			if inside {
				flush(start, run[0]-1)
			}
			start, inside = run[0], now
		}
	}
	if inside {
		flush(start, utf8.MaxRune)
	}
	return out.String()
}

// classRune spells a code point so that it means itself in a class.
func classRune(r uint32) string {
	if r < 0x100 {
		return fmt.Sprintf(`\x%02x`, r)
	}
	return string(rune(r))
}
