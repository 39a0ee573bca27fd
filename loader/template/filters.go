package template

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// filter is a Jinja filter. variadic ones take any arguments and read them themselves.
type filter struct {
	params   []param
	variadic bool
	call     func(m *machine, v value, a []value) (value, error)
	free     func(m *machine, v value, a arguments) (value, error)
}

// check looks at the number and names of arguments before anything runs; it returns what is wrong.
func (f filter) check(pos int, named []namedExpr) string {
	if f.variadic {
		return ""
	}
	a := arguments{pos: make([]value, pos)}
	for _, n := range named {
		a.named = append(a.named, namedValue{name: n.name})
	}
	if _, err := bind("it", f.params, a); err != nil {
		return err.Error()
	}
	return ""
}

func (f filter) apply(m *machine, v value, a arguments) (value, error) {
	if err := m.spend(1 + sizeOf(v)/bytesAStep); err != nil {
		return nil, err
	}
	if f.variadic {
		return f.free(m, v, a)
	}
	bound, err := bind("the filter", f.params, a)
	if err != nil {
		return nil, err
	}
	return f.call(m, v, bound)
}

var filters map[string]filter

func init() { // map, select and reject look their operation up in the table itself
	filters = map[string]filter{
		"abs":        {call: absolute},
		"capitalize": {call: textFilter(capitalize)},
		"count":      {call: length},
		"d":          {params: []param{optional("default_value", ""), optional("boolean", false)}, call: defaultFilter},
		"default":    {params: []param{optional("default_value", ""), optional("boolean", false)}, call: defaultFilter},
		"dictsort":   {params: []param{optional("case_sensitive", false), optional("by", "key"), optional("reverse", false)}, call: dictSort},
		"first":      {call: first},
		"float":      {params: []param{optional("default", 0.0)}, call: toFloat},
		"format":     {variadic: true, free: formatFilter},
		"indent":     {params: []param{optional("width", int64(4)), optional("first", false), optional("blank", false)}, call: indentFilter},
		"int":        {params: []param{optional("default", int64(0))}, call: toInt},
		"items":      {call: itemsFilter},
		"join":       {params: []param{optional("d", ""), optional("attribute", nil)}, call: joinFilter},
		"last":       {call: last},
		"length":     {call: length},
		"list":       {call: toList},
		"lower":      {call: textFilter(lower)},
		"map":        {variadic: true, free: mapFilter},
		"max":        {params: []param{optional("case_sensitive", false)}, call: extreme(1)},
		"min":        {params: []param{optional("case_sensitive", false)}, call: extreme(-1)},
		"reject":     {variadic: true, free: chooser(false, false)},
		"rejectattr": {variadic: true, free: chooser(true, false)},
		"replace":    {params: []param{required("old"), required("new"), optional("count", nil)}, call: replaceFilter},
		"reverse":    {call: reverse},
		"round":      {params: []param{optional("precision", int64(0))}, call: round},
		"safe":       {call: markSafe},
		"select":     {variadic: true, free: chooser(false, true)},
		"selectattr": {variadic: true, free: chooser(true, true)},
		"sort":       {params: []param{optional("reverse", false), optional("case_sensitive", false), optional("attribute", nil)}, call: sortFilter},
		"string":     {call: func(m *machine, v value, _ []value) (value, error) { return asText(m, v) }},
		"sum":        {call: sum},
		"title":      {call: textFilter(titleFilter)},
		"tojson":     {params: []param{optional("ensure_ascii", false), optional("indent", nil), optional("separators", nil), optional("sort_keys", false)}, call: toJSON},
		"trim":       {params: []param{optional("chars", nil)}, call: trim},
		"unique":     {params: []param{optional("case_sensitive", false)}, call: unique},
		"upper":      {call: textFilter(upper)},
	}
}

func asText(m *machine, v value) (value, error) {
	s, err := display(v)
	if err != nil {
		return nil, err
	}
	return m.made(s)
}

func textFilter(f func(string) string) func(*machine, value, []value) (value, error) {
	return func(m *machine, v value, _ []value) (value, error) {
		s, err := display(v)
		if err != nil {
			return nil, err
		}
		return m.made(f(s))
	}
}

