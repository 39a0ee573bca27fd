package template

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// value is what the template computes with: nil (None), bool, int64, float64, string, safe, *list, *Dict, *namespace,
// *loopState, *callable or undefined.
type value any

type (
	// list is a Python list, or another thing that can be looped over.
	list struct {
		items []value
		form  form
		used  bool   // of a lazy one: it gives its items once
		shown string // how a range prints
	}
	// namespace is the result of namespace(): the one thing whose fields a template can set.
	namespace struct{ fields *Dict }
	// undefined stands for a name or key that is not there: it prints as nothing, and using it is an error.
	undefined struct{ what string }
	// safe is a string marked with the filter of that name. It can be printed; Python would escape what is added to it.
	safe string
	// callable is a function, method or macro.
	callable struct {
		name string
		call func(m *machine, a arguments) (value, error)
	}
)

// form says which Python type a list stands for.
type form uint8

const (
	plainList form = iota
	tuple
	numberRange // of range()
	view        // of a dict's keys(), values(), items()
	lazy        // a generator, as the filters map and select make: no length, no index, and empty the second time
)

// indexed reports whether items can be taken by position.
func (l *list) indexed() bool { return l.form <= numberRange }

// Dict is a dictionary with its keys in the order they were put in, as Python keeps them.
type Dict struct {
	keys   []value
	values []value
	index  map[value]int // by key; a key is nil, bool, int64, float64 or string
}

// dictKey makes equal numbers equal keys.
func dictKey(k value) (value, bool) {
	switch k := k.(type) {
	case nil, string, int64:
		return k, true
	case bool:
		if k {
			return int64(1), true
		}
		return int64(0), true
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<53 {
			return int64(k), true
		}
		return k, true
	case safe:
		return string(k), true
	}
	return nil, false
}

// Set puts a value under a key, at the end when the key is new.
func (d *Dict) Set(key string, v any) { d.put(key, v) }

func (d *Dict) put(key, v value) bool {
	k, ok := dictKey(key)
	if !ok {
		return false
	}
	if i, ok := d.index[k]; ok {
		d.values[i] = v
		return true
	}
	if d.index == nil {
		d.index = map[value]int{}
	}
	d.index[k] = len(d.keys)
	d.keys, d.values = append(d.keys, key), append(d.values, v)
	return true
}

// Get returns the value under a key.
func (d *Dict) Get(key string) (any, bool) { return d.get(key) }

func (d *Dict) get(key value) (value, bool) {
	k, ok := dictKey(key)
	if !ok {
		return nil, false
	}
	i, ok := d.index[k]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// Len is the number of keys.
func (d *Dict) Len() int { return len(d.keys) }

func truth(v value) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case safe:
		return v != ""
	case *list:
		return len(v.items) > 0 || v.form == lazy
	case *Dict:
		return len(v.keys) > 0
	}
	return true
}

// typeName is Python's name of a value's type, for errors.
func typeName(v value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case string, safe:
		return "str"
	case *list:
		return [...]string{"list", "tuple", "range", "dict view", "generator"}[v.form]
	case *Dict:
		return "dict"
	case undefined:
		return "undefined"
	case *namespace:
		return "namespace"
	case *loopState:
		return "loop"
	}
	return "function"
}

// display is Python's str().
func display(v value) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case safe:
		return string(v), nil
	case undefined:
		return "", nil
	}
	var out strings.Builder
	err := represent(&out, v, 0)
	return out.String(), err
}

// represent is Python's repr().
func represent(out *strings.Builder, v value, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("a value is nested deeper than %d", maxNesting)
	}
	switch v := v.(type) {
	case nil:
		out.WriteString("None")
	case bool:
		out.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case int64:
		out.WriteString(strconv.FormatInt(v, 10))
	case float64:
		out.WriteString(floatText(v, "inf", "nan"))
	case string:
		quote(out, v)
	case undefined:
		out.WriteString("Undefined")
	case *list:
		open, closing := "[", "]"
		if v.shown != "" {
			out.WriteString(v.shown)
			return nil
		}
		if v.form > tuple {
			return fmt.Errorf("a %s cannot be printed; make it a list", typeName(v))
		}
		if v.form == tuple {
			open, closing = "(", ")"
			if len(v.items) == 1 {
				closing = ",)"
			}
		}
		out.WriteString(open)
		for i, item := range v.items {
			if i > 0 {
				out.WriteString(", ")
			}
			if err := represent(out, item, depth+1); err != nil {
				return err
			}
		}
		out.WriteString(closing)
	case *Dict:
		out.WriteString("{")
		for i, k := range v.keys {
			if i > 0 {
				out.WriteString(", ")
			}
			if err := represent(out, k, depth+1); err != nil {
				return err
			}
			out.WriteString(": ")
			if err := represent(out, v.values[i], depth+1); err != nil {
				return err
			}
		}
		out.WriteString("}")
	default:
		return fmt.Errorf("a %s cannot be printed", typeName(v))
	}
	return nil
}

