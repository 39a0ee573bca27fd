package template

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// method is a method of str, dict or list that only reads.
type method struct {
	params []param
	call   func(m *machine, of value, a []value) (value, error)
}

var stringMethods = map[string]method{
	"strip":        {[]param{optional("chars", nil)}, stripper(true, true)},
	"lstrip":       {[]param{optional("chars", nil)}, stripper(true, false)},
	"rstrip":       {[]param{optional("chars", nil)}, stripper(false, true)},
	"split":        {[]param{optional("sep", nil), optional("maxsplit", int64(-1))}, splitString},
	"rsplit":       {[]param{optional("sep", nil), optional("maxsplit", int64(-1))}, rsplitString},
	"splitlines":   {[]param{optional("keepends", false)}, splitLines},
	"startswith":   {[]param{required("prefix")}, affix(strings.HasPrefix)},
	"endswith":     {[]param{required("suffix")}, affix(strings.HasSuffix)},
	"removeprefix": {[]param{required("prefix")}, cutting(strings.TrimPrefix)},
	"removesuffix": {[]param{required("suffix")}, cutting(strings.TrimSuffix)},
	"replace":      {[]param{required("old"), required("new"), optional("count", int64(-1))}, replaceMethod},
	"upper":        {nil, mapped(upper)},
	"lower":        {nil, mapped(lower)},
	"title":        {nil, mapped(titleMethod)},
	"capitalize":   {nil, mapped(capitalize)},
	"join":         {[]param{required("iterable")}, joinMethod},
	"find":         {[]param{required("sub")}, finding(strings.Index)},
	"rfind":        {[]param{required("sub")}, finding(strings.LastIndex)},
	"count":        {[]param{required("sub")}, countMethod},
	"isdigit":      {nil, every(func(r rune) bool { return unicode.Is(unicode.Nd, r) })},
	"isalpha":      {nil, every(unicode.IsLetter)},
	"isalnum":      {nil, every(func(r rune) bool { return unicode.IsLetter(r) || unicode.Is(unicode.N, r) })},
	"isspace":      {nil, every(isSpace)},
}

var dictMethods = map[string]method{
	"get": {[]param{required("key"), optional("default", nil)}, func(_ *machine, of value, a []value) (value, error) {
		if v, ok := of.(*Dict).get(a[0]); ok {
			return v, nil
		}
		return a[1], nil
	}},
	"keys":   {nil, func(m *machine, of value, _ []value) (value, error) { return viewOf(m, of.(*Dict).keys) }},
	"values": {nil, func(m *machine, of value, _ []value) (value, error) { return viewOf(m, of.(*Dict).values) }},
	"items":  {nil, func(m *machine, of value, _ []value) (value, error) { return pairs(m, of.(*Dict), view) }},
}

var listMethods = map[string]method{
	"index": {[]param{required("value")}, func(_ *machine, of value, a []value) (value, error) {
		for i, item := range of.(*list).items {
			if equal(item, a[0]) {
				return int64(i), nil
			}
		}
		return nil, fmt.Errorf("the value is not in the list")
	}},
	"count": {[]param{required("value")}, func(_ *machine, of value, a []value) (value, error) {
		n := int64(0)
		for _, item := range of.(*list).items {
			if equal(item, a[0]) {
				n++
			}
		}
		return n, nil
	}},
}

