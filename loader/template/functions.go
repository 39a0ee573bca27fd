package template

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

type clock = time.Time

// unsupportedGlobals are functions that Jinja has and chat templates do not need.
var unsupportedGlobals = []string{"cycler", "joiner", "lipsum", "caller", "super", "self"}

// errRaised is what raise_exception makes.
var errRaised = errors.New("the template refuses the conversation")

func builtins(now clock) map[string]value {
	g := map[string]value{
		"namespace":       &callable{"namespace", makeNamespace},
		"dict":            &callable{"dict", makeDict},
		"range":           &callable{"range", makeRange},
		"raise_exception": &callable{"raise_exception", raise},
	}
	if !now.IsZero() {
		g["strftime_now"] = &callable{"strftime_now", func(m *machine, a arguments) (value, error) {
			bound, err := bind("strftime_now", []param{required("format")}, a)
			if err != nil {
				return nil, err
			}
			format, err := wantString("strftime_now", bound[0])
			if err != nil {
				return nil, err
			}
			s, err := strftime(now, format)
			if err != nil {
				return nil, err
			}
			return m.made(s)
		}}
	}
	return g
}

func raise(_ *machine, a arguments) (value, error) {
	bound, err := bind("raise_exception", []param{required("message")}, a)
	if err != nil {
		return nil, err
	}
	text, err := display(bound[0])
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %s", errRaised, shortenTo(text, 500))
}

func shortenTo(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "..."
	}
	return s
}

func makeDict(m *machine, a arguments) (value, error) {
	d := &Dict{}
	if len(a.pos) > 1 {
		return nil, fmt.Errorf("dict takes at most one positional argument")
	}
	if len(a.pos) == 1 {
		if from, ok := a.pos[0].(*Dict); ok {
			for i, k := range from.keys {
				d.put(k, from.values[i])
			}
		} else {
			items, err := iterate(a.pos[0])
			if err != nil {
				return nil, err
			}
			for _, item := range items {
				pair, ok := item.(*list)
				if !ok || len(pair.items) != 2 || !d.put(pair.items[0], pair.items[1]) {
					return nil, fmt.Errorf("dict needs pairs of a key and a value")
				}
			}
		}
	}
	for _, n := range a.named {
		d.put(n.name, n.v)
	}
	return d, m.spend(len(d.keys))
}

func makeNamespace(m *machine, a arguments) (value, error) {
	d, err := makeDict(m, a)
	if err != nil {
		return nil, err
	}
	for _, k := range d.(*Dict).keys {
		if name, ok := k.(string); ok && strings.HasPrefix(name, "_") {
			return nil, fmt.Errorf("a namespace's field cannot be called %q", shorten(name))
		}
	}
	return &namespace{d.(*Dict)}, nil
}

func makeRange(m *machine, a arguments) (value, error) {
	if len(a.pos) < 1 || len(a.pos) > 3 || len(a.named) > 0 {
		return nil, fmt.Errorf("range takes one to three whole numbers")
	}
	var n [3]int64
	for i, v := range a.pos {
		var err error
		if n[i], err = wantInt("range", v); err != nil {
			return nil, err
		}
	}
	from, to, step := n[0], n[1], n[2]
	if len(a.pos) == 1 {
		from, to = 0, n[0]
	}
	if len(a.pos) < 3 {
		step = 1
	}
	const far = 1 << 60
	if step == 0 || max(from, to, step) > far || min(from, to, step) < -far {
		return nil, fmt.Errorf("range got a step of 0 or a number out of bounds")
	}
	out := &list{form: numberRange, shown: fmt.Sprintf("range(%d, %d)", from, to)}
	if step != 1 {
		out.shown = fmt.Sprintf("range(%d, %d, %d)", from, to, step)
	}
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		if len(out.items) == maxRange {
			return nil, fmt.Errorf("range is longer than %d", maxRange)
		}
		out.items = append(out.items, i)
	}
	return out, m.spend(len(out.items))
}

// strftime writes a date by the C library's rules, in the C locale.
func strftime(t time.Time, format string) (string, error) {
	layouts := map[byte]string{
		'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'm': "01", 'M': "04", 'p': "PM",
		'S': "05", 'y': "06", 'Y': "2006", 'j': "002", 'F': "2006-01-02", 'T': "15:04:05", 'h': "Jan",
	}
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		i++
		unpadded := i < len(format) && format[i] == '-'
		if unpadded {
			i++
		}
		if i == len(format) {
			return "", fmt.Errorf("the date format ends in %%")
		}
		layout, ok := layouts[format[i]]
		switch {
		case format[i] == '%' && !unpadded:
			out.WriteByte('%')
		case !ok:
			return "", fmt.Errorf("the date format %%%c is not supported", format[i])
		default:
			s := t.Format(layout)
			if unpadded && len(s) > 1 {
				if s = strings.TrimLeft(s, "0 "); s == "" {
					s = "0"
				}
			}
			out.WriteString(s)
		}
	}
	return out.String(), nil
}
