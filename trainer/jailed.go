package trainer

import (
	"context"
	"time"

	"spar/trainer/verify/jail"
)

// jail opens the pool that runs programs of models, once.
func (r *run) jail() (*jail.Pool, error) {
	if r.pool != nil {
		return r.pool, nil
	}
	pool, err := jail.Open(jail.Options{Timeout: time.Duration(r.c.Verifier.Timeout * float64(time.Second)), MemoryMB: r.c.Verifier.MemoryMB})
	if err != nil {
		return nil, err
	}
	r.pool = pool
	r.closers = append(r.closers, pool)
	return pool, nil
}

// runStarlark calls a function of a program that a model wrote.
func (r *run) runStarlark(ctx context.Context, text, function, arguments string) (value string, ok bool, err error) {
	pool, err := r.jail()
	if err != nil {
		return "", false, err
	}
	result, err := pool.Run(ctx, jail.Job{Language: "starlark", Program: text, Call: &jail.Call{Function: function, Arguments: arguments}})
	return result.Value, result.Verdict == jail.Pass, err
}
