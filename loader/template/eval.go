package template

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
)

// arguments of a call.
type arguments struct {
	pos   []value
	named []namedValue
}

type namedValue struct {
	name string
	v    value
}

func (c constant) eval(*machine, *scope) (value, error) { return c.v, nil }

func (v variable) eval(m *machine, s *scope) (value, error) { return m.lookup(s, v.name), m.spend(1) }

func evalAll(m *machine, s *scope, es []expr) ([]value, error) {
	out := make([]value, len(es))
	for i, e := range es {
		v, err := e.eval(m, s)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, m.spend(len(es))
}

func (l listNode) eval(m *machine, s *scope) (value, error) {
	items, err := evalAll(m, s, l.items)
	return &list{items: items}, err
}

func (l tupleNode) eval(m *machine, s *scope) (value, error) {
	items, err := evalAll(m, s, l.items)
	return &list{items: items, form: tuple}, err
}

func (d dictNode) eval(m *machine, s *scope) (value, error) {
	keys, err := evalAll(m, s, d.keys)
	if err != nil {
		return nil, err
	}
	values, err := evalAll(m, s, d.values)
	if err != nil {
		return nil, err
	}
	out := &Dict{}
	for i, k := range keys {
		if !out.put(k, values[i]) {
			return nil, fmt.Errorf("a %s cannot be a key", typeName(k))
		}
	}
	return out, nil
}

func (a attribute) eval(m *machine, s *scope) (value, error) {
	of, err := a.of.eval(m, s)
	if err != nil {
		return nil, err
	}
	v, err := m.attribute(of, a.name)
	return v, at(a.line, err)
}

// attribute is Jinja's of.name: a method comes before a key.
func (m *machine) attribute(of value, name string) (value, error) {
	if err := m.spend(1); err != nil {
		return nil, err
	}
	if u, ok := of.(undefined); ok {
		return nil, fmt.Errorf("%s is undefined, so it has no %q", u.describe(), name)
	}
	if strings.HasPrefix(name, "_") {
		return nil, fmt.Errorf("names that begin with an underscore are out of reach: %q", name)
	}
	if method := methodOf(of, name); method != nil {
		return method, nil
	}
	switch of := of.(type) {
	case *Dict:
		if v, ok := of.get(name); ok {
			return v, nil
		}
	case *namespace:
		if v, ok := of.fields.get(name); ok {
			return v, nil
		}
	case *loopState:
		return of.field(name)
	}
	return undefined{name}, nil
}

func (u undefined) describe() string {
	if u.what == "" {
		return "a value"
	}
	return fmt.Sprintf("%q", u.what)
}

func (n subscript) eval(m *machine, s *scope) (value, error) {
	of, err := n.of.eval(m, s)
	if err != nil {
		return nil, err
	}
	key, err := n.key.eval(m, s)
	if err != nil {
		return nil, err
	}
	v, err := m.item(of, key)
	return v, at(n.line, err)
}

// item is Jinja's of[key]: a key comes before a method.
func (m *machine) item(of, key value) (value, error) {
	if err := m.spend(1); err != nil {
		return nil, err
	}
	if u, ok := of.(undefined); ok {
		return nil, fmt.Errorf("%s is undefined, so nothing can be taken from it", u.describe())
	}
	if d, ok := of.(*Dict); ok {
		if v, ok := d.get(key); ok {
			return v, nil
		}
	}
	if _, i, isInt, ok := number(key); ok && isInt {
		switch of := of.(type) {
		case *list:
			if i < 0 {
				i += int64(len(of.items))
			}
			if of.indexed() && i >= 0 && i < int64(len(of.items)) {
				return of.items[i], nil
			}
		case string:
			runes := []rune(of)
			if i < 0 {
				i += int64(len(runes))
			}
			if i >= 0 && i < int64(len(runes)) {
				return string(runes[i]), m.spend(len(of) / bytesAStep)
			}
		}
	}
	if name, ok := stringOf(key); ok {
		if strings.HasPrefix(name, "_") {
			return nil, fmt.Errorf("names that begin with an underscore are out of reach: %q", shorten(name))
		}
		if method := methodOf(of, name); method != nil {
			return method, nil
		}
		switch of := of.(type) {
		case *namespace:
			if v, ok := of.fields.get(name); ok {
				return v, nil
			}
		case *loopState:
			return of.field(name)
		}
	}
	what, _ := stringOf(key)
	return undefined{what}, nil
}

func (n slice) eval(m *machine, s *scope) (value, error) {
	of, err := n.of.eval(m, s)
	if err != nil {
		return nil, err
	}
	var bounds [3]*int64
	for i, e := range [3]expr{n.from, n.to, n.step} {
		if e == nil {
			continue
		}
		v, err := e.eval(m, s)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		_, k, isInt, ok := number(v)
		if !ok || !isInt {
			return nil, at(n.line, fmt.Errorf("a slice needs whole numbers, not a %s", typeName(v)))
		}
		bounds[i] = &k
	}
	if bounds[2] != nil && *bounds[2] == 0 {
		return nil, at(n.line, fmt.Errorf("the step of a slice is 0"))
	}
	switch of := of.(type) {
	case *list:
		if !of.indexed() {
			break
		}
		out := &list{form: of.form}
		for _, i := range sliceIndexes(len(of.items), bounds) {
			out.items = append(out.items, of.items[i])
		}
		return out, at(n.line, m.spend(1+len(out.items)))
	case string, safe:
		text, _ := stringOf(of)
		runes := []rune(text)
		var out strings.Builder
		for _, i := range sliceIndexes(len(runes), bounds) {
			out.WriteRune(runes[i])
		}
		v, err := m.made(out.String())
		if err == nil {
			err = m.spend(len(text) / bytesAStep)
		}
		return v, at(n.line, err)
	case undefined:
		return nil, at(n.line, fmt.Errorf("%s is undefined, so it cannot be sliced", of.describe()))
	}
	return nil, at(n.line, fmt.Errorf("a %s cannot be sliced", typeName(of)))
}

// sliceIndexes are the positions that Python's slice takes of n items.
func sliceIndexes(n int, bounds [3]*int64) []int {
	step := int64(1)
	if bounds[2] != nil {
		step = *bounds[2]
	}
	low, high := int64(0), int64(n)
	if step < 0 {
		low, high = -1, int64(n)-1
	}
	clip := func(b *int64, missing int64) int64 {
		if b == nil {
			return missing
		}
		i := *b
		if i < 0 {
			i += int64(n)
		}
		return min(max(i, low), high)
	}
	var out []int
	if step > 0 {
		from, to := clip(bounds[0], low), clip(bounds[1], high)
		for i := from; i < to; i += min(step, int64(n)+1) {
			out = append(out, int(i))
		}
		return out
	}
	from, to := clip(bounds[0], high), clip(bounds[1], low)
	for i := from; i > to; i += max(step, -int64(n)-1) {
		out = append(out, int(i))
	}
	return out
}

func evalArguments(m *machine, s *scope, pos []expr, named []namedExpr) (a arguments, err error) {
	if a.pos, err = evalAll(m, s, pos); err != nil {
		return a, err
	}
	for _, n := range named {
		v, err := n.of.eval(m, s)
		if err != nil {
			return a, err
		}
		a.named = append(a.named, namedValue{n.name, v})
	}
	return a, m.spend(1)
}

func (c callNode) eval(m *machine, s *scope) (value, error) {
	fn, err := c.fn.eval(m, s)
	if err != nil {
		return nil, err
	}
	a, err := evalArguments(m, s, c.pos, c.named)
	if err != nil {
		return nil, err
	}
	switch fn := fn.(type) {
	case *callable:
		v, err := fn.call(m, a)
		return v, at(c.line, err)
	case undefined:
		if fn.what == "strftime_now" {
			return nil, at(c.line, fmt.Errorf("the template asks for the date (strftime_now), but none is set; set one so that runs repeat"))
		}
		return nil, at(c.line, fmt.Errorf("%s is undefined, so it cannot be called", fn.describe()))
	}
	return nil, at(c.line, fmt.Errorf("a %s cannot be called", typeName(fn)))
}

func (f *filterNode) eval(m *machine, s *scope) (value, error) {
	v, err := f.of.eval(m, s)
	if err != nil {
		return nil, err
	}
	v, err = f.apply(m, s, v)
	return v, at(f.line, err)
}

func (f *filterNode) apply(m *machine, s *scope, v value) (value, error) {
	a, err := evalArguments(m, s, f.pos, f.named)
	if err != nil {
		return nil, err
	}
	return filters[f.name].apply(m, v, a)
}

func (n *testNode) eval(m *machine, s *scope) (value, error) {
	v, err := n.of.eval(m, s)
	if err != nil {
		return nil, err
	}
	args, err := evalAll(m, s, n.args)
	if err != nil {
		return nil, err
	}
	ok, err := tests[n.name].run(v, args)
	return ok != n.not, at(n.line, err)
}

func (u unary) eval(m *machine, s *scope) (value, error) {
	v, err := u.of.eval(m, s)
	if err != nil {
		return nil, err
	}
	if u.op == "not" {
		return !truth(v), nil
	}
	f, i, isInt, ok := number(v)
	switch {
	case !ok:
		return nil, at(u.line, fmt.Errorf("%q cannot be applied to a %s", u.op, typeName(v)))
	case isInt && u.op == "-" && i == math.MinInt64:
		return nil, at(u.line, errOverflow)
	case isInt && u.op == "-":
		return -i, nil
	case isInt:
		return i, nil
	case u.op == "-":
		return -f, nil
	}
	return f, nil
}

func (l logical) eval(m *machine, s *scope) (value, error) {
	v, err := l.left.eval(m, s)
	if err != nil || truth(v) == l.or {
		return v, err
	}
	return l.right.eval(m, s)
}

func (c conditional) eval(m *machine, s *scope) (value, error) {
	v, err := c.test.eval(m, s)
	if err != nil {
		return nil, err
	}
	if truth(v) {
		return c.then.eval(m, s)
	}
	if c.otherwise == nil {
		return undefined{}, nil
	}
	return c.otherwise.eval(m, s)
}

func (c concat) eval(m *machine, s *scope) (value, error) {
	var out strings.Builder
	for _, p := range c.parts {
		v, err := p.eval(m, s)
		if err != nil {
			return nil, err
		}
		text, err := display(v)
		if err != nil {
			return nil, err
		}
		out.WriteString(text)
	}
	return m.made(out.String())
}

func (c comparison) eval(m *machine, s *scope) (value, error) {
	left, err := c.first.eval(m, s)
	if err != nil {
		return nil, err
	}
	for i, op := range c.ops {
		right, err := c.rest[i].eval(m, s)
		if err != nil {
			return nil, err
		}
		ok, err := compareValues(op, left, right)
		if err == nil {
			err = m.spend(1 + sizeOf(right)/bytesAStep)
		}
		if err != nil || !ok {
			return false, at(c.line, err)
		}
		left = right
	}
	return true, nil
}

func sizeOf(v value) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case *list:
		return len(v.items)
	}
	return 0
}

