// Package fault gives an error its class, and a class its exit code. Parsers and stages wrap what
// went wrong once, where it is known; cmd/spar asks for the code once, at the end.
//
// Values are immutable and may be shared by goroutines.
package fault

import (
	"errors"
	"fmt"
)

// Kind is the class of an error.
type Kind int

// Kinds, with the exit codes of the command line.
const (
	Failed    Kind = 1 // a run or a command failed
	Usage     Kind = 2 // the command line or a flag is wrong
	Input     Kind = 3 // a file, a config or a data row is bad, or two things do not match
	Memory    Kind = 4 // it does not fit into memory
	NonFinite Kind = 5 // training diverged or a number is not finite
)

// Error is an error with a class.
type Error struct {
	Kind Kind
	err  error
}

// Error returns the text.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.err }

// New formats an error of the given class; %w wraps.
func New(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, err: fmt.Errorf(format, args...)}
}

// Inputf is New(Input, ...): bad bytes from outside.
func Inputf(format string, args ...any) error { return New(Input, format, args...) }

// Usagef is New(Usage, ...): a wrong command line.
func Usagef(format string, args ...any) error { return New(Usage, format, args...) }

// ExitCode is the process exit code of err: 0 for nil, 1 for an error without class.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	var e *Error
	if errors.As(err, &e) {
		return int(e.Kind)
	}
	return int(Failed)
}
