package verify

import (
	"regexp"
	"strings"

	"spar/trainer/verify/maths"
)

// Extract finds the answer that a response marks as final:
//
//  1. what the last \boxed{} or \fbox{} holds, nothing when it is not closed;
//  2. else the rest of the last line that begins with ####;
//  3. else what follows the last "answer is" or "answer:", up to the end of the sentence or line, or the
//     formula in $...$ or \(...\) that comes next.
//
// found is false when none of the three is there.
func Extract(response string) (answer string, found bool) {
	if answer, found = boxed(response); found {
		return answer, true
	}
	if answer, found = hashes(response); found {
		return answer, true
	}
	return announced(response)
}

func boxed(s string) (string, bool) {
	at := max(strings.LastIndex(s, `\boxed{`), strings.LastIndex(s, `\fbox{`))
	if at < 0 {
		return "", false
	}
	start := at + strings.IndexByte(s[at:], '{') + 1
	depth := 1
	for i := start; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return strings.TrimSpace(s[start:i]), true
			}
		}
	}
	return "", true
}

func hashes(s string) (string, bool) {
	at := strings.LastIndex(s, "####")
	for at > 0 && s[at-1] == '#' {
		at--
	}
	if at < 0 || at > 0 && s[at-1] != '\n' {
		return "", false
	}
	line, _, _ := strings.Cut(s[at:], "\n")
	return strings.TrimSpace(strings.TrimLeft(line, "#")), true
}

var (
	announcement = regexp.MustCompile(`(?i)\banswer(?:\s+is|\s*:)[\s:*]*`)
	sentenceEnd  = regexp.MustCompile(`\n|[.;!?](?:\s|$)|\*\*`)
)

func announced(s string) (string, bool) {
	all := announcement.FindAllStringIndex(s, -1)
	if len(all) == 0 {
		return "", false
	}
	rest := s[all[len(all)-1][1]:]
	if span, ok := firstFormula(rest); ok {
		return span, true
	}
	if end := sentenceEnd.FindStringIndex(rest); end != nil {
		rest = rest[:end[0]]
	}
	rest = strings.TrimSpace(rest)
	return rest, rest != ""
}

// firstFormula is the content of a formula that s begins with.
func firstFormula(s string) (string, bool) {
	for _, d := range formulaMarks {
		if rest, ok := strings.CutPrefix(s, d[0]); ok {
			if inside, _, ok := strings.Cut(rest, d[1]); ok && strings.TrimSpace(inside) != "" {
				return strings.TrimSpace(inside), true
			}
		}
	}
	return "", false
}

var (
	formulaMarks = [][2]string{{"$$", "$$"}, {"$", "$"}, {`\(`, `\)`}, {`\[`, `\]`}}
	formula      = regexp.MustCompile(`\$\$([^$]+)\$\$|\$([^$\n]+)\$|\\\((.+?)\\\)|\\\[((?s:.+?))\\\]`)
	lastNumber   = regexp.MustCompile(`(?:^|[\s(\[=:$*≈])([-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?%?)|(\d+(?:\.\d+)?(?:/\d+)?%?)`)
)

// tailBytes is how far from its end an unmarked answer is looked for in a response.
const tailBytes = 4096

// shortLine is the longest response in bytes that is taken whole though it holds no number.
const shortLine = 80

// finalAnswer is Extract for answers in mathematics. In a response without a mark it takes, in this order: the whole of it when
// it can be read as an answer and holds no other words, the last formula, the last number, the whole of it when it is one short line.
func finalAnswer(response string) (string, bool) {
	if answer, found := Extract(response); found {
		return answer, true
	}
	whole := strings.TrimSpace(response)
	if !isProse(whole) && maths.Readable(whole) {
		return whole, true
	}
	tail := whole[max(0, len(whole)-tailBytes):]
	if m := formula.FindAllStringSubmatch(tail, -1); m != nil {
		return strings.TrimSpace(strings.Join(m[len(m)-1][1:], "")), true
	}
	if m := lastNumber.FindAllStringSubmatch(tail, -1); m != nil {
		return m[len(m)-1][1] + m[len(m)-1][2], true
	}
	if len(whole) > shortLine || strings.Contains(whole, "\n") {
		return "", false
	}
	return whole, whole != ""
}

var aloneWord = regexp.MustCompile(`(?:^|\s)([A-Za-z]{2,})\b`)

// isProse reports whether text holds a word that means nothing in an answer; package maths would take a short one for a
// product of variables.
func isProse(text string) bool {
	if len(text) > maths.MaxBytes {
		return true
	}
	for _, m := range aloneWord.FindAllStringSubmatch(text, -1) {
		if !maths.IsWord(m[1]) {
			return true
		}
	}
	return false
}