func compareValues(op string, a, b value) (bool, error) {
	switch op {
	case "==":
		return equal(a, b), nil
	case "!=":
		return !equal(a, b), nil
	case "in":
		return contains(b, a)
	case "not in":
		in, err := contains(b, a)
		return !in, err
	}
	if u, ok := a.(undefined); ok {
		return false, fmt.Errorf("%s is undefined, so it cannot be compared", u.describe())
	}
	sign, err := order(a, b)
	switch op {
	case "<":
		return sign < 0, err
	case "<=":
		return sign <= 0, err
	case ">":
		return sign > 0, err
	}
	return sign >= 0, err
}

func contains(container, v value) (bool, error) {
	if text, ok := stringOf(container); ok {
		part, ok := stringOf(v)
		if !ok {
			return false, fmt.Errorf("\"in\" a string needs a string on its left, not a %s", typeName(v))
		}
		return strings.Contains(text, part), nil
	}
	switch c := container.(type) {
	case *Dict:
		l, isList := v.(*list)
		if isType[*Dict](v) || isList && l.form == plainList {
			return false, fmt.Errorf("a %s cannot be a key", typeName(v))
		}
		_, ok := c.get(v)
		return ok, nil
	case *list:
		items, _ := iterate(c)
		for _, item := range items {
			if equal(item, v) {
				return true, nil
			}
		}
		return false, nil
	case undefined:
		return false, nil
	}
	return false, fmt.Errorf("\"in\" cannot look into a %s", typeName(container))
}

