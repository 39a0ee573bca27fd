package dialect

import (
	"errors"
	"fmt"
	"math/big"
	"unicode/utf8"

	"go.starlark.net/starlark"

	"spar/trainer/verify/jail/wire"
)

// maxEncoded bounds one value: a few lists that hold each other many times would be far larger than what they take
// in memory.
const maxEncoded = 1 << 22

// Encode writes plain data; functions, modules and cyclic values are refused.
func Encode(v starlark.Value) ([]byte, error) {
	e := encoder{left: maxEncoded}
	return e.value(nil, v, wire.MaxDepth-2) // a message and its arguments lie around it
}

type encoder struct{ left int }

func (e *encoder) value(b []byte, v starlark.Value, depth int) ([]byte, error) {
	if depth == 0 {
		return nil, fmt.Errorf("the value nests deeper than %d or holds itself", wire.MaxDepth)
	}
	switch v := v.(type) {
	case starlark.Tuple:
		return e.sequence(b, wire.Tuple, v, depth)
	case *starlark.List:
		return e.sequence(b, wire.List, v, depth)
	case *starlark.Set:
		return e.sequence(b, wire.Set, v, depth)
	case *starlark.Dict:
		var pairs starlark.Tuple
		for _, item := range v.Items() {
			pairs = append(pairs, item[0], item[1])
		}
		return e.sequence(b, wire.Dict, pairs, depth)
	}
	tag, payload, err := scalar(v)
	if err != nil {
		return nil, err
	}
	if err := e.take(len(payload) + 3); err != nil {
		return nil, err
	}
	return wire.Append(b, tag, payload), nil
}

func (e *encoder) take(n int) error {
	if e.left -= n; e.left < 0 {
		return fmt.Errorf("the value is larger than %d bytes", maxEncoded)
	}
	return nil
}

func (e *encoder) sequence(b []byte, tag byte, list starlark.Iterable, depth int) ([]byte, error) {
	if err := e.take(3); err != nil {
		return nil, err
	}
	var payload []byte
	iter := list.Iterate()
	defer iter.Done()
	var item starlark.Value
	for iter.Next(&item) {
		var err error
		if payload, err = e.value(payload, item, depth-1); err != nil {
			return nil, err
		}
	}
	return wire.Append(b, tag, payload), nil
}

func scalar(v starlark.Value) (tag byte, payload []byte, err error) {
	switch v := v.(type) {
	case starlark.NoneType:
		return wire.None, nil, nil
	case starlark.Bool:
		return wire.Bool, fmt.Appendf(nil, "%t", bool(v)), nil
	case starlark.Int:
		return wire.Int, v.BigInt().Append(nil, 16), nil
	case starlark.Float:
		return wire.Float, wire.FormatFloat(float64(v)), nil
	case starlark.Bytes:
		return wire.Bytes, []byte(v), nil
	case starlark.String:
		if !utf8.ValidString(string(v)) {
			return 0, nil, errors.New("the value holds text that is not UTF-8")
		}
		return wire.Text, []byte(v), nil
	}
	return 0, nil, fmt.Errorf("a value of type %s is not plain data", v.Type())
}

// Decode builds a checked value.
func Decode(i wire.Item) (starlark.Value, error) {
	switch i.Tag {
	case wire.None:
		return starlark.None, nil
	case wire.Bool:
		return starlark.Bool(string(i.Payload) == "true"), nil
	case wire.Int:
		n, ok := new(big.Int).SetString(string(i.Payload), 16)
		if !ok {
			return nil, errors.New("an integer is malformed")
		}
		return starlark.MakeBigInt(n), nil
	case wire.Float:
		f, err := wire.ParseFloat(i.Payload)
		return starlark.Float(f), err
	case wire.Text:
		return starlark.String(i.Payload), nil
	case wire.Bytes:
		return starlark.Bytes(i.Payload), nil
	case wire.Complex:
		return nil, errors.New("no complex numbers in Starlark")
	}
	return decodeSequence(i)
}

func decodeSequence(i wire.Item) (starlark.Value, error) {
	items, err := wire.Items(i.Payload)
	if err != nil {
		return nil, err
	}
	list := make([]starlark.Value, len(items))
	for n, item := range items {
		if list[n], err = Decode(item); err != nil {
			return nil, err
		}
	}
	switch i.Tag {
	case wire.List:
		return starlark.NewList(list), nil
	case wire.Tuple:
		return starlark.Tuple(list), nil
	case wire.Set, wire.Frozen:
		set := starlark.NewSet(len(list))
		for _, v := range list {
			if err := set.Insert(v); err != nil {
				return nil, err
			}
		}
		return set, nil
	case wire.Dict:
		dict := starlark.NewDict(len(list) / 2)
		for n := 0; n+1 < len(list); n += 2 {
			if err := dict.SetKey(list[n], list[n+1]); err != nil {
				return nil, err
			}
		}
		return dict, nil
	}
	return nil, fmt.Errorf("a value of type %q is unknown", i.Tag)
}
