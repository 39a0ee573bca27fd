package template

import (
	"fmt"
	"strings"
)

// test is what stands after "is".
type test struct {
	args int
	run  func(v value, a []value) (bool, error)
}

func is(check func(v value) bool) test {
	return test{0, func(v value, _ []value) (bool, error) { return check(v), nil }}
}

func compares(op string) test {
	return test{1, func(v value, a []value) (bool, error) { return compareValues(op, v, a[0]) }}
}

// remainder tests what is left of a division, as Python's %.
func remainder(fn string, args int, want float64) test {
	return test{args, func(v value, a []value) (bool, error) {
		divisor := value(int64(2))
		if args == 1 {
			divisor = a[0]
		}
		f, i, fInt, ok := number(v)
		g, j, gInt, both := number(divisor)
		if !ok || !both {
			return false, fmt.Errorf("%s needs numbers, not a %s and a %s", fn, typeName(v), typeName(divisor))
		}
		var rest value
		var err error
		if fInt && gInt {
			rest, err = integers("%", i, j)
		} else {
			rest, err = floats("%", f, g)
		}
		left, _, _, _ := number(rest)
		return left == want, err
	}}
}

func isType[T any](v value) bool {
	_, ok := v.(T)
	return ok
}

func isIndexed(v value) bool {
	l, ok := v.(*list)
	return ok && l.indexed()
}

func isText(v value) bool {
	_, ok := stringOf(v)
	return ok
}

var tests = map[string]test{
	"boolean":     is(isType[bool]),
	"callable":    is(func(v value) bool { return isType[*callable](v) || isType[undefined](v) }),
	"defined":     is(func(v value) bool { return !isType[undefined](v) }),
	"undefined":   is(isType[undefined]),
	"none":        is(func(v value) bool { return v == nil }),
	"true":        is(func(v value) bool { return v == true }),
	"false":       is(func(v value) bool { return v == false }),
	"string":      is(isText),
	"mapping":     is(isType[*Dict]),
	"integer":     is(isType[int64]),
	"float":       is(isType[float64]),
	"number":      is(func(v value) bool { _, _, _, ok := number(v); return ok }),
	"sequence":    is(func(v value) bool { return isText(v) || isIndexed(v) || isType[*Dict](v) || isType[undefined](v) }),
	"iterable":    is(func(v value) bool { return isText(v) || isType[*list](v) || isType[*Dict](v) || isType[undefined](v) }),
	"lower":       is(func(v value) bool { s, err := display(v); return err == nil && s == lower(s) && s != upper(s) }),
	"upper":       is(func(v value) bool { s, err := display(v); return err == nil && s == upper(s) && s != lower(s) }),
	"odd":         remainder("odd", 0, 1),
	"even":        remainder("even", 0, 0),
	"divisibleby": remainder("divisibleby", 1, 0),
	"in":          compares("in"),
	"eq":          compares("=="), "equalto": compares("=="), "==": compares("=="),
	"ne": compares("!="), "!=": compares("!="),
	"lt": compares("<"), "lessthan": compares("<"), "<": compares("<"),
	"le": compares("<="), "<=": compares("<="),
	"gt": compares(">"), "greaterthan": compares(">"), ">": compares(">"),
	"ge": compares(">="), ">=": compares(">="),
}

// percent is Python's s % values for %s, %d and %%.
func (m *machine) percent(format string, values value) (value, error) {
	items := []value{values}
	if l, ok := values.(*list); ok && l.form == tuple {
		items = l.items
	}
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		i++
		if i < len(format) && format[i] == '%' {
			out.WriteByte('%')
			continue
		}
		if i == len(format) || format[i] != 's' && format[i] != 'd' {
			return nil, fmt.Errorf("only %%s, %%d and %%%% are supported in a format")
		}
		if len(items) == 0 {
			return nil, fmt.Errorf("the format needs more values")
		}
		_, _, isInt, _ := number(items[0])
		if format[i] == 'd' && !isInt {
			return nil, fmt.Errorf("%%d needs a whole number, not a %s", typeName(items[0]))
		}
		v := items[0]
		if b, ok := v.(bool); ok && format[i] == 'd' {
			v = map[bool]value{true: int64(1), false: int64(0)}[b]
		}
		text, err := display(v)
		if err != nil {
			return nil, err
		}
		out.WriteString(text)
		items = items[1:]
	}
	if l, ok := values.(*list); len(items) > 0 && !isType[*Dict](values) && !isType[undefined](values) && !(ok && l.form != tuple) {
		return nil, fmt.Errorf("the format does not use all its values")
	}
	return m.made(out.String())
}

func formatFilter(m *machine, v value, a arguments) (value, error) {
	s, err := display(v)
	if err != nil {
		return nil, err
	}
	if len(a.named) > 0 {
		return nil, fmt.Errorf("the filter format takes no named arguments here")
	}
	return m.percent(s, &list{items: a.pos, form: tuple})
}
