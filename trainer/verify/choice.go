package verify

import (
	"regexp"
	"strings"
)

var (
	oneChoice    = regexp.MustCompile(`^[\s($*{]*(?:\\(?:text|textbf|mathrm)\{)?(?i:option\s+|choice\s+)?[(*]*(?:([A-Z])(?:[)}\].:,$*\s]|$)|([a-z])(?:[)}\].$*]|\s*$))`)
	onlyChoice   = regexp.MustCompile(`^[\s($*{]*(?:\\(?:text|textbf|mathrm)\{)?[(*]*([A-Za-z])[)}\].:$*\s]*$`)
	inBrackets   = regexp.MustCompile(`\(([A-Z])\)`)
	atEndOfLine  = regexp.MustCompile(`(?m)(?:^|\s)\**([A-Z])[).]?\**\s*$`)
	wantedChoice = "the task's answer is no single letter"
)

// choice passes the letter of the task's answer. The letter of a response is the one that its marked answer (see Extract)
// begins with; where none is marked, the response itself when it is only a letter, else the last capital in
// brackets, else the last capital that ends a line.
func choice(it Item) Outcome {
	want := onlyChoice.FindStringSubmatch(it.Answer)
	if want == nil {
		return refused(wantedChoice)
	}
	got := chosen(it.Response)
	if got == "" {
		return passed(false, "", noAnswer)
	}
	return passed(got == strings.ToUpper(want[1]), got, "the choice is another")
}

func chosen(response string) string {
	if marked, found := Extract(response); found {
		if m := oneChoice.FindStringSubmatch(marked); m != nil {
			return strings.ToUpper(m[1] + m[2])
		}
		return ""
	}
	if m := onlyChoice.FindStringSubmatch(response); m != nil {
		return strings.ToUpper(m[1])
	}
	for _, pattern := range []*regexp.Regexp{inBrackets, atEndOfLine} {
		if all := pattern.FindAllStringSubmatch(response, -1); all != nil {
			return all[len(all)-1][1]
		}
	}
	return ""
}