// floatText is Python's repr of a float.
func floatText(f float64, inf, nan string) string {
	switch {
	case math.IsNaN(f):
		return nan
	case math.IsInf(f, 1):
		return inf
	case math.IsInf(f, -1):
		return "-" + inf
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func quote(out *strings.Builder, s string) {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	out.WriteByte(q)
	for _, r := range s {
		switch {
		case r == rune(q) || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == ' ' || unicode.IsPrint(r):
			out.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(out, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(out, `\u%04x`, r)
		default:
			fmt.Fprintf(out, `\U%08x`, r)
		}
	}
	out.WriteByte(q)
}

// number returns a bool, int or float as a float, and whether it is integral.
func number(v value) (f float64, i int64, isInt, ok bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, 1, true, true
		}
		return 0, 0, true, true
	case int64:
		return float64(v), v, true, true
	case float64:
		return v, 0, false, true
	}
	return 0, 0, false, false
}

func stringOf(v value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case safe:
		return string(v), true
	}
	return "", false
}

func equal(a, b value) bool {
	if x, i, xInt, ok := number(a); ok {
		y, j, yInt, ok := number(b)
		if xInt && yInt {
			return ok && i == j
		}
		return ok && x == y
	}
	if x, ok := stringOf(a); ok {
		y, ok := stringOf(b)
		return ok && x == y
	}
	switch x := a.(type) {
	case nil:
		return b == nil
	case undefined:
		_, ok := b.(undefined)
		return ok
	case *list:
		y, ok := b.(*list)
		if !ok || x.form != y.form || x.form == lazy && x != y || len(x.items) != len(y.items) {
			return false
		}
		for i := range x.items {
			if !equal(x.items[i], y.items[i]) {
				return false
			}
		}
		return true
	case *Dict:
		y, ok := b.(*Dict)
		if !ok || len(x.keys) != len(y.keys) {
			return false
		}
		for i, k := range x.keys {
			other, ok := y.get(k)
			if !ok || !equal(x.values[i], other) {
				return false
			}
		}
		return true
	}
	return a == b
}

// order compares as Python's < does; an error when the two have no order.
func order(a, b value) (int, error) {
	if x, i, xInt, ok := number(a); ok {
		if y, j, yInt, ok := number(b); ok {
			if xInt && yInt {
				return cmp.Compare(i, j), nil
			}
			return cmp.Compare(x, y), nil
		}
	}
	if x, ok := stringOf(a); ok {
		if y, ok := stringOf(b); ok {
			return strings.Compare(x, y), nil
		}
	}
	x, isList := a.(*list)
	y, bothLists := b.(*list)
	if isList && bothLists && x.form == y.form && x.form <= tuple {
		for i := 0; i < min(len(x.items), len(y.items)); i++ {
			if !equal(x.items[i], y.items[i]) {
				return order(x.items[i], y.items[i])
			}
		}
		return cmp.Compare(len(x.items), len(y.items)), nil
	}
	return 0, fmt.Errorf("a %s and a %s have no order", typeName(a), typeName(b))
}

// iterate lists what a for loop goes over.
func iterate(v value) ([]value, error) {
	switch v := v.(type) {
	case *list:
		if v.used {
			return nil, nil
		}
		v.used = v.form == lazy
		return v.items, nil
	case *Dict:
		return v.keys, nil
	case undefined:
		return nil, nil
	case string:
		out := make([]value, 0, len(v))
		for _, r := range v {
			out = append(out, string(r))
		}
		return out, nil
	}
	return nil, fmt.Errorf("a %s cannot be looped over", typeName(v))
}
