package program

import (
	"context"
	"io"

	"spar/internal/fault"
	"spar/trainer/verify"
	"spar/trainer/verify/jail"
	"spar/trainer/verify/smt"
)

// Opener resolves the names that verify.Options.Programs is asked for: starlark and python on a pool, which the caller opens when it is first
// needed and closes, and smt on the same pool, for which a row's tests are the facts.
func Opener(pool func() (*jail.Pool, error)) func(verify.Spec, verify.Options) (verify.Verifier, io.Closer, error) {
	return func(s verify.Spec, _ verify.Options) (verify.Verifier, io.Closer, error) {
		v, err := open(s.Name, pool)
		return v, io.NopCloser(nil), err
	}
}

func open(name string, pool func() (*jail.Pool, error)) (verify.Verifier, error) {
	p, err := pool()
	if err != nil {
		return nil, err
	}
	if name == "smt" {
		solver, err := smt.Open(p, "")
		return theorems{solver}, err
	}
	v, err := New(p, name)
	return programs{v}, err
}

// programs is a Verifier behind the interface of all verifiers.
type programs struct{ of *Verifier }

func (v programs) Name() string { return v.of.Name() }

func (v programs) Verify(ctx context.Context, batch []verify.Item) ([]verify.Outcome, error) {
	tasks := make([]Task, len(batch))
	for i, x := range batch {
		tasks[i] = Task{Response: x.Response, Tests: x.Tests}
	}
	results, err := v.of.Verify(ctx, tasks)
	if err != nil {
		return nil, err
	}
	out := make([]verify.Outcome, len(results))
	for i, r := range results {
		if out[i], err = outcome(v.Name(), r.Verdict); err != nil {
			return nil, err
		}
		out[i].Detail, out[i].Took = r.Detail, r.Took
	}
	return out, nil
}

// theorems is a solver behind the same interface.
type theorems struct{ solver *smt.Solver }

func (v theorems) Name() string { return "smt" }

func (v theorems) Verify(ctx context.Context, batch []verify.Item) ([]verify.Outcome, error) {
	tasks := make([]smt.Task, len(batch))
	for i, x := range batch {
		tasks[i] = smt.Task{Facts: x.Tests, Answer: x.Answer, Response: x.Response}
	}
	results, err := v.solver.Verify(ctx, tasks)
	if err != nil {
		return nil, err
	}
	out := make([]verify.Outcome, len(results))
	for i, r := range results {
		if out[i], err = outcome(v.Name(), r.Verdict); err != nil {
			return nil, err
		}
		out[i].Extracted, out[i].Detail, out[i].Took = r.Extracted, r.Detail, r.Took
	}
	return out, nil
}

// outcome is a verdict by name, with its score.
func outcome(verifier, verdict string) (o verify.Outcome, err error) {
	if err := o.Verdict.UnmarshalText([]byte(verdict)); err != nil {
		return o, fault.New(fault.Failed, "verifier %s: %w", verifier, err)
	}
	if o.Verdict == verify.Pass {
		o.Score = 1
	}
	return o, nil
}
