package jail

import (
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"spar/internal/fault"
	"spar/trainer/verify/jail/dialect"
)

// maxArguments bounds how deep the parser, which runs in this process, can be made to recurse.
const maxArguments = 1 << 16

// parseArguments reads a call's arguments without evaluating anything: positional ones as a tuple, named ones as a dict,
// both encoded.
func parseArguments(c *Call) ([][]byte, error) {
	if len(c.Arguments) > maxArguments {
		return nil, fault.Inputf("the arguments of %s have %d bytes (limit %d)", c.Function, len(c.Arguments), maxArguments)
	}
	expr, err := (&syntax.FileOptions{}).ParseExpr("arguments", "f("+c.Arguments+"\n)", 0)
	if err != nil {
		return nil, fault.Inputf("the arguments %.80q of %s do not parse: %w", c.Arguments, c.Function, err)
	}
	call, ok := expr.(*syntax.CallExpr)
	if !ok {
		return nil, fault.Inputf("the arguments %.80q of %s are more than arguments", c.Arguments, c.Function)
	}
	if f, ok := call.Fn.(*syntax.Ident); !ok || f.Name != "f" {
		return nil, fault.Inputf("the arguments %.80q of %s are more than arguments", c.Arguments, c.Function)
	}
	var positional starlark.Tuple
	named := starlark.NewDict(0)
	for _, arg := range call.Args {
		if err := addArgument(arg, &positional, named); err != nil {
			return nil, fault.Inputf("the arguments %.80q of %s: %w", c.Arguments, c.Function, err)
		}
	}
	first, err := dialect.Encode(positional)
	if err != nil {
		return nil, fault.Inputf("the arguments of %s: %w", c.Function, err)
	}
	second, err := dialect.Encode(named)
	if err != nil {
		return nil, fault.Inputf("the arguments of %s: %w", c.Function, err)
	}
	return [][]byte{first, second}, nil
}

func addArgument(arg syntax.Expr, positional *starlark.Tuple, named *starlark.Dict) error {
	if pair, ok := arg.(*syntax.BinaryExpr); ok && pair.Op == syntax.EQ {
		v, err := literal(pair.Y, 0)
		if err != nil {
			return err
		}
		name, ok := pair.X.(*syntax.Ident)
		if !ok {
			return errNotLiteral
		}
		return named.SetKey(starlark.String(name.Name), v)
	}
	v, err := literal(arg, 0)
	*positional = append(*positional, v)
	return err
}
