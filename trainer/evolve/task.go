package evolve

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"spar/internal/fault"
)

// Call is one call of a function of a program, whose result is asked for.
type Call struct{ Function, Arguments string } // Arguments: Starlark literals, as between the parentheses

// Runner runs a program that nobody has read. The value is the result as a Starlark literal. What the program itself did wrong is a *Failure; any
// other error is the runner's. It must be safe for concurrent use, and what it returns must not depend on the load of the machine,
// or runs cannot be repeated: bound steps rather than seconds where possible.
type Runner interface {
	Run(ctx context.Context, program string, c Call) (value string, err error)
}

// Failure is a program that did not return.
type Failure struct {
	Verdict string // fail, timeout, crash, oom, refused
	Detail  string
}

func (f *Failure) Error() string { return f.Verdict + ": " + f.Detail }

// Evaluation is a program's score on a task.
type Evaluation struct {
	Score   float64 // the higher the better
	Detail  string  // the score in the task's own words
	Failure string  // why there is no score; "" where there is one
}

// Baseline is a known program with the name under which it is known.
type Baseline struct{ Name, Program string }

// Task is a problem whose solutions are programs with an exact score.
type Task interface {
	// Name is what NewTask takes.
	Name() string
	// Describe says what the program has to define and how it is scored, for a model.
	Describe() string
	// Seed is the program that an evolution begins with.
	Seed() string
	// Terms are expressions that stand for the inputs inside of the function.
	Terms() []string
	// Baselines are known programs, the best known by hand last.
	Baselines() []Baseline
	// Evaluate scores a program, on the instances of the search or on others that the search never sees. The error is the runner's.
	Evaluate(ctx context.Context, r Runner, program string, heldOut bool) (Evaluation, error)
}

// NewTask returns a task by name: bin_packing or cap_set.
func NewTask(name string) (Task, error) {
	all := []Task{BinPacking{}, CapSet{}}
	var names []string
	for _, t := range all {
		if t.Name() == name {
			return t, nil
		}
		names = append(names, t.Name())
	}
	return nil, fault.Usagef("task: %q is not one of %s", name, strings.Join(names, ", "))
}

// call runs a program and reads its result, lists of numbers, into out. The text is why the program has none.
func call(ctx context.Context, r Runner, program string, c Call, out any) (failure string, err error) {
	value, err := r.Run(ctx, program, c)
	var failed *Failure
	if errors.As(err, &failed) {
		return failed.Error(), nil
	}
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal([]byte(value), out); err != nil { // a Starlark list of finite numbers is one of JSON
		return "the result is not made of numbers as asked for", nil
	}
	return "", nil
}
