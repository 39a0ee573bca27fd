package dialect

import (
	"errors"
	"fmt"
	"math"

	starmath "go.starlark.net/lib/math"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// maxPowerBits bounds the result of pow, one step of which may not stall the process.
const maxPowerBits = 1 << 20

// builtins are what programs and tests have besides the language's own.
func builtins() starlark.StringDict {
	return starlark.StringDict{
		"math":   starmath.Module,
		"sum":    starlark.NewBuiltin("sum", sum),
		"divmod": starlark.NewBuiltin("divmod", divmod),
		"pow":    starlark.NewBuiltin("pow", pow),
		"round":  starlark.NewBuiltin("round", round),
	}
}

// sum(iterable, start=0), with the operator +.
func sum(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var list starlark.Iterable
	var total starlark.Value = starlark.MakeInt(0)
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "iterable", &list, "start?", &total); err != nil {
		return nil, err
	}
	iter := list.Iterate()
	defer iter.Done()
	var v starlark.Value
	for iter.Next(&v) {
		var err error
		if total, err = starlark.Binary(syntax.PLUS, total, v); err != nil {
			return nil, err
		}
	}
	return total, nil
}

// divmod(a, b) is (a // b, a % b).
func divmod(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var x, y starlark.Value
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 2, &x, &y); err != nil {
		return nil, err
	}
	quotient, err := starlark.Binary(syntax.SLASHSLASH, x, y)
	if err != nil {
		return nil, err
	}
	rest, err := starlark.Binary(syntax.PERCENT, x, y)
	return starlark.Tuple{quotient, rest}, err
}

// pow(base, exponent, modulus=None): exact for integers and exponents from 0, with floats otherwise.
func pow(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var base, exponent, modulus starlark.Value
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 2, &base, &exponent, &modulus); err != nil {
		return nil, err
	}
	x, isInt := base.(starlark.Int)
	n, exact := exponent.(starlark.Int)
	if isInt && exact && n.Sign() >= 0 {
		return intPower(x, n, modulus)
	}
	if modulus != nil {
		return nil, errors.New("pow: a modulus wants integers and an exponent from 0")
	}
	f, ok := starlark.AsFloat(base)
	e, ok2 := starlark.AsFloat(exponent)
	if !ok || !ok2 {
		return nil, fmt.Errorf("pow: %s and %s are no numbers", base.Type(), exponent.Type())
	}
	return starlark.Float(math.Pow(f, e)), nil
}

func intPower(base, exponent starlark.Int, modulus starlark.Value) (starlark.Value, error) {
	x, n := base.BigInt(), exponent.BigInt()
	if modulus != nil && modulus != starlark.None {
		m, ok := modulus.(starlark.Int)
		if !ok || m.Sign() <= 0 || m.BigInt().BitLen() > 1<<14 || n.BitLen() > 1<<14 {
			return nil, errors.New("pow: the modulus must be an integer above 0, and it and the exponent below 2 to the 16384th")
		}
		return starlark.MakeBigInt(x.Exp(x, n, m.BigInt())), nil
	}
	if x.BitLen() > 1 && (!n.IsInt64() || n.Int64() > maxPowerBits/int64(x.BitLen())) {
		return nil, fmt.Errorf("pow: the result has more than %d bits", maxPowerBits)
	}
	return starlark.MakeBigInt(x.Exp(x, n, nil)), nil
}

// round(x) is the nearest integer, round(x, digits) a float; halves go to the even neighbour, as in Python.
func round(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var x starlark.Value
	digits := math.MinInt
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "number", &x, "digits?", &digits); err != nil {
		return nil, err
	}
	if n, ok := x.(starlark.Int); ok && (digits >= 0 || digits == math.MinInt) {
		return n, nil
	}
	f, ok := starlark.AsFloat(x)
	if !ok {
		return nil, fmt.Errorf("round: %s is no number", x.Type())
	}
	if digits == math.MinInt {
		return starlark.NumberToInt(starlark.Float(math.RoundToEven(f)))
	}
	if digits < -300 || digits > 300 {
		return nil, fmt.Errorf("round: %d digits are out of range", digits)
	}
	scale := math.Pow10(digits)
	return starlark.Float(math.RoundToEven(f*scale) / scale), nil
}
