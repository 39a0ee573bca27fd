package template

import (
	"fmt"
	"slices"
)

// param is a parameter of a filter, method or function.
type param struct {
	name     string
	required bool
	missing  value // the default
}

func required(name string) param                { return param{name: name, required: true} }
func optional(name string, missing value) param { return param{name: name, missing: missing} }

// bind puts arguments into the order of params.
func bind(fn string, params []param, a arguments) ([]value, error) {
	if len(a.pos) > len(params) {
		return nil, fmt.Errorf("%s takes %d arguments, not %d", fn, len(params), len(a.pos))
	}
	out := make([]value, len(params))
	for i, p := range params {
		k := slices.IndexFunc(a.named, func(n namedValue) bool { return n.name == p.name })
		switch {
		case i < len(a.pos) && k >= 0:
			return nil, fmt.Errorf("%s got the argument %q twice", fn, p.name)
		case i < len(a.pos):
			out[i] = a.pos[i]
		case k >= 0:
			out[i] = a.named[k].v
		case p.required:
			return nil, fmt.Errorf("%s needs the argument %q", fn, p.name)
		default:
			out[i] = p.missing
		}
	}
	for _, n := range a.named {
		if !slices.ContainsFunc(params, func(p param) bool { return p.name == n.name }) {
			return nil, fmt.Errorf("%s has no argument %q", fn, n.name)
		}
	}
	return out, nil
}

func wantString(fn string, v value) (string, error) {
	s, ok := stringOf(v)
	if !ok {
		return "", fmt.Errorf("%s needs a string, not a %s", fn, typeName(v))
	}
	return s, nil
}

func wantInt(fn string, v value) (int64, error) {
	_, i, isInt, ok := number(v)
	if !ok || !isInt {
		return 0, fmt.Errorf("%s needs a whole number, not a %s", fn, typeName(v))
	}
	return i, nil
}
