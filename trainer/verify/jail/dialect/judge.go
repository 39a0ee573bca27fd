package dialect

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"spar/trainer/verify/jail/wire"
)

// judgement is one run of tests.
type judgement struct {
	server *Server
	checks int
	broken error // the parent's answer could not be read
}

// judge runs tests in which the program's functions are calls to another process. Names that the language or the tests'
// own builtins have are never taken from the program.
func (s *Server) judge(args []wire.Item) []byte {
	names, err := wire.Texts(args[1])
	if err != nil {
		return verdict("refused", err.Error())
	}
	j := &judgement{server: s}
	env := builtins()
	env["check"] = starlark.NewBuiltin("check", j.check)
	env["check_equal"] = starlark.NewBuiltin("check_equal", j.checkEqual)
	for _, name := range names {
		if !env.Has(name) && !starlark.Universe.Has(name) {
			env[name] = starlark.NewBuiltin(name, j.forward)
		}
	}
	thread := s.newThread("tests")
	_, err = starlark.ExecFileOptions(options, thread, "tests", string(args[0].Payload), env)
	var parse syntax.Error
	switch {
	case j.broken != nil:
		return verdict("refused", j.broken.Error())
	case spent(thread):
		return verdict("timeout", fmt.Sprintf("the tests took more than %d steps", MaxSteps))
	case errors.As(err, &parse):
		return verdict("refused", "the tests do not parse: "+err.Error())
	case err != nil:
		return verdict("fail", err.Error())
	case j.checks == 0:
		return verdict("refused", "the tests check nothing; they need check(...) or check_equal(...)")
	}
	return verdict("pass", "")
}

func verdict(what, detail string) []byte {
	return wire.Message("verdict", wire.AppendText(nil, what), wire.AppendText(nil, short(detail)))
}

func (j *judgement) check(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var condition starlark.Value
	message := "a condition is false"
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "condition", &condition, "message?", &message); err != nil {
		return nil, err
	}
	j.checks++
	if !condition.Truth() {
		return nil, fmt.Errorf("line %d: %s", t.CallFrame(1).Pos.Line, message)
	}
	return starlark.None, nil
}

func (j *judgement) checkEqual(t *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var got, want starlark.Value
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "got", &got, "want", &want); err != nil {
		return nil, err
	}
	j.checks++
	equal, err := starlark.Equal(got, want)
	if err != nil {
		return nil, err
	}
	if !equal {
		return nil, fmt.Errorf("line %d: got %s, want %s", t.CallFrame(1).Pos.Line, short(got.String()), short(want.String()))
	}
	return starlark.None, nil
}

// forward calls the program in its own process.
func (j *judgement) forward(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	named := starlark.NewDict(len(kwargs))
	for _, pair := range kwargs {
		if err := named.SetKey(pair[0], pair[1]); err != nil {
			return nil, err
		}
	}
	positional, err := Encode(args)
	if err != nil {
		return nil, err
	}
	keys, err := Encode(named)
	if err != nil {
		return nil, err
	}
	verb, values, err := j.ask(wire.Message("call", wire.AppendText(nil, b.Name()), positional, keys))
	if err != nil {
		return nil, err
	}
	switch {
	case verb == "value" && len(values) > 0:
		return Decode(values[0])
	case verb == "raise" && len(values) == 2:
		return nil, fmt.Errorf("%s: %s", values[0].Payload, values[1].Payload)
	case verb == "refuse" && len(values) == 1:
		return nil, fmt.Errorf("%s", values[0].Payload)
	}
	return nil, fmt.Errorf("the program's answer %q cannot be read", verb)
}

func (j *judgement) ask(message []byte) (string, []wire.Item, error) {
	err := wire.WriteFrame(j.server.Out, message)
	var verb string
	var values []wire.Item
	if err == nil {
		verb, values, err = j.server.receive()
	}
	j.broken = err
	return verb, values, err
}
