// Package dialect runs Starlark for the jail: it answers messages of package wire, in one of two roles that
// never share a process.
//
//	candidate  "program" TEXT                    -> "loaded" [NAME...] | "raise" TYPE TEXT
//	           "call" NAME (ARG...) {KEY: ARG}   -> "value" V STEPS | "raise" TYPE TEXT | "refuse" TEXT
//	judge      "tests" TEXT [NAME...]            -> "call"..., each answered as above, then "verdict" pass|fail|refused|timeout TEXT
//
// What a program prints goes out as "print" TEXT before the answer.
//
// The dialect is Starlark with while, recursion, set and top-level statements, and with what Python
// programmers expect: sum, round, divmod, pow and math. Tests have check(condition, message) and
// check_equal(got, want) besides. Values cross as plain data and are copied, so that neither side can
// change the other's.
//
// A program has a budget of steps, counted over loading and all calls: whether it is spent does not depend
// on the machine. Memory is not bounded here; the process's limits do that.
package dialect

import (
	"errors"
	"fmt"
	"io"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"spar/trainer/verify/jail/wire"
)

// MaxSteps is the budget of a program or of tests, about half a second of computing.
const MaxSteps = 50_000_000

// Types of what a program raised that decide its verdict.
const (
	StepLimit   = "StepLimit"   // the budget of steps is spent
	SyntaxError = "SyntaxError" // the text does not parse
)

var options = &syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true}

// Server answers the messages of one parent.
type Server struct {
	In    io.Reader
	Out   io.Writer // answers
	Limit int       // bytes of a message
}

// Serve answers until the input ends.
func (s *Server) Serve() error {
	var c *candidate
	for {
		verb, args, err := s.receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var reply []byte
		switch {
		case verb == "program" && len(args) == 1:
			c, reply = s.load(string(args[0].Payload))
		case verb == "call" && c != nil && len(args) == 3:
			reply = c.call(args)
		case verb == "tests" && len(args) == 2:
			c, reply = nil, s.judge(args)
		default:
			return fmt.Errorf("message %q with %d values is unknown", verb, len(args))
		}
		if err := wire.WriteFrame(s.Out, reply); err != nil {
			return err
		}
	}
}

func (s *Server) receive() (string, []wire.Item, error) {
	frame, err := wire.ReadFrame(s.In, s.Limit)
	if err != nil {
		return "", nil, err
	}
	return wire.ParseMessage(frame)
}

// maxCalls is how deep calls may nest: far more than a task needs, and little enough for the process's memory.
const maxCalls = 10_000

// look is how many steps there are between two looks at the depth.
const look = 10_000

// newThread gives a thread with the budget of steps and a limit to its recursion.
func (s *Server) newThread(name string) *starlark.Thread {
	t := &starlark.Thread{Name: name, Print: func(_ *starlark.Thread, text string) {
		wire.WriteFrame(s.Out, wire.Message("print", wire.AppendText(nil, text+"\n"))) // if it fails, so will the answer
	}}
	t.SetMaxExecutionSteps(look)
	t.OnMaxSteps = func(t *starlark.Thread) {
		switch {
		case spent(t):
			t.Cancel(StepLimit)
		case t.CallStackDepth() > maxCalls:
			t.Cancel(fmt.Sprintf("stack overflow, more than %d calls", maxCalls))
		default:
			t.SetMaxExecutionSteps(t.ExecutionSteps() + look)
		}
	}
	return t
}

func spent(t *starlark.Thread) bool { return t.ExecutionSteps() >= MaxSteps }

// raised says what went wrong in a thread.
func raised(t *starlark.Thread, err error) []byte {
	kind := "EvalError"
	var parse syntax.Error
	var names resolve.ErrorList
	switch {
	case spent(t):
		kind, err = StepLimit, fmt.Errorf("more than %d steps", MaxSteps)
	case errors.As(err, &parse):
		kind = SyntaxError
	case errors.As(err, &names):
		kind, err = SyntaxError, names[0]
	}
	return wire.Message("raise", wire.AppendText(nil, kind), wire.AppendText(nil, short(err.Error())))
}

// short cuts a text that a program may have made as long as it likes.
func short(s string) string {
	const longest = 1000
	if len(s) > longest {
		return s[:longest] + "..."
	}
	return s
}
