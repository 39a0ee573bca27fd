// Package smt verifies answers with an SMT solver, z3 or cvc5, which runs in the jail, once for every question, and is spoken
// SMT-LIB 2.6 to over standard input.
//
//	s, err := smt.Open(pool, "")
//	outcomes, err := s.Verify(ctx, []smt.Task{{
//		Facts:    "(declare-const x Int) (assert (> x 3))",
//		Answer:   "(* 2 x)",
//		Response: "(+ x x)",
//	}})
//
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
// A Solver has no state; it is safe for concurrent use.
package smt

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"spar/internal/fault"
	"spar/trainer/verify/jail"
)

// Verdicts; the names are those of package jail.
const (
	Pass    = "pass"
	Fail    = "fail"
	Timeout = "timeout"
	Crash   = "crash"
	OOM     = "oom"
	Refused = "refused"
)

// Task is one question; see the package comment.
type Task struct{ Facts, Answer, Response string }

// Outcome of a task.
type Outcome struct {
	Verdict   string
	Extracted string // what was read from the response, as it was put to the solver
	Detail    string
	Took      time.Duration
}

// Solver asks one solver in a pool's jail.
type Solver struct {
	name     string
	tool     *jail.Tool
	parallel int
}

// Open finds a solver, z3 or cvc5 as program names it or a path to one; "": whichever is installed, z3 first. Time, memory and how many
// questions are asked at a time are the pool's, which stays the caller's.
func Open(pool *jail.Pool, program string) (*Solver, error) {
	path, err := Find(program)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(path)
	tool, err := pool.Tool(path, arguments[name]...)
	if err != nil {
		return nil, err
	}
	return &Solver{name: name, tool: tool, parallel: pool.Workers()}, nil
}

// systemPath is looked at before PATH, since a jailed process may not be allowed into what lies below a home directory.
const systemPath = "/usr/bin/"

// Find is the path of a solver; see Open.
func Find(program string) (path string, err error) {
	names := []string{"z3", "cvc5"}
	if program != "" {
		names = []string{program}
	}
	for _, name := range names {
		if path, err = exec.LookPath(systemPath + name); err != nil {
			path, err = exec.LookPath(name)
		}
		if err != nil {
			continue
		}
		if arguments[filepath.Base(path)] == nil {
			return "", fault.Usagef("the solver %s is neither z3 nor cvc5", path)
		}
		return path, nil
	}
	return "", fault.Inputf("no SMT solver: %s is not installed; install it: scripts/fetch verifiers, or the Debian package of that name", strings.Join(names, " or "))
}

// Name is that of the program.
func (s *Solver) Name() string { return s.name }

// Verify puts all tasks, several at a time, and gives their outcomes in the same order. The error is the context's, or
// that the solver could not be started.
func (s *Solver) Verify(ctx context.Context, tasks []Task) ([]Outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	outcomes := make([]Outcome, len(tasks))
	next := make(chan int)
	var group sync.WaitGroup
	for range min(s.parallel, len(tasks)) {
		group.Go(func() {
			for i := range next {
				begin := time.Now()
				o, err := s.one(ctx, tasks[i])
				if err != nil {
					cancel(err)
				}
				o.Took = time.Since(begin)
				outcomes[i] = o
			}
		})
	}
	for i := range tasks {
		next <- i
	}
	close(next)
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return outcomes, nil
}

func (s *Solver) one(ctx context.Context, t Task) (Outcome, error) {
	if err := checkFacts(t.Facts); err != nil {
		return Outcome{Verdict: Refused, Detail: "the task's facts: " + err.Error()}, nil
	}
	if t.Answer != "" {
		return s.equal(ctx, t)
	}
	return s.solution(ctx, t)
}

// equal asks for a difference between response and answer, and first whether the facts can hold at all: from facts
// that contradict each other everything follows.
func (s *Solver) equal(ctx context.Context, t Task) (Outcome, error) {
	term, err := readTerm(t.Response)
	if err != nil {
		return Outcome{Verdict: Fail, Detail: "the response is no term: " + err.Error()}, nil
	}
	o := Outcome{Extracted: term}
	answer, err := readTerm(t.Answer)
	if err != nil {
		o.Verdict, o.Detail = Refused, "the task's answer is no term: "+err.Error()
		return o, nil
	}
	facts, err := s.ask(ctx, t.Facts)
	if err != nil || facts.verdict != "" {
		o.Verdict, o.Detail = facts.verdict, facts.detail
		return o, err
	}
	if facts.status == unsat {
		o.Verdict, o.Detail = Refused, "the facts contradict each other"
		return o, nil
	}
	difference, err := s.ask(ctx, fmt.Sprintf("%s\n(assert (not (= %s %s)))", t.Facts, answer, term))
	return o.judge(difference, unsat), err
}

// solution asks whether the facts hold with the values of the response.
func (s *Solver) solution(ctx context.Context, t Task) (Outcome, error) {
	values, err := readValues(t.Response)
	if err != nil {
		return Outcome{Verdict: Fail, Detail: "the response gives no values: " + err.Error()}, nil
	}
	var script strings.Builder
	script.WriteString(t.Facts)
	for _, v := range values {
		fmt.Fprintf(&script, "\n(assert (= %s %s))", v.name, v.literal)
	}
	reply, err := s.ask(ctx, script.String())
	return Outcome{Extracted: extracted(values)}.judge(reply, sat), err
}

// judge passes the wanted status and fails its opposite.
func (o Outcome) judge(r reply, want string) Outcome {
	switch {
	case r.verdict != "":
		o.Verdict, o.Detail = r.verdict, r.detail
	case r.status == want:
		o.Verdict = Pass
	case r.status == unknown:
		o.Verdict, o.Detail = Refused, "the solver cannot tell"
	default:
		o.Verdict, o.Detail = Fail, "the solver says "+r.status
	}
	return o
}