func trim(m *machine, v value, a []value) (value, error) {
	s, err := display(v)
	if err != nil {
		return nil, err
	}
	if s, err = strip(s, a[0], true, true); err != nil {
		return nil, err
	}
	return m.made(s)
}

func replaceFilter(m *machine, v value, a []value) (value, error) {
	s, err := display(v)
	if err != nil {
		return nil, err
	}
	count := a[2]
	if count == nil {
		count = int64(-1)
	}
	return replaceIn(m, s, a[0], a[1], count)
}

func length(_ *machine, v value, _ []value) (value, error) {
	switch v := v.(type) {
	case string:
		return int64(utf8.RuneCountInString(v)), nil
	case safe:
		return int64(utf8.RuneCountInString(string(v))), nil
	case *list:
		if v.form != lazy {
			return int64(len(v.items)), nil
		}
	case *Dict:
		return int64(len(v.keys)), nil
	case undefined:
		return int64(0), nil
	}
	return nil, fmt.Errorf("a %s has no length", typeName(v))
}

func defaultFilter(_ *machine, v value, a []value) (value, error) {
	if _, missing := v.(undefined); missing || truth(a[1]) && !truth(v) {
		return a[0], nil
	}
	return v, nil
}

func first(_ *machine, v value, _ []value) (value, error) { return end1(v, true) }

func last(_ *machine, v value, _ []value) (value, error) { return end1(v, false) }

func end1(v value, first bool) (value, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return undefined{"the item of an empty sequence"}, nil
	}
	if first {
		return items[0], nil
	}
	return items[len(items)-1], nil
}

func toList(m *machine, v value, _ []value) (value, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	return listOf(m, items)
}

func itemsFilter(m *machine, v value, _ []value) (value, error) {
	switch v := v.(type) {
	case *Dict:
		return pairs(m, v, lazy)
	case undefined:
		return &list{form: lazy}, nil
	}
	return nil, fmt.Errorf("the filter items needs a dict, not a %s", typeName(v))
}

func joinFilter(m *machine, v value, a []value) (value, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	sep, err := display(a[0])
	if err != nil {
		return nil, err
	}
	if a[1] != nil {
		if items, err = eachPath(m, items, a[1]); err != nil {
			return nil, err
		}
	}
	return joined(m, items, sep)
}

