package evolve

import (
	"context"
	"errors"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// inProcess runs programs in this process, bounded by steps: right for programs that tests and mutations write.
type inProcess struct{}

const mostSteps = 20_000_000

func (inProcess) Run(ctx context.Context, program string, c Call) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	thread := &starlark.Thread{Name: "program"}
	thread.SetMaxExecutionSteps(mostSteps)
	globals, err := starlark.ExecFileOptions(&syntax.FileOptions{}, thread, "program", program, nil)
	if err != nil {
		return "", failure(err)
	}
	value, err := starlark.EvalOptions(&syntax.FileOptions{}, thread, "call", c.Function+"("+c.Arguments+")", globals)
	if err != nil {
		return "", failure(err)
	}
	return value.String(), nil
}

func failure(err error) error {
	var stopped *starlark.EvalError
	if errors.As(err, &stopped) && stopped.Msg == "Starlark computation cancelled: too many steps" {
		return &Failure{Verdict: "timeout", Detail: err.Error()}
	}
	return &Failure{Verdict: "fail", Detail: err.Error()}
}
