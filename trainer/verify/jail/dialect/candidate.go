package dialect

import (
	"fmt"
	"strconv"
	"strings"

	"go.starlark.net/starlark"

	"spar/trainer/verify/jail/wire"
)

// candidate is a loaded program.
type candidate struct {
	thread  *starlark.Thread
	globals starlark.StringDict
}

// load runs the top level of a program; the reply lists the functions it defines.
func (s *Server) load(text string) (*candidate, []byte) {
	c := &candidate{thread: s.newThread("program")}
	var err error
	c.globals, err = starlark.ExecFileOptions(options, c.thread, "program", text, builtins())
	if err != nil {
		return c, raised(c.thread, err)
	}
	var names []string
	for _, name := range c.globals.Keys() {
		if _, ok := c.globals[name].(starlark.Callable); ok && !strings.HasPrefix(name, "_") {
			names = append(names, name)
		}
	}
	return c, wire.Message("loaded", wire.AppendTexts(nil, names))
}

func (c *candidate) call(args []wire.Item) []byte {
	name := string(args[0].Payload)
	f, ok := c.globals[name].(starlark.Callable)
	if !ok {
		return raised(c.thread, fmt.Errorf("the program defines no function %s", name))
	}
	positional, named, err := decodeArguments(args[1], args[2])
	if err != nil {
		return raised(c.thread, err)
	}
	v, err := starlark.Call(c.thread, f, positional, named)
	if err != nil {
		return raised(c.thread, err)
	}
	data, err := Encode(v)
	if err != nil {
		return wire.Message("refuse", wire.AppendText(nil, err.Error()))
	}
	steps := wire.Append(nil, wire.Int, strconv.AppendUint(nil, c.thread.ExecutionSteps(), 16))
	return wire.Message("value", data, steps)
}

func decodeArguments(positional, named wire.Item) (starlark.Tuple, []starlark.Tuple, error) {
	args, err := Decode(positional)
	if err != nil {
		return nil, nil, err
	}
	keys, err := Decode(named)
	if err != nil {
		return nil, nil, err
	}
	tuple, ok := args.(starlark.Tuple)
	dict, isDict := keys.(*starlark.Dict)
	if !ok || !isDict {
		return nil, nil, fmt.Errorf("a call takes a tuple and a dict")
	}
	return tuple, dict.Items(), nil
}
