package program

import (
	"context"
	"io"

	"spar/internal/fault"
	"spar/trainer/verify"
	"spar/trainer/verify/jail"
)

// Opener resolves the names starlark and python for verify.Options.Programs, on a pool that the caller opens when it is first needed
// and closes.
func Opener(pool func() (*jail.Pool, error)) func(verify.Spec, verify.Options) (verify.Verifier, io.Closer, error) {
	return func(s verify.Spec, _ verify.Options) (verify.Verifier, io.Closer, error) {
		p, err := pool()
		if err != nil {
			return nil, nil, err
		}
		v, err := New(p, s.Name)
		if err != nil {
			return nil, nil, err
		}
		return judge{v}, io.NopCloser(nil), nil
	}
}

// judge is a Verifier behind the interface of all verifiers.
type judge struct{ programs *Verifier }

func (j judge) Name() string { return j.programs.Name() }

func (j judge) Verify(ctx context.Context, batch []verify.Item) ([]verify.Outcome, error) {
	tasks := make([]Task, len(batch))
	for i, x := range batch {
		tasks[i] = Task{Response: x.Response, Tests: x.Tests}
	}
	results, err := j.programs.Verify(ctx, tasks)
	if err != nil {
		return nil, err
	}
	out := make([]verify.Outcome, len(results))
	for i, r := range results {
		if err := out[i].Verdict.UnmarshalText([]byte(r.Verdict)); err != nil {
			return nil, fault.New(fault.Failed, "verifier %s: %w", j.Name(), err)
		}
		if out[i].Verdict == verify.Pass {
			out[i].Score = 1
		}
		out[i].Detail, out[i].Took = r.Detail, r.Took
	}
	return out, nil
}
