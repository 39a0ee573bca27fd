package template

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"

	"spar/internal/strictjson"
)

// encoder writes JSON as Python's json.dumps does.
type encoder struct {
	out       strings.Builder
	ascii     bool
	sortKeys  bool
	indent    string
	lines     bool // an indent was given
	item, key string
}

func toJSON(m *machine, v value, a []value) (value, error) {
	e := &encoder{ascii: truth(a[0]), sortKeys: truth(a[3]), item: ", ", key: ": "}
	if a[1] != nil {
		e.lines, e.item = true, ","
		if s, ok := stringOf(a[1]); ok {
			e.indent = s
		} else {
			n, err := wantInt("tojson's indent", a[1])
			if err != nil || n > 100 {
				return nil, fmt.Errorf("the indent of tojson must be a string or at most 100")
			}
			e.indent = strings.Repeat(" ", int(max(n, 0)))
		}
	}
	if a[2] != nil {
		l, ok := a[2].(*list)
		if !ok || len(l.items) != 2 || !isText(l.items[0]) || !isText(l.items[1]) {
			return nil, fmt.Errorf("the separators of tojson must be two strings")
		}
		e.item, _ = stringOf(l.items[0])
		e.key, _ = stringOf(l.items[1])
	}
	if err := e.write(v, 1); err != nil {
		return nil, err
	}
	return m.made(e.out.String())
}

func (e *encoder) write(v value, depth int) error {
	if depth > maxNesting || e.out.Len() > maxOutput {
		return fmt.Errorf("the value is too large or nested too deep for tojson")
	}
	switch v := v.(type) {
	case nil:
		e.out.WriteString("null")
	case bool:
		e.out.WriteString(strconv.FormatBool(v))
	case int64:
		e.out.WriteString(strconv.FormatInt(v, 10))
	case float64:
		e.out.WriteString(floatText(v, "Infinity", "NaN"))
	case string:
		e.str(v)
	case safe:
		e.str(string(v))
	case *list:
		if v.form > tuple {
			return fmt.Errorf("a %s cannot be written as JSON; make it a list", typeName(v))
		}
		e.out.WriteByte('[')
		for i, item := range v.items {
			e.newItem(i, depth)
			if err := e.write(item, depth+1); err != nil {
				return err
			}
		}
		e.finish(len(v.items), depth, ']')
	case *Dict:
		return e.dict(v, depth)
	default:
		return fmt.Errorf("a %s cannot be written as JSON", typeName(v))
	}
	return nil
}

func (e *encoder) dict(d *Dict, depth int) error {
	index := make([]int, len(d.keys))
	for i := range index {
		index[i] = i
	}
	var failed error
	if e.sortKeys {
		sort.SliceStable(index, func(a, b int) bool {
			sign, err := order(d.keys[index[a]], d.keys[index[b]])
			if err != nil {
				failed = err
			}
			return sign < 0
		})
	}
	if failed != nil {
		return failed
	}
	e.out.WriteByte('{')
	for n, i := range index {
		e.newItem(n, depth)
		switch k := d.keys[i].(type) {
		case string:
			e.str(k)
		case nil:
			e.str("null")
		case bool:
			e.str(strconv.FormatBool(k))
		case int64:
			e.str(strconv.FormatInt(k, 10))
		case float64:
			e.str(floatText(k, "Infinity", "NaN"))
		}
		e.out.WriteString(e.key)
		if err := e.write(d.values[i], depth+1); err != nil {
			return err
		}
	}
	e.finish(len(d.keys), depth, '}')
	return nil
}

func (e *encoder) newItem(i, depth int) {
	if i > 0 {
		e.out.WriteString(e.item)
	}
	if e.lines {
		e.out.WriteString("\n" + strings.Repeat(e.indent, depth))
	}
}

func (e *encoder) finish(n, depth int, closing byte) {
	if e.lines && n > 0 {
		e.out.WriteString("\n" + strings.Repeat(e.indent, depth-1))
	}
	e.out.WriteByte(closing)
}

func (e *encoder) str(s string) {
	if !e.ascii {
		e.out.Write(strictjson.AppendString(nil, s))
		return
	}
	for _, r := range string(strictjson.AppendString(nil, s)) {
		switch {
		case r < 0x7f:
			e.out.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&e.out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&e.out, `\u%04x\u%04x`, high, low)
		}
	}
}

// FromJSON reads a JSON value for Extra or Tools and keeps the order of keys and the kind of numbers, as a template
// must see them.
func FromJSON(data []byte, name string) (any, error) {
	v, _, err := strictjson.Parse(data, name, maxNesting)
	if err != nil {
		return nil, err
	}
	return fromTree(v)
}

func fromTree(v strictjson.Value) (value, error) {
	switch v.Kind {
	case '{':
		d := &Dict{}
		for _, m := range v.Members {
			item, err := fromTree(m.Value)
			if err != nil {
				return nil, err
			}
			d.put(m.Key, item)
		}
		return d, nil
	case '[':
		l := &list{items: make([]value, len(v.Items))}
		for i := range v.Items {
			var err error
			if l.items[i], err = fromTree(v.Items[i]); err != nil {
				return nil, err
			}
		}
		return l, nil
	case '"':
		return v.Text, nil
	case 't':
		return v.Bool, nil
	case '0':
		return parseNumber(v.Text)
	}
	return nil, nil
}

// parseNumber: whole numbers stay whole.
func parseNumber(text string) (value, error) {
	if !strings.ContainsAny(text, ".eE") {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the number %s does not fit into 64 bits", shorten(text))
		}
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("the number %s is out of range", shorten(text))
	}
	return f, nil
}
