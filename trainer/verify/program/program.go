// Package program verifies responses that are programs, in Starlark or Python, by running them against
// tests in the jail.
//
//	v, err := program.New(pool, "python")
//	outcomes, err := v.Verify(ctx, []verify.Item{{Response: text, Tests: "assert f(2) == 4"}})
//
// A response is the program itself or a text with a fenced block of it (Extract). Tests are program text; they
// call the program's functions with plain data and judge what comes back, as package jail describes:
//
//   - Python: asserts, or functions such as HumanEval's check(candidate) with a line that calls them,
//     check(name); HumanEval.Tests writes that text.
//   - Starlark: check(condition) and check_equal(got, want).
//
// A verifier has no state of its own and is safe for concurrent use.
package program

import (
	"context"
	"strings"

	"spar/internal/fault"
	"spar/trainer/verify"
	"spar/trainer/verify/jail"
)

// Languages that a program may be in.
const (
	Starlark = "starlark"
	Python   = "python"
)

// New gives a verifier of programs in one language, as many at a time as the pool, which stays the caller's, has workers. An item without
// tests is refused.
func New(pool *jail.Pool, language string) (verify.Verifier, error) {
	if language != Starlark && language != Python {
		return nil, fault.Usagef("programs are verified in starlark or python, not in %q", language)
	}
	return verify.PerItem(language, pool.Workers(), func(ctx context.Context, it verify.Item) (verify.Outcome, error) {
		if strings.TrimSpace(it.Tests) == "" {
			return verify.Outcome{Verdict: verify.Refused, Detail: "the task has no tests"}, nil
		}
		r, err := pool.Run(ctx, jail.Job{Language: language, Program: Extract(it.Response), Tests: it.Tests})
		if err != nil {
			return verify.Outcome{}, err
		}
		return outcome(r)
	}), nil
}

// outcome is a result of the jail's as all verifiers have it.
func outcome(r jail.Result) (verify.Outcome, error) {
	o := verify.Outcome{Detail: r.Detail, Took: r.Took}
	if err := o.Verdict.UnmarshalText([]byte(r.Verdict)); err != nil {
		return o, fault.New(fault.Failed, "the jail: %w", err)
	}
	if o.Verdict == verify.Pass {
		o.Score = 1
	}
	return o, nil
}
