package verify

import (
	"regexp"
	"strings"
)

// matches passes by a regular expression of Go's kind, which takes time linear in the text. With a pattern, its last match in the
// response (the first group, when it has one) must be the answer, white space around it aside. Without, the
// answer is a pattern that must match somewhere in the response.
func matches(pattern *regexp.Regexp) func(Item) Outcome {
	if pattern == nil {
		return matchesAnswer
	}
	return func(it Item) Outcome {
		all := pattern.FindAllStringSubmatch(it.Response, -1)
		if all == nil {
			return passed(false, "", "the pattern does not match")
		}
		last := all[len(all)-1]
		got := strings.TrimSpace(last[min(1, len(last)-1)])
		return passed(got == strings.TrimSpace(it.Answer), got, "the match is another")
	}
}

func matchesAnswer(it Item) Outcome {
	pattern, err := regexp.Compile(it.Answer)
	if err != nil {
		return refused("the task's answer is no regular expression: " + err.Error())
	}
	at := pattern.FindStringIndex(it.Response)
	if at == nil {
		return passed(false, "", "the pattern does not match")
	}
	return passed(true, it.Response[at[0]:at[1]], "")
}
