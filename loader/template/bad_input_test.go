package template

import (
	"errors"
	"strings"
	"testing"
	"time"

	"spar/internal/fault"
)

func checkInputError(t *testing.T, err error, parts ...string) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Input {
		t.Fatalf("error is %v, want a fault.Input", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if len(err.Error()) > 700 {
		t.Errorf("error is too long: %q", err)
	}
}

// TestUnsupportedTemplates: each fails in Parse, with file, line and name.
func TestUnsupportedTemplates(t *testing.T) {
	cases := []struct{ name, source, want string }{
		{"include", "{% include 'x' %}", `statement "include"`},
		{"import", "{% import 'x' as y %}", `statement "import"`},
		{"from", "{% from 'x' import y %}", `statement "from"`},
		{"extends", "{% extends 'x' %}", `statement "extends"`},
		{"block", "{% block x %}{% endblock %}", `statement "block"`},
		{"call", "{% call x() %}{% endcall %}", `statement "call"`},
		{"filter block", "{% filter upper %}x{% endfilter %}", `statement "filter"`},
		{"autoescape", "{% autoescape true %}{% endautoescape %}", `statement "autoescape"`},
		{"with", "{% with x = 1 %}{% endwith %}", `statement "with"`},
		{"do", "{% do x.append(1) %}", `statement "do"`},
		{"raw", "{% raw %}{{ x }}{% endraw %}", `statement "raw"`},
		{"attr", "{{ x|attr('__class__') }}", `filter "attr"`},
		{"escape", "{{ x|escape }}", `filter "escape"`},
		{"filter in map", "{{ x|map('attr', '__class__')|list }}", `filter "attr"`},
		{"computed filter in map", "{{ x|map('at' ~ 'tr')|list }}", "as a string"},
		{"test", "{{ x is sameas y }}", `test "sameas"`},
		{"test in select", "{{ x|select('sameas', 1)|list }}", `test "sameas"`},
		{"cycler", "{{ cycler('a').__init__.__globals__ }}", `function "cycler"`},
		{"joiner", "{% set j = joiner() %}", `function "joiner"`},
		{"lipsum", "{{ lipsum() }}", `function "lipsum"`},
		{"method", "{{ 'x'.format(1) }}", `method "format"`},
		{"changing method", "{{ x.append(1) }}", `method "append"`},
		{"recursive loop", "{% for x in y recursive %}{% endfor %}", "recursive"},
		{"unpacked arguments", "{{ f(*x) }}", "unpacking"},
		{"filter arguments", "{{ x|trim(1, 2) }}", `filter "trim"`},
		{"filter's named argument", "{{ x|join(by=1) }}", `filter "join"`},
		{"test arguments", "{{ x is divisibleby }}", `test "divisibleby"`},
		{"chained tests", "{{ x is string is none }}", "chained"},
		{"break outside", "{% break %}", "outside a loop"},
		{"break through generation", "{% for x in y %}{% generation %}{% break %}{% endgeneration %}{% endfor %}", "outside a loop"},
		{"no end of if", "{% if x %}y", "endif"},
		{"no end of for", "{% for x in y %}", "endfor"},
		{"wrong end", "{% if x %}{% endfor %}", `"endfor"`},
		{"tag without end", "a {{ x", "}}"},
		{"block without end", "a {% if x ", "%}"},
		{"comment without end", "{# x", "#}"},
		{"string without end", "{{ 'x }}", "string"},
		{"empty expression", "{{ }}", "expected an expression"},
		{"trailing operator", "{{ x + }}", "expected an expression"},
		{"bracket", "{{ (x] }}", `unexpected "]"`},
		{"character", "{{ x ? y }}", "unexpected character '?'"},
		{"number", "{{ 012 }}", "012"},
		{"large number", "{{ 99999999999999999999 }}", "too large"},
		{"escape sequence", `{{ "\N{BULLET}" }}`, `\N`},
		{"surrogate escape", `{{ "\ud800" }}`, `\ud800`},
		{"assignment to a constant", "{% set true = 1 %}", "name to assign"},
		{"macro parameters", "{% macro f(a=1, b) %}{% endmacro %}", "without a default"},
		{"deep parentheses", "{{ " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000) + " }}", "nested deeper"},
		{"deep ifs", strings.Repeat("{% if x %}", 5000), "nested deeper"},
		{"deep nots", "{{ " + strings.Repeat("not ", 5000) + "x }}", "nested deeper"},
		{"deep minus", "{{ " + strings.Repeat("-", 5000) + "1 }}", "nested deeper"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("line one\n"+c.source, "chat.jinja")
			checkInputError(t, err, "chat.jinja:2:", c.want)
		})
	}
	for want, source := range map[string]string{"the limit": strings.Repeat("x", 300<<10), "UTF-8": "a\xffb"} {
		_, err := Parse(source, "chat.jinja")
		checkInputError(t, err, "chat.jinja", want)
	}
}

