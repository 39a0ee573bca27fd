// Package strictjson reads JSON into an ordered tree and refuses what encoding/json lets pass in silence: a key given
// twice, invalid UTF-8, lone surrogates, numbers that are not JSON, text after the value. Errors name the file and the
// line and column.
//
//	v, err := strictjson.Parse(data, "tokenizer.json", 128<<20)
//	model, ok := v.Get("model")
//
// Values are plain data; a Value that nobody changes may be shared by goroutines.
package strictjson

import "strconv"

// Kind is the JSON type of a Value.
type Kind uint8

// The JSON types.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String names the kind as an error message wants it.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Value is one JSON value. Number keeps its text, so that no digit is lost.
type Value struct {
	Kind  Kind
	Bool  bool
	Text  string   // of a String, decoded; of a Number, as written
	Items []Value  // of an Array, or the members' values of an Object
	Keys  []string // of an Object, in file order, beside Items
}

// Get returns the member of an object.
func (v *Value) Get(key string) (*Value, bool) {
	for i, k := range v.Keys {
		if k == key {
			return &v.Items[i], true
		}
	}
	return nil, false
}

// Int returns a Number as an integer; false when it is not one or does not fit.
func (v *Value) Int() (int64, bool) {
	if v.Kind != Number {
		return 0, false
	}
	n, err := strconv.ParseInt(v.Text, 10, 64)
	return n, err == nil
}

// IsInteger reports whether a Number is written without fraction and exponent.
func (v *Value) IsInteger() bool {
	if v.Kind != Number {
		return false
	}
	for _, c := range v.Text {
		if c == '.' || c == 'e' || c == 'E' {
			return false
		}
	}
	return true
}

// AppendJSON appends v as compact JSON, members in order.
func (v *Value) AppendJSON(dst []byte) []byte {
	switch v.Kind {
	case Null:
		return append(dst, "null"...)
	case Bool:
		return strconv.AppendBool(dst, v.Bool)
	case Number:
		return append(dst, v.Text...)
	case String:
		return AppendString(dst, v.Text)
	case Array:
		dst = append(dst, '[')
		for i := range v.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = v.Items[i].AppendJSON(dst)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i := range v.Items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendString(dst, v.Keys[i]), ':')
		dst = v.Items[i].AppendJSON(dst)
	}
	return append(dst, '}')
}

const hex = "0123456789abcdef"

// AppendString appends s as a JSON string, escaping only what JSON requires.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