var errOverflow = fmt.Errorf("a number is larger than 64 bits hold")

func (b binary) eval(m *machine, s *scope) (value, error) {
	x, err := b.left.eval(m, s)
	if err != nil {
		return nil, err
	}
	y, err := b.right.eval(m, s)
	if err != nil {
		return nil, err
	}
	v, err := m.arithmetic(b.op, x, y)
	return v, at(b.line, err)
}

func (m *machine) arithmetic(op string, x, y value) (value, error) {
	if err := m.spend(1); err != nil {
		return nil, err
	}
	f, i, fInt, ok := number(x)
	g, j, gInt, both := number(y)
	switch {
	case ok && both && fInt && gInt && op != "/":
		return integers(op, i, j)
	case ok && both:
		return floats(op, f, g)
	}
	if a, ok := x.(string); ok {
		b, both := y.(string)
		switch {
		case op == "+" && both:
			return m.made(a + b)
		case op == "*" && gInt:
			return m.repeat(a, j)
		case op == "%":
			return m.percent(a, y)
		}
	}
	a, aList := x.(*list)
	b, bList := y.(*list)
	switch {
	case op == "+" && aList && bList && a.form == b.form && a.form <= tuple:
		items := append(append([]value(nil), a.items...), b.items...)
		return &list{items: items, form: a.form}, m.spend(len(items))
	case op == "*" && aList && gInt && a.form <= tuple:
		if n := int64(len(a.items)); n > 0 && j > maxSteps/n {
			return nil, errSteps
		}
		out := &list{form: a.form}
		for ; j > 0; j-- {
			out.items = append(out.items, a.items...)
		}
		return out, m.spend(len(out.items))
	case op == "*" && fInt:
		if _, ok := y.(string); ok || bList {
			return m.arithmetic(op, y, x)
		}
	}
	for _, v := range [2]value{x, y} {
		if u, ok := v.(undefined); ok {
			return nil, fmt.Errorf("%s is undefined, so %q cannot be applied to it", u.describe(), op)
		}
	}
	return nil, fmt.Errorf("%q cannot be applied to a %s and a %s", op, typeName(x), typeName(y))
}