// path follows a dotted attribute of a filter's argument.
func path(m *machine, v value, attribute value) (value, error) {
	name, ok := stringOf(attribute)
	if !ok {
		return m.item(v, attribute)
	}
	for _, part := range strings.Split(name, ".") {
		var key value = part
		if n, err := strconv.ParseInt(part, 10, 64); err == nil && n >= 0 {
			key = n
		}
		var err error
		if v, err = m.item(v, key); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func eachPath(m *machine, items []value, attribute value) ([]value, error) {
	out := make([]value, len(items))
	for i, item := range items {
		var err error
		if out[i], err = path(m, item, attribute); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func mapFilter(m *machine, v value, a arguments) (value, error) {
	items, err := iterateTrue(v)
	if err != nil {
		return nil, err
	}
	if len(a.pos) == 0 {
		bound, err := bind("the filter map", []param{required("attribute"), optional("default", undefined{})}, a)
		if err != nil {
			return nil, err
		}
		out, err := eachPath(m, items, bound[0])
		for i := range out {
			if _, missing := out[i].(undefined); missing {
				out[i] = bound[1]
			}
		}
		return &list{items: out, form: lazy}, err
	}
	name, _ := stringOf(a.pos[0])
	f, ok := filters[name]
	if !ok {
		return nil, fmt.Errorf("the filter map needs the name of a filter")
	}
	out := &list{items: make([]value, len(items)), form: lazy}
	for i, item := range items {
		if out.items[i], err = f.apply(m, item, arguments{a.pos[1:], a.named}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// iterateTrue gives nothing for whatever counts as false, a number included.
func iterateTrue(v value) ([]value, error) {
	if !truth(v) {
		return nil, nil
	}
	return iterate(v)
}

// chooser makes select, reject, selectattr and rejectattr.
func chooser(byAttribute, keep bool) func(*machine, value, arguments) (value, error) {
	return func(m *machine, v value, a arguments) (value, error) {
		items, err := iterateTrue(v)
		if err != nil {
			return nil, err
		}
		var attribute value
		if byAttribute {
			if len(a.pos) == 0 {
				return nil, fmt.Errorf("selectattr and rejectattr need the name of an attribute")
			}
			attribute, a.pos = a.pos[0], a.pos[1:]
		}
		test := func(v value) (bool, error) { return truth(v), nil }
		if len(a.pos) > 0 {
			name, _ := stringOf(a.pos[0])
			spec, ok := tests[name]
			if !ok || spec.args != len(a.pos)-1 || len(a.named) > 0 {
				return nil, fmt.Errorf("%q with %d arguments is no test", shorten(name), len(a.pos)-1)
			}
			test = func(v value) (bool, error) { return spec.run(v, a.pos[1:]) }
		}
		out := &list{form: lazy}
		for _, item := range items {
			subject := item
			if byAttribute {
				if subject, err = path(m, item, attribute); err != nil {
					return nil, err
				}
			}
			ok, err := test(subject)
			if err != nil {
				return nil, err
			}
			if ok == keep {
				out.items = append(out.items, item)
			}
		}
		return out, m.spend(len(items))
	}
}

// folded is the key that sorting without case goes by.
func folded(v value, caseSensitive value) value {
	if s, ok := v.(string); ok && !truth(caseSensitive) {
		return lower(s)
	}
	return v
}

// sorted sorts items by keys, stably.
func sorted(items, keys []value, descending bool) ([]value, error) {
	index := make([]int, len(items))
	for i := range index {
		index[i] = i
	}
	var failed error
	sort.SliceStable(index, func(a, b int) bool {
		sign, err := order(keys[index[a]], keys[index[b]])
		if err != nil {
			failed = err
		}
		if descending {
			return sign > 0
		}
		return sign < 0
	})
	out := make([]value, len(items))
	for i, k := range index {
		out[i] = items[k]
	}
	return out, failed
}

func sortFilter(m *machine, v value, a []value) (value, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	keys := append([]value(nil), items...)
	if a[2] != nil {
		if name, _ := stringOf(a[2]); strings.Contains(name, ",") {
			return nil, fmt.Errorf("sorting by several attributes is not supported")
		}
		if keys, err = eachPath(m, items, a[2]); err != nil {
			return nil, err
		}
	}
	for i := range keys {
		keys[i] = &list{items: []value{folded(keys[i], a[1])}} // lists, as in Jinja: equal undefined values have an order then
	}
	out, err := sorted(items, keys, truth(a[0]))
	if err != nil {
		return nil, err
	}
	return &list{items: out}, m.spend(len(out) * 8)
}

func dictSort(m *machine, v value, a []value) (value, error) {
	d, ok := v.(*Dict)
	if !ok {
		return nil, fmt.Errorf("the filter dictsort needs a dict, not a %s", typeName(v))
	}
	by := d.keys
	switch which, _ := stringOf(a[1]); which {
	case "key":
	case "value":
		by = d.values
	default:
		return nil, fmt.Errorf("the filter dictsort sorts by \"key\" or \"value\"")
	}
	keys := make([]value, len(by))
	for i, k := range by {
		keys[i] = folded(k, a[0])
	}
	all, err := pairs(m, d, plainList)
	if err != nil {
		return nil, err
	}
	out, err := sorted(all.(*list).items, keys, truth(a[2]))
	if err != nil {
		return nil, err
	}
	return &list{items: out}, m.spend(len(out) * 8)
}

func unique(m *machine, v value, a []value) (value, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	seen, out := &Dict{}, &list{form: lazy}
	for _, item := range items {
		key := folded(item, a[0])
		if _, known := seen.get(key); known {
			continue
		}
		if !seen.put(key, true) {
			return nil, fmt.Errorf("the filter unique cannot compare a %s", typeName(item))
		}
		out.items = append(out.items, item)
	}
	return out, m.spend(len(items))
}

func reverse(m *machine, v value, _ []value) (value, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	items = append([]value(nil), items...)
	slices.Reverse(items)
	if _, ok := v.(string); ok {
		return joined(m, items, "")
	}
	return &list{items: items, form: lazy}, m.spend(len(items))
}

func extreme(sign int) func(*machine, value, []value) (value, error) {
	return func(_ *machine, v value, a []value) (value, error) {
		items, err := iterate(v)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return undefined{"the item of an empty sequence"}, nil
		}
		best := items[0]
		for _, item := range items[1:] {
			s, err := order(folded(item, a[0]), folded(best, a[0]))
			if err != nil {
				return nil, err
			}
			if s*sign > 0 {
				best = item
			}
		}
		return best, nil
	}
}

func sum(m *machine, v value, _ []value) (value, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	total := value(int64(0))
	for _, item := range items {
		if total, err = m.arithmetic("+", total, item); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func absolute(_ *machine, v value, _ []value) (value, error) {
	f, i, isInt, ok := number(v)
	switch {
	case !ok:
		return nil, fmt.Errorf("the filter abs needs a number, not a %s", typeName(v))
	case isInt && i == math.MinInt64:
		return nil, errOverflow
	case isInt:
		return max(i, -i), nil
	}
	return math.Abs(f), nil
}

func round(_ *machine, v value, a []value) (value, error) {
	f, i, isInt, ok := number(v)
	digits, err := wantInt("round", a[0])
	if err != nil || !ok || digits < 0 || digits > 15 {
		return nil, fmt.Errorf("the filter round needs a number and 0 to 15 digits")
	}
	if isInt {
		return i, nil
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(digits), 64), 64)
	return r, err
}

func toInt(_ *machine, v value, a []value) (value, error) {
	switch v := v.(type) {
	case undefined:
		return nil, fmt.Errorf("%s is undefined, so it is no number", v.describe())
	case string:
		s := strings.TrimFunc(v, isSpace)
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n, nil
		}
		if f, ok := parseFloat(s); ok && !math.IsNaN(f) && math.Abs(f) < 1<<62 {
			return int64(f), nil
		}
		return a[0], nil
	}
	f, i, isInt, ok := number(v)
	switch {
	case isInt:
		return i, nil
	case ok && math.Abs(f) < 1<<62:
		return int64(f), nil
	}
	return a[0], nil
}

func toFloat(_ *machine, v value, a []value) (value, error) {
	switch v := v.(type) {
	case undefined:
		return nil, fmt.Errorf("%s is undefined, so it is no number", v.describe())
	case string:
		if f, ok := parseFloat(strings.TrimFunc(v, isSpace)); ok {
			return f, nil
		}
		return a[0], nil
	}
	if f, _, _, ok := number(v); ok {
		return f, nil
	}
	return a[0], nil
}

func parseFloat(s string) (float64, bool) {
	if strings.ContainsAny(s, "xXpP_") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || math.IsInf(f, 0)
}

func markSafe(_ *machine, v value, _ []value) (value, error) {
	s, err := display(v)
	return safe(s), err
}

// indentFilter puts spaces before each line but the first; lines end as splitlines says, and come back with "\n".
func indentFilter(m *machine, v value, a []value) (value, error) {
	s, err := wantString("indent", v)
	if err != nil {
		return nil, err
	}
	prefix, ok := stringOf(a[0])
	if !ok {
		width, err := wantInt("indent", a[0])
		if err != nil || width > 1000 {
			return nil, fmt.Errorf("the filter indent needs a width of at most 1000")
		}
		prefix = strings.Repeat(" ", int(max(width, 0)))
	}
	lines := lines(s+"\n", false)
	if int64(len(s))+int64(len(lines)+1)*int64(len(prefix)) > maxOutput {
		return nil, fmt.Errorf("the result of indent is over the limit of %d bytes", maxOutput)
	}
	for i, line := range lines {
		if i > 0 && (line != "" || truth(a[2])) || i == 0 && truth(a[1]) {
			lines[i] = prefix + line
		}
	}
	return m.made(strings.Join(lines, "\n"))
}