// changing names the methods that Python has but a template may not call.
var changing = []string{"append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "update", "setdefault", "popitem"}

// isMethod reports whether a call of .name() can work on anything.
func isMethod(name string) bool {
	for _, methods := range []map[string]method{stringMethods, dictMethods, listMethods} {
		if _, ok := methods[name]; ok {
			return true
		}
	}
	return name == "cycle" || name == "changed"
}

// methodOf returns a value's method, nil when it has none of that name.
func methodOf(of value, name string) value {
	var methods map[string]method
	switch of := of.(type) {
	case string, safe:
		methods = stringMethods
	case *Dict:
		methods = dictMethods
	case *list:
		if !of.indexed() {
			return nil
		}
		methods = listMethods
	default:
		return nil
	}
	if f, ok := methods[name]; ok {
		if s, ok := of.(safe); ok {
			of = string(s)
		}
		return &callable{name, func(m *machine, a arguments) (value, error) {
			bound, err := bind("the method "+name, f.params, a)
			if err != nil {
				return nil, err
			}
			if err := m.spend(1 + sizeOf(of)/bytesAStep); err != nil {
				return nil, err
			}
			return f.call(m, of, bound)
		}}
	}
	if _, isString := of.(string); !isString && indexOf(changing, name) >= 0 {
		return &callable{name, func(*machine, arguments) (value, error) {
			return nil, fmt.Errorf("a template cannot change its data, so .%s() is refused", name)
		}}
	}
	return nil
}

func listOf(m *machine, items []value) (value, error) {
	return &list{items: append([]value(nil), items...)}, m.spend(len(items))
}

func viewOf(m *machine, items []value) (value, error) {
	return &list{items: append([]value(nil), items...), form: view}, m.spend(len(items))
}

func pairs(m *machine, d *Dict, f form) (value, error) {
	out := &list{form: f}
	for i, k := range d.keys {
		out.items = append(out.items, &list{items: []value{k, d.values[i]}, form: tuple})
	}
	return out, m.spend(2 * len(out.items))
}

type methodCall = func(m *machine, of value, a []value) (value, error)

func stripper(left, right bool) methodCall {
	return func(m *machine, of value, a []value) (value, error) {
		s, err := strip(of.(string), a[0], left, right)
		if err != nil {
			return nil, err
		}
		return m.made(s)
	}
}

// strip is Python's strip: chars nil means white space.
func strip(s string, chars value, left, right bool) (string, error) {
	drop := isSpace
	if chars != nil {
		set, err := wantString("strip", chars)
		if err != nil {
			return "", err
		}
		drop = func(r rune) bool { return strings.ContainsRune(set, r) }
	}
	if left {
		s = strings.TrimLeftFunc(s, drop)
	}
	if right {
		s = strings.TrimRightFunc(s, drop)
	}
	return s, nil
}

func stringList(m *machine, parts []string) (value, error) {
	out := &list{items: make([]value, len(parts))}
	size := 0
	for i, p := range parts {
		out.items[i] = p
		size += len(p)
	}
	return out, m.spend(len(parts) + size/bytesAStep)
}

func splitString(m *machine, of value, a []value) (value, error) {
	most, err := wantInt("split", a[1])
	if err != nil {
		return nil, err
	}
	if a[0] == nil {
		return stringList(m, splitSpace(of.(string), most))
	}
	sep, err := separator(a[0])
	if err != nil {
		return nil, err
	}
	if most < 0 || most >= int64(len(of.(string))) {
		return stringList(m, strings.Split(of.(string), sep))
	}
	return stringList(m, strings.SplitN(of.(string), sep, int(most)+1))
}

func separator(v value) (string, error) {
	sep, err := wantString("split", v)
	if err == nil && sep == "" {
		err = fmt.Errorf("split got an empty separator")
	}
	return sep, err
}

// splitSpace splits at runs of white space, at most most times; what is left keeps its spaces inside and after.
func splitSpace(s string, most int64) []string {
	var out []string
	for {
		s = strings.TrimLeftFunc(s, isSpace)
		if s == "" {
			return out
		}
		end := strings.IndexFunc(s, isSpace)
		if end < 0 || most >= 0 && int64(len(out)) >= most {
			return append(out, s)
		}
		out, s = append(out, s[:end]), s[end:]
	}
}

func rsplitString(m *machine, of value, a []value) (value, error) {
	most, err := wantInt("rsplit", a[1])
	if err != nil {
		return nil, err
	}
	if a[0] == nil {
		if most >= 0 {
			return nil, fmt.Errorf("rsplit at white space with a limit is not supported")
		}
		return stringList(m, splitSpace(of.(string), -1))
	}
	sep, err := separator(a[0])
	if err != nil {
		return nil, err
	}
	s := of.(string)
	var tail []string
	for most < 0 || int64(len(tail)) < most {
		i := strings.LastIndex(s, sep)
		if i < 0 {
			break
		}
		tail = append(tail, s[i+len(sep):])
		s = s[:i]
	}
	out := []string{s}
	for i := len(tail) - 1; i >= 0; i-- {
		out = append(out, tail[i])
	}
	return stringList(m, out)
}

func splitLines(m *machine, of value, a []value) (value, error) {
	return stringList(m, lines(of.(string), truth(a[0])))
}

// lines is str.splitlines.
func lines(s string, keepEnds bool) []string {
	var out []string
	for s != "" {
		end := strings.IndexAny(s, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if end < 0 {
			out = append(out, s)
			break
		}
		_, size := utf8.DecodeRuneInString(s[end:])
		if strings.HasPrefix(s[end:], "\r\n") {
			size = 2
		}
		if keepEnds {
			out = append(out, s[:end+size])
		} else {
			out = append(out, s[:end])
		}
		s = s[end+size:]
	}
	return out
}

func affix(has func(s, part string) bool) methodCall {
	return func(_ *machine, of value, a []value) (value, error) {
		options := []value{a[0]}
		if l, ok := a[0].(*list); ok && l.form == tuple {
			options = l.items
		}
		for _, o := range options {
			part, err := wantString("startswith and endswith", o)
			if err != nil {
				return nil, err
			}
			if has(of.(string), part) {
				return true, nil
			}
		}
		return false, nil
	}
}

func cutting(cut func(s, part string) string) methodCall {
	return func(m *machine, of value, a []value) (value, error) {
		part, err := wantString("removeprefix and removesuffix", a[0])
		if err != nil {
			return nil, err
		}
		return m.made(cut(of.(string), part))
	}
}

func replaceMethod(m *machine, of value, a []value) (value, error) {
	return replaceIn(m, of.(string), a[0], a[1], a[2])
}

func replaceIn(m *machine, s string, from, to, count value) (value, error) {
	old, err := wantString("replace", from)
	if err != nil {
		return nil, err
	}
	with, err := wantString("replace", to)
	if err != nil {
		return nil, err
	}
	n, err := wantInt("replace", count)
	if err != nil {
		return nil, err
	}
	hits := int64(strings.Count(s, old))
	if n >= 0 {
		hits = min(hits, n)
	}
	if int64(len(s))+hits*int64(len(with)) > maxOutput {
		return nil, fmt.Errorf("the result of replace is over the limit of %d bytes", maxOutput)
	}
	return m.made(strings.Replace(s, old, with, int(hits)))
}

func mapped(f func(string) string) methodCall {
	return func(m *machine, of value, _ []value) (value, error) { return m.made(f(of.(string))) }
}

func joinMethod(m *machine, of value, a []value) (value, error) {
	items, err := iterate(a[0])
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if _, err := wantString("join", item); err != nil {
			return nil, err
		}
	}
	return joined(m, items, of.(string))
}

// joined writes items with a separator between.
func joined(m *machine, items []value, sep string) (value, error) {
	var out strings.Builder
	for i, item := range items {
		if i > 0 {
			out.WriteString(sep)
		}
		text, err := display(item)
		if err != nil {
			return nil, err
		}
		out.WriteString(text)
		if out.Len() > maxOutput {
			return nil, fmt.Errorf("the result of join is over the limit of %d bytes", maxOutput)
		}
	}
	if err := m.spend(len(items)); err != nil {
		return nil, err
	}
	return m.made(out.String())
}

func finding(find func(s, sub string) int) methodCall {
	return func(_ *machine, of value, a []value) (value, error) {
		sub, err := wantString("find", a[0])
		if err != nil {
			return nil, err
		}
		i := find(of.(string), sub)
		if i < 0 {
			return int64(-1), nil
		}
		return int64(utf8.RuneCountInString(of.(string)[:i])), nil
	}
}

func countMethod(_ *machine, of value, a []value) (value, error) {
	sub, err := wantString("count", a[0])
	return int64(strings.Count(of.(string), sub)), err
}

func every(is func(rune) bool) methodCall {
	return func(_ *machine, of value, _ []value) (value, error) {
		for _, r := range of.(string) {
			if !is(r) {
				return false, nil
			}
		}
		return of.(string) != "", nil
	}
}