func (m *machine) repeat(s string, n int64) (value, error) {
	if n <= 0 || s == "" {
		return "", nil
	}
	if n > maxOutput/int64(len(s)) {
		return nil, fmt.Errorf("a repeated string is over the limit of %d bytes", maxOutput)
	}
	return m.made(strings.Repeat(s, int(n)))
}

// integers computes on Python integers that fit into 64 bits.
func integers(op string, i, j int64) (value, error) {
	switch op {
	case "+":
		if r := i + j; (r > i) == (j > 0) {
			return r, nil
		}
		return nil, errOverflow
	case "-":
		if r := i - j; (r < i) == (j > 0) {
			return r, nil
		}
		return nil, errOverflow
	case "*":
		high, low := bits.Mul64(magnitude(i), magnitude(j))
		if high != 0 || low > math.MaxInt64 {
			return nil, errOverflow
		}
		return i * j, nil
	case "**":
		return power(i, j)
	}
	if j == 0 {
		return nil, fmt.Errorf("division by zero")
	}
	if i == math.MinInt64 {
		return nil, errOverflow
	}
	quotient, rest := i/j, i%j
	if rest != 0 && (rest < 0) != (j < 0) {
		quotient, rest = quotient-1, rest+j
	}
	if op == "//" {
		return quotient, nil
	}
	return rest, nil
}

func magnitude(i int64) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

func power(i, j int64) (value, error) {
	if j < 0 {
		return floats("**", float64(i), float64(j))
	}
	result := value(int64(1))
	for ; j > 0; j-- {
		var err error
		if result, err = integers("*", result.(int64), i); err != nil {
			return nil, err
		}
		if i == 0 || i == 1 || i == -1 { // the rest only changes the sign
			if i == -1 && j%2 == 0 {
				return int64(1), nil
			}
			return result, nil
		}
	}
	return result, nil
}

func floats(op string, f, g float64) (value, error) {
	switch op {
	case "+":
		return f + g, nil
	case "-":
		return f - g, nil
	case "*":
		return f * g, nil
	case "**":
		if f == 0 && g < 0 {
			return nil, fmt.Errorf("zero to a negative power")
		}
		r := math.Pow(f, g)
		if math.IsNaN(r) || math.IsInf(r, 0) {
			return nil, fmt.Errorf("the power is no finite number")
		}
		return r, nil
	}
	if g == 0 {
		return nil, fmt.Errorf("division by zero")
	}
	if op == "/" {
		return f / g, nil
	}
	rest := math.Mod(f, g)
	quotient := (f - rest) / g
	if rest == 0 {
		rest = math.Copysign(0, g)
	} else if (rest < 0) != (g < 0) {
		rest, quotient = rest+g, quotient-1
	}
	if op == "%" {
		return rest, nil
	}
	if quotient == 0 {
		return math.Copysign(0, f/g), nil
	}
	return math.Round(quotient), nil
}
