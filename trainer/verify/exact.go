package verify

import "strings"

// exact passes a response whose marked answer (see Extract), or the whole of it where none is marked, is the
// task's answer byte for byte, runs of white space aside.
func exact(it Item) Outcome {
	got, found := Extract(it.Response)
	if !found {
		got = it.Response
	}
	got = strings.Join(strings.Fields(got), " ")
	return passed(got == strings.Join(strings.Fields(it.Answer), " "), got, "the answer is another")
}
