package smt

import (
	"context"
	"fmt"
	"strings"

	"spar/trainer/verify"
	"spar/trainer/verify/jail"
)

// What a solver answers to check-sat.
const (
	sat     = "sat"
	unsat   = "unsat"
	unknown = "unknown"
)

// arguments have a solver read SMT-LIB from standard input. Time and memory are the jail's to limit.
var arguments = map[string][]string{
	"z3":   {"-in", "-smt2"},
	"cvc5": {"--lang=smt2", "--quiet"},
}

// reply is a solver's status, or why there is none.
type reply struct {
	status  string
	verdict verify.Verdict // none where there is a status
	detail  string
}

// ask puts a script that declares and asserts, and asks whether it can hold. The error is the jail's or the context's.
func (s solver) ask(ctx context.Context, script string) (reply, error) {
	r, err := s.tool.Ask(ctx, "(set-logic ALL)\n"+script+"\n(check-sat)\n(exit)\n")
	if err != nil {
		return reply{}, err
	}
	return read(r), nil
}

// read finds the status in what the solver printed: the last line, and no line that is an error.
func read(r jail.Result) reply {
	text := strings.TrimSpace(r.Output)
	last := text[strings.LastIndexByte(text, '\n')+1:]
	switch {
	case r.Verdict == jail.Timeout:
		return reply{verdict: verify.Timeout, detail: r.Detail}
	case r.Verdict == jail.OOM || saysMemory(text):
		return reply{verdict: verify.OOM, detail: "the solver ran out of memory"}
	case strings.Contains(text, "(error"):
		return reply{verdict: verify.Refused, detail: firstError(text)}
	case r.Verdict == jail.Pass && (last == sat || last == unsat || last == unknown):
		return reply{status: last}
	}
	return reply{verdict: verify.Crash, detail: strings.TrimSpace(fmt.Sprintf("the solver ended after %.80q: %s", text, r.Detail))}
}

func saysMemory(text string) bool {
	for _, sign := range []string{"out of memory", "bad_alloc", "Out of virtual memory"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

func firstError(text string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, "(error") {
			return "the solver does not accept it: " + strings.TrimSpace(line)
		}
	}
	return ""
}
