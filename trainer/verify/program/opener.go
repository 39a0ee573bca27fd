package program

import (
	"spar/trainer/verify"
	"spar/trainer/verify/jail"
	"spar/trainer/verify/smt"
)

// Opener resolves the names that verify.Options.Programs is asked for, starlark, python and smt, on a pool, which the caller opens when it is
// first needed and closes.
func Opener(pool func() (*jail.Pool, error)) func(name string) (verify.Verifier, error) {
	return func(name string) (verify.Verifier, error) {
		p, err := pool()
		if err != nil {
			return nil, err
		}
		if name == "smt" {
			return smt.Open(p)
		}
		return New(p, name)
	}
}
