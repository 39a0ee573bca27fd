package native

import (
	"errors"
	"fmt"
	"strings"

	"spar/internal/fault"
)

// ErrClosed is returned by every method of a closed handle.
var ErrClosed = errors.New("native: the handle is closed")

// Error is a failure reported by the engine. errors.Is matches the sentinels below by code.
type Error struct {
	Code int32
	Text string // names the op, the shapes and the reason
}

// Sentinels for errors.Is, one for each status of the header.
var (
	ErrInvalid   = &Error{Code: sparEInvalid, Text: "an argument is wrong"}
	ErrNoMemory  = &Error{Code: sparENomem, Text: "an allocation failed"}
	ErrState     = &Error{Code: sparEState, Text: "calls out of order"}
	ErrNonFinite = &Error{Code: sparENonfinite, Text: "a number is not finite"}
	ErrCancelled = &Error{Code: sparECancelled, Text: "cancelled"}
	ErrInternal  = &Error{Code: sparEInternal, Text: "a bug in the engine"}
)

// Error returns the engine's text, led by the call that failed.
func (e *Error) Error() string { return e.Text }

// Is reports whether target is an Error of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// statusError is the error of a failed call, in the fault class that its code stands for.
func statusError(call string, code int32, text string) error {
	if text == "" {
		text = fmt.Sprintf("status %d without a text", code)
	}
	// The library begins its texts with the C function's name; call says the same.
	if name, rest, found := strings.Cut(text, ": "); found && strings.HasPrefix(name, "spar_") && !strings.Contains(name, " ") {
		text = rest
	}
	e := &Error{Code: code, Text: fmt.Sprintf("%s: %s", call, text)}
	switch code {
	case sparENomem:
		return fault.New(fault.Memory, "%w", e)
	case sparENonfinite:
		return fault.New(fault.NonFinite, "%w", e)
	}
	return e
}
