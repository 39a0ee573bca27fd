package jail

import (
	"errors"
	"math/big"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

var (
	errNotLiteral = errors.New("only literals can be arguments")
	errDeep       = errors.New("they nest too deep")
)

// maxNesting of arguments, below what package wire carries.
const maxNesting = 90

// literal is the value of an expression that needs no computing.
func literal(e syntax.Expr, depth int) (starlark.Value, error) {
	if depth > maxNesting {
		return nil, errDeep
	}
	switch e := e.(type) {
	case *syntax.ParenExpr:
		return literal(e.X, depth+1)
	case *syntax.Ident:
		v, ok := map[string]starlark.Value{"None": starlark.None, "True": starlark.True, "False": starlark.False}[e.Name]
		if !ok {
			return nil, errNotLiteral
		}
		return v, nil
	case *syntax.Literal:
		return scalarLiteral(e)
	case *syntax.UnaryExpr:
		if e.Op != syntax.MINUS && e.Op != syntax.PLUS {
			return nil, errNotLiteral
		}
		v, err := literal(e.X, depth+1)
		if err != nil {
			return nil, err
		}
		return starlark.Unary(e.Op, v)
	case *syntax.ListExpr:
		list, err := literals(e.List, depth)
		return starlark.NewList(list), err
	case *syntax.TupleExpr:
		list, err := literals(e.List, depth)
		return starlark.Tuple(list), err
	case *syntax.DictExpr:
		return dictLiteral(e, depth)
	}
	return nil, errNotLiteral
}

func scalarLiteral(e *syntax.Literal) (starlark.Value, error) {
	switch v := e.Value.(type) {
	case string:
		if e.Token == syntax.BYTES {
			return starlark.Bytes(v), nil
		}
		return starlark.String(v), nil
	case int64:
		return starlark.MakeInt64(v), nil
	case *big.Int:
		return starlark.MakeBigInt(v), nil
	case float64:
		return starlark.Float(v), nil
	}
	return nil, errNotLiteral
}

func literals(list []syntax.Expr, depth int) ([]starlark.Value, error) {
	values := make([]starlark.Value, len(list))
	for i, e := range list {
		var err error
		if values[i], err = literal(e, depth+1); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func dictLiteral(e *syntax.DictExpr, depth int) (starlark.Value, error) {
	dict := starlark.NewDict(len(e.List))
	for _, pair := range e.List {
		entry, ok := pair.(*syntax.DictEntry)
		if !ok {
			return nil, errNotLiteral
		}
		key, err := literal(entry.Key, depth+1)
		if err != nil {
			return nil, err
		}
		value, err := literal(entry.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if err := dict.SetKey(key, value); err != nil {
			return nil, err
		}
	}
	return dict, nil
}
