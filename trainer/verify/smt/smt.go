// Package smt verifies answers with an SMT solver, z3 or cvc5, which runs in the jail, once for every question, and is spoken
// SMT-LIB 2.6 to over standard input.
//
//	v, err := smt.Open(pool)
//	outcomes, err := v.Verify(ctx, []verify.Item{{
//		Tests:    "(declare-const x Int) (assert (> x 3))",
//		Answer:   "(* 2 x)",
//		Response: "(+ x x)",
//	}})
//
// An item's tests are the facts.
// A task with an answer asks whether response and answer are equal wherever the facts hold: pass when the
// solver refutes their difference, fail when it finds one, refused when it cannot tell. Facts must declare only
// what an answer may be made of. A task without an answer asks whether the response is a solution:
// `x = 3, y = -1/2`, one value for each constant, with which the facts must be satisfiable; the values
// must be literals, so that a response cannot restate the question.
//
// The response is text from a model. It is read here, as one term or a list of literals, and written anew, so that
// it cannot hold commands. Facts and answers are the task's, which may be a model's too: an answer is one term, and facts
// are commands that declare, define and assert, with no comment left open or parenthesis unmatched.
//
// A verifier has no state; it is safe for concurrent use.
package smt

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"spar/internal/fault"
	"spar/trainer/verify"
	"spar/trainer/verify/jail"
)

// solver asks one solver in a pool's jail.
type solver struct{ tool *jail.Tool }

// solvers are those that are known, the preferred one first.
var solvers = []string{"z3", "cvc5"}

// Open finds the solver that is installed, z3 before cvc5. Time, memory and how many questions are asked at a time are the pool's, which stays
// the caller's.
func Open(pool *jail.Pool) (verify.Verifier, error) { return open(pool, solvers) }

func open(pool *jail.Pool, names []string) (verify.Verifier, error) {
	path, err := Find(names...)
	if err != nil {
		return nil, err
	}
	tool, err := pool.Tool(path, arguments[filepath.Base(path)]...)
	if err != nil {
		return nil, err
	}
	return verify.PerItem("smt", pool.Workers(), solver{tool}.judge), nil
}

// systemPath is looked at before PATH, since a jailed process may not be allowed into what lies below a home directory.
const systemPath = "/usr/bin/"

// Find is the path of the first of the named solvers that is installed.
func Find(names ...string) (string, error) {
	for _, name := range names {
		for _, at := range []string{systemPath + name, name} {
			if path, err := exec.LookPath(at); err == nil {
				return path, nil
			}
		}
	}
	return "", fault.Inputf("no SMT solver: %s is not installed; install it: scripts/fetch verifiers, or the Debian package of that name", strings.Join(names, " or "))
}

func (s solver) judge(ctx context.Context, it verify.Item) (verify.Outcome, error) {
	if err := checkFacts(it.Tests); err != nil {
		return verify.Outcome{Verdict: verify.Refused, Detail: "the task's facts: " + err.Error()}, nil
	}
	if it.Answer != "" {
		return s.equal(ctx, it)
	}
	return s.solution(ctx, it)
}

// equal asks for a difference between response and answer, and first whether the facts can hold at all: from facts
// that contradict each other everything follows.
func (s solver) equal(ctx context.Context, it verify.Item) (verify.Outcome, error) {
	term, err := readTerm(it.Response)
	if err != nil {
		return verify.Outcome{Verdict: verify.Fail, Detail: "the response is no term: " + err.Error()}, nil
	}
	o := verify.Outcome{Extracted: term}
	answer, err := readTerm(it.Answer)
	if err != nil {
		o.Verdict, o.Detail = verify.Refused, "the task's answer is no term: "+err.Error()
		return o, nil
	}
	facts, err := s.ask(ctx, it.Tests)
	if err != nil || facts.verdict != 0 {
		o.Verdict, o.Detail = facts.verdict, facts.detail
		return o, err
	}
	if facts.status == unsat {
		o.Verdict, o.Detail = verify.Refused, "the facts contradict each other"
		return o, nil
	}
	difference, err := s.ask(ctx, fmt.Sprintf("%s\n(assert (not (= %s %s)))", it.Tests, answer, term))
	return concluded(o, difference, unsat), err
}

// solution asks whether the facts hold with the values of the response.
func (s solver) solution(ctx context.Context, it verify.Item) (verify.Outcome, error) {
	values, err := readValues(it.Response)
	if err != nil {
		return verify.Outcome{Verdict: verify.Fail, Detail: "the response gives no values: " + err.Error()}, nil
	}
	var script strings.Builder
	script.WriteString(it.Tests)
	for _, v := range values {
		fmt.Fprintf(&script, "\n(assert (= %s %s))", v.name, v.literal)
	}
	reply, err := s.ask(ctx, script.String())
	return concluded(verify.Outcome{Extracted: extracted(values)}, reply, sat), err
}

// concluded passes the wanted status and fails its opposite.
func concluded(o verify.Outcome, r reply, want string) verify.Outcome {
	switch {
	case r.verdict != 0:
		o.Verdict, o.Detail = r.verdict, r.detail
	case r.status == want:
		o.Verdict, o.Score = verify.Pass, 1
	case r.status == unknown:
		o.Verdict, o.Detail = verify.Refused, "the solver cannot tell"
	default:
		o.Verdict, o.Detail = verify.Fail, "the solver says "+r.status
	}
	return o
}
