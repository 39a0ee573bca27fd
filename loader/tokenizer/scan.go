package tokenizer

import "strings"

// The patterns of the known families. A hand-written scanner answers each of them exactly, in linear time.
const (
	patternGPT2   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	patternLlama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternQwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternQwen35 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// scanner returns the end of the word of s that starts at i < len(s). The patterns match everywhere, so words tile s.
type scanner func(t *classTable, s string, i int) int

func knownScanner(pattern string) scanner {
	switch strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(pattern) {
	case patternGPT2:
		return scanGPT2
	case patternLlama3:
		return modernScanner(isLetter, 3)
	case patternQwen2:
		return modernScanner(isLetter, 1)
	case patternQwen35:
		return modernScanner(isLetter|isMark, 1)
	}
	return nil
}

func scanGPT2(t *classTable, s string, i int) int {
	if n := contraction(s[i:]); n > 0 {
		return i + n
	}
	from := i
	if s[i] == ' ' {
		from++
	}
	for _, class := range [...]uint16{isLetter, isNumber} {
		if end := t.run(s, from, class); end > from {
			return end
		}
	}
	if end := t.runOther(s, from, isSpace|isLetter|isNumber); end > from {
		return end
	}
	return t.blanks(s, i)
}

// modernScanner is the family of cl100k, Llama 3 and Qwen: word holds the flags that make up words, and digits
// come in groups of at most group.
func modernScanner(word uint16, group int) scanner {
	return func(t *classTable, s string, i int) int {
		if n := foldedContraction(s[i:]); n > 0 {
			return i + n
		}
		flags, size := t.at(s, i)
		if flags&word != 0 {
			return t.run(s, i, word)
		}
		if flags&isNumber != 0 {
			end := i
			for k := 0; k < group; k++ {
				f, n := t.at(s, end)
				if f&isNumber == 0 {
					break
				}
				end += n
			}
			return end
		}
		if s[i] != '\r' && s[i] != '\n' {
			if end := t.run(s, i+size, word); end > i+size {
				return end
			}
		}
		from := i
		if s[i] == ' ' {
			from++
		}
		if end := t.runOther(s, from, isSpace|isNumber|word); end > from {
			for end < len(s) && (s[end] == '\r' || s[end] == '\n') {
				end++
			}
			return end
		}
		if end := i + strings.LastIndexAny(s[i:t.run(s, i, isSpace)], "\r\n"); end >= i {
			return end + 1
		}
		return t.blanks(s, i)
	}
}

// run returns the end of the code points from i on that have one of the flags.
func (t *classTable) run(s string, i int, flags uint16) int {
	for {
		f, size := t.at(s, i)
		if f&flags == 0 {
			return i
		}
		i += size
	}
}

// runOther returns the end of the code points from i on that have none of the flags.
func (t *classTable) runOther(s string, i int, flags uint16) int {
	for i < len(s) {
		f, size := t.at(s, i)
		if f&flags != 0 {
			break
		}
		i += size
	}
	return i
}

// blanks is \s+(?!\S)|\s+ : white space up to, but without, the last one before a word.
func (t *classTable) blanks(s string, i int) int {
	end, last := i, i
	for {
		f, size := t.at(s, end)
		if f&isSpace == 0 {
			break
		}
		last, end = end, end+size
	}
	if end < len(s) && last > i {
		return last
	}
	return end
}

// contraction returns the length of 's 't 're 've 'm 'll 'd at the start of s, or 0.
func contraction(s string) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	switch s[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) >= 3 && (s[1:3] == "re" || s[1:3] == "ve" || s[1:3] == "ll") {
		return 3
	}
	return 0
}

// foldedContraction ignores case; U+017F (long s) folds to s.
func foldedContraction(s string) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	if strings.HasPrefix(s[1:], "\u017f") {
		return 3
	}
	lower := [3]byte{'\'', s[1] | 0x20}
	if len(s) > 2 {
		lower[2] = s[2] | 0x20
	}
	if s[1] < 'A' || lower[2] != 0 && s[2] < 'A' { // | 0x20 must not turn a control character into a letter
		lower[2] = 0
	}
	if s[1] < 'A' {
		return 0
	}
	return contraction(string(lower[:]))
}
