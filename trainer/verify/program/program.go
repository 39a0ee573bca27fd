// Package program verifies responses that are programs, in Starlark or Python, by running them against
// tests in the jail.
//
//	v, err := program.New(pool, "python")
//	results, err := v.Verify(ctx, []program.Task{{Response: text, Tests: "assert f(2) == 4"}})
//
// A response is the program itself or a text with a fenced block of it (Extract). Tests are program text; they
// call the program's functions with plain data and judge what comes back, as package jail describes:
//
//   - Python: asserts, or functions such as HumanEval's check(candidate) with a line that calls them,
//     check(name); HumanEval.Tests writes that text.
//   - Starlark: check(condition) and check_equal(got, want).
//
// A Verifier has no state of its own and is safe for concurrent use.
package program

import (
	"context"
	"strings"
	"sync"

	"spar/internal/fault"
	"spar/trainer/verify/jail"
)

// Languages that a program may be in.
const (
	Starlark = "starlark"
	Python   = "python"
)

// Task is one response with the tests it never sees.
type Task struct{ Response, Tests string }

// Verifier runs programs of one language.
type Verifier struct {
	pool     *jail.Pool
	language string
}

// New gives a verifier on a pool, which stays the caller's.
func New(pool *jail.Pool, language string) (*Verifier, error) {
	if language != Starlark && language != Python {
		return nil, fault.Usagef("programs are verified in starlark or python, not in %q", language)
	}
	return &Verifier{pool: pool, language: language}, nil
}

// Name is the language.
func (v *Verifier) Name() string { return v.language }

// Verify runs all tasks, as many at a time as the pool has workers, and gives their results in the same order. The
// error is that of the jail or the context; a program's failure is a result. A task without tests is refused.
func (v *Verifier) Verify(ctx context.Context, tasks []Task) ([]jail.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make([]jail.Result, len(tasks))
	next := make(chan int)
	var group sync.WaitGroup
	for range min(v.pool.Workers(), len(tasks)) {
		group.Go(func() {
			for i := range next {
				var err error
				if results[i], err = v.one(ctx, tasks[i]); err != nil {
					cancel(err)
				}
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
	return results, nil
}

func (v *Verifier) one(ctx context.Context, t Task) (jail.Result, error) {
	if err := context.Cause(ctx); err != nil {
		return jail.Result{}, err
	}
	if strings.TrimSpace(t.Tests) == "" {
		return jail.Result{Verdict: jail.Refused, Detail: "the task has no tests"}, nil
	}
	return v.pool.Run(ctx, jail.Job{Language: v.language, Program: Extract(t.Response), Tests: t.Tests})
}