// TestHostileTemplates: each fails in Render, within a second, naming the line.
func TestHostileTemplates(t *testing.T) {
	cases := []struct{ name, source, want string }{
		{"class", "{{ ''.__class__ }}", "underscore"},
		{"class as a key", "{{ messages['__class__'] }}", "underscore"},
		{"class built up", "{{ ''['__cl' ~ 'ass__'] }}", "underscore"},
		{"class through map", "{{ ['x']|map(attribute='__class__')|list }}", "underscore"},
		{"namespace field", "{% set ns = namespace(_x=1) %}", `"_x"`},
		{"namespace field set", "{% set ns = namespace() %}{% set ns._x = 1 %}", `"_x"`},
		{"field of a dict", "{% set d = {} %}{% set d.x = 1 %}", "no namespace"},
		{"changing by name", "{{ messages['append'](1) }}", "cannot change"},
		{"endless range", "{% for i in range(1000000000) %}x{% endfor %}", "longer than"},
		{"20 nested loops", strings.Repeat("{% for i in range(99) %}", 20) + "x" + strings.Repeat("{% endfor %}", 20), "steps"},
		{"recursion", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "deeper than"},
		{"wide recursion", "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(40) }}", "steps"},
		{"huge string", "{{ 'x' * 1073741824 }}", "limit"},
		{"doubling string", "{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "limit"},
		{"doubling list", "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "steps"},
		{"repeated list", "{{ [1] * 1000000000 }}", "steps"},
		{"much output", "{% set s = 'x' * 1000000 %}{% for i in range(99) %}{{ s }}{% endfor %}", "limit"},
		{"replace", "{{ ('x' * 10000).replace('x', 'y' * 10000) }}", "limit"},
		{"join", "{{ range(99999)|join('x' * 10000) }}", "limit"},
		{"nested value", "{% set ns = namespace(s=[]) %}{% for i in range(500) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s|tojson }}", "nested"},
		{"indent", "{{ ('\n' * 100000)|indent(900) }}", "limit"},
		{"power", "{{ 10 ** 100 }}", "64 bits"},
		{"overflow", "{{ 9223372036854775807 + 1 }}", "64 bits"},
		{"smallest number", "{{ -9223372036854775807 - 2 }}", "64 bits"},
		{"division by zero", "{{ 1 // 0 }}", "division by zero"},
		{"undefined attribute", "{{ nothing.here }}", `"nothing" is undefined`},
		{"undefined call", "{{ nothing() }}", `"nothing" is undefined`},
		{"undefined sum", "{{ 'a' + nothing }}", `"nothing" is undefined`},
		{"date that is not set", "{{ strftime_now('%Y') }}", "asks for the date"},
		{"string and number", "{{ 'a' + 1 }}", `"+"`},
		{"order of kinds", "{{ 'a' < 1 }}", "no order"},
		{"loop over a number", "{% for x in 3 %}{% endfor %}", "looped over"},
		{"unpacking", "{% for a, b in [[1]] %}{% endfor %}", "unpacked"},
		{"printed function", "{{ range }}", "printed"},
		{"refusal", "{{ raise_exception('roles must alternate') }}", "roles must alternate"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tpl, err := Parse("\n"+c.source, "chat.jinja")
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, err = tpl.Render(Input{Messages: []Message{{Role: "user", Content: "x"}}})
			checkInputError(t, err, "chat.jinja", c.want)
			if took := time.Since(start); took > time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	tpl, err := Parse("a\n{% for m in messages %}\n{{ m.role }}\n{{ 1 // 0 }}\n{% endfor %}", "chat.jinja")
	if err != nil {
		t.Fatal(err)
	}
	_, err = tpl.Render(Input{Messages: []Message{{Role: "user"}}})
	checkInputError(t, err, "chat.jinja:4: division by zero")
}

func TestBadInputValues(t *testing.T) {
	tpl, err := Parse("{{ x }}", "chat.jinja")
	if err != nil {
		t.Fatal(err)
	}
	_, err = tpl.Render(Input{Extra: map[string]any{"x": struct{}{}}})
	checkInputError(t, err, "x: a struct {}")
	_, err = tpl.Render(Input{Messages: []Message{{Role: "user", Extra: map[string]any{"f": func() {}}}}})
	checkInputError(t, err, "message 0", "f: a func()")
}

func TestMessagesInJSON(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{`{"role":"user","content":"x"}`, `{"role":"user","content":"x"}`},
		{`{"content":"x","role":"user","name":"n"}`, `{"role":"user","content":"x","name":"n"}`},
		{`{"role":"assistant","content":null,"tool_calls":[{"b":1,"a":2.0}]}`, `{"role":"assistant","content":null,"tool_calls":[{"b":1,"a":2.0}]}`},
		{`{"role":"assistant","tool_calls":[]}`, `{"role":"assistant","tool_calls":[]}`},
	} {
		var m Message
		if err := m.UnmarshalJSON([]byte(c.in)); err != nil {
			t.Fatal(err)
		}
		out, err := m.MarshalJSON()
		if err != nil || string(out) != c.out {
			t.Errorf("%s became %s, %v", c.in, out, err)
		}
	}
	for _, bad := range []string{`[]`, `{"content":"x"}`, `{"role":1,"content":"x"}`, `{"role":"user","role":"x"}`, `{"role":"user","n":1e999}`, `{"role":"\ud800"}`} {
		var m Message
		if err := m.UnmarshalJSON([]byte(bad)); fault.ExitCode(err) != int(fault.Input) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestHashIsOfTheSource(t *testing.T) {
	a, _ := Parse("x", "one")
	b, _ := Parse("x", "two")
	c, _ := Parse("x\n", "one")
	if a.Hash() != b.Hash() || a.Hash() == c.Hash() || len(a.Hash()) != 64 {
		t.Error(a.Hash(), b.Hash(), c.Hash())
	}
}
