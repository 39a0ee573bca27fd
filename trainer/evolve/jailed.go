package evolve

import (
	"context"

	"spar/trainer/verify/jail"
)

// Jailed runs programs in a jail. A program that would have returned in time on an idle machine may time out on a busy one; that is the one
// thing that may make two runs differ.
func Jailed(p *jail.Pool) Runner { return jailed{p} }

type jailed struct{ pool *jail.Pool }

func (r jailed) Run(ctx context.Context, program string, c Call) (string, error) {
	result, err := r.pool.Run(ctx, jail.Job{Language: "starlark", Program: program, Call: &jail.Call{Function: c.Function, Arguments: c.Arguments}})
	if err != nil {
		return "", err
	}
	if result.Verdict != jail.Pass {
		return "", &Failure{Verdict: result.Verdict, Detail: result.Detail}
	}
	return result.Value, nil
}
