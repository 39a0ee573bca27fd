package tokenizer

import (
	"fmt"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"

	"spar/internal/fault"
)

// Limits of a pattern that has no scanner of its own.
const (
	maxPatternBytes = 16 << 10
	regexBase       = 2 * time.Second // for any text
	regexPerMiB     = 8 * time.Second // more for each MiB of it
)

// regexMatcher runs an unknown pattern on a backtracking engine under a time budget.
type regexMatcher struct {
	re    *regexp2.Regexp
	where string
}

func compileRegex(pattern, where string) (*regexMatcher, error) {
	if len(pattern) > maxPatternBytes {
		return nil, fault.Inputf("%s is %d bytes long; the limit is %d", where, len(pattern), maxPatternBytes)
	}
	if construct := foreignSyntax(pattern); construct != "" {
		return nil, fault.Inputf("%s uses %s, which this engine reads otherwise than Oniguruma does; the tokenizer cannot be matched exactly",
			where, construct)
	}
	frozen, err := freeze(pattern)
	if err != nil {
		return nil, fault.Inputf("%s cannot be used: %v", where, err)
	}
	re, err := regexp2.Compile(frozen, regexp2.Multiline)
	if err != nil {
		return nil, fault.Inputf("%s does not compile: %v", where, err)
	}
	re.MatchTimeout = regexBase
	return &regexMatcher{re, where}, nil
}

// foreignSyntax names the first construct that means something else in Oniguruma, the reference library's engine.
func foreignSyntax(pattern string) string {
	inClass := false
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		switch {
		case rest[0] == '\\' && len(rest) > 1:
			if strings.IndexByte("wWbBhHRXKGyYNOkgZzAQE", rest[1]) >= 0 {
				return fmt.Sprintf("\\%c", rest[1])
			}
			if !inClass && rest[1] >= '1' && rest[1] <= '9' {
				return "a back-reference"
			}
			i++
		case inClass && rest[0] == '[':
			return "a class inside a class"
		case inClass && strings.HasPrefix(rest, "&&"):
			return "a class intersection"
		case inClass && rest[0] == ']':
			inClass = false
		case inClass:
		case rest[0] == '[':
			inClass = true
			if strings.HasPrefix(rest[1:], "^") {
				i++
			}
			if strings.HasPrefix(pattern[i+1:], "]") {
				return "\"]\" as the first of a class"
			}
		case strings.HasPrefix(rest, "(?"):
			if !plainGroup(rest[2:]) {
				return fmt.Sprintf("the group %q", rest[:min(len(rest), 5)])
			}
		case len(rest) > 1 && strings.IndexByte("?*+", rest[0]) >= 0 && rest[1] == '+':
			return "a possessive quantifier"
		}
	}
	return ""
}

func plainGroup(s string) bool {
	for _, p := range []string{":", "=", "!", "<=", "<!", ">", "i:"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// matches returns the byte ranges of all matches, in order.
func (m *regexMatcher) matches(s string) ([][2]int, error) {
	deadline := time.Now().Add(regexBase + time.Duration(int64(len(s))*int64(regexPerMiB)>>20))
	var out [][2]int
	match, err := m.re.FindStringMatch(s)
	for ; err == nil && match != nil; match, err = m.re.FindNextMatch(match) {
		at, n := match.ByteRange()
		out = append(out, [2]int{at, at + n})
		if len(out)%256 == 0 && time.Now().After(deadline) {
			return nil, m.spent(len(s))
		}
	}
	if err != nil {
		return nil, m.spent(len(s))
	}
	return out, nil
}

func (m *regexMatcher) spent(n int) error {
	return fault.Inputf("%s spent its time budget on a text of %d bytes; the pattern backtracks too much to be used", m.where, n)
}
