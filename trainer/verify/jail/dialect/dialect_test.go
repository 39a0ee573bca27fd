package dialect

import (
	"math"
	"strings"
	"testing"

	"go.starlark.net/starlark"

	"spar/trainer/verify/jail/wire"
)

// eval computes an expression with the dialect's builtins.
func eval(t *testing.T, text string) (starlark.Value, error) {
	t.Helper()
	s := &Server{Out: &strings.Builder{}}
	return starlark.EvalOptions(options, s.newThread("test"), "test", text, builtins())
}

func TestBuiltins(t *testing.T) {
	for text, want := range map[string]string{
		"sum([1, 2, 3])": "6", "sum([], 5)": "5", "sum([[1], [2]], [])": "[1, 2]", "sum([0.5, 1])": "1.5",
		"divmod(7, 2)": "(3, 1)", "divmod(-7, 2)": "(-4, 1)", "divmod(7.5, 2)": "(3.0, 1.5)",
		"pow(2, 10)": "1024", "pow(-2, 3)": "-8", "pow(2, -1)": "0.5", "pow(2.0, 3)": "8.0", "pow(3, 200, 13)": "9", "pow(-3, 3, 5)": "3", "pow(1, 10**1 if False else 999999999999)": "1", "pow(0, 0)": "1",
		"round(2.5)": "2", "round(3.5)": "4", "round(-0.5)": "0", "round(7)": "7", "round(2.675, 1)": "2.7", "round(1234, 2)": "1234",
		"math.sqrt(16)": "4.0", "math.floor(2.7)": "2",
	} {
		text = strings.ReplaceAll(text, "10**1 if False else ", "")
		got, err := eval(t, text)
		if err != nil || got.String() != want {
			t.Errorf("%s = %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestBuiltinsRefuse(t *testing.T) {
	for text, want := range map[string]string{
		"pow(10, 1000000000)":         "bits",
		"pow(2, 1 << 500)":            "bits",
		"pow(2, 3, 0)":                "modulus",
		"pow(2, 3, 'x')":              "modulus",
		"pow(2.0, 3, 5)":              "modulus",
		"pow('a', 2)":                 "no numbers",
		"sum([1, 'a'])":               "unknown binary op",
		"sum(5)":                      "iterable",
		"divmod(1, 0)":                "division by zero",
		"round('a')":                  "no number",
		"round(1.5, 1000)":            "out of range",
		"round(float('nan'))":         "NaN",
		"round(float('inf'))":         "infinity",
		"pow(3, 5, pow(2, 100000))":   "modulus",
		"pow(2, pow(2, 20000), 1000)": "modulus",
	} {
		if got, err := eval(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s = %v, %v, want an error about %q", text, got, err, want)
		}
	}
}

func TestValuesCross(t *testing.T) {
	for _, text := range []string{
		"None", "True", "False", "0", "-5", "1 << 200", "-(1 << 200)", "0.1", "-0.0", "float('inf')", "'héllo\\n'", "b'\\xff\\x00'",
		"[]", "[1, [2, [3]]]", "()", "(1,)", "{}", "{'a': [1], (1, 2): {}}", "set([1, 'a', (2,)])",
	} {
		v, err := eval(t, text)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Encode(v)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		item, rest, err := wire.Next(b)
		if err != nil || len(rest) > 0 || item.Check() != nil {
			t.Fatalf("%s is written as %q: %v, %v", text, b, err, item.Check())
		}
		back, err := Decode(item)
		if err != nil || back.String() != v.String() || back.Type() != v.Type() {
			t.Errorf("%s becomes %v (%v)", text, back, err)
		}
	}
}

func TestValuesThatDoNotCross(t *testing.T) {
	cycle := starlark.NewList(nil)
	cycle.Append(cycle)
	wide := starlark.NewList(nil)
	for range 60 {
		wide = starlark.NewList([]starlark.Value{wide, wide})
	}
	long := starlark.String(strings.Repeat("x", maxEncoded))
	for name, v := range map[string]starlark.Value{
		"cycle": cycle, "wide": wide, "long": long, "not UTF-8": starlark.String("\xff"), "function": starlark.Universe["len"],
	} {
		if _, err := Encode(v); err == nil {
			t.Errorf("%s crosses", name)
		}
	}
	if _, err := Decode(wire.Item{Tag: wire.Complex}); err == nil {
		t.Error("a complex number crosses")
	}
}

func TestNaNCrosses(t *testing.T) {
	b, err := Encode(starlark.Float(math.NaN()))
	if err != nil {
		t.Fatal(err)
	}
	item, _, _ := wire.Next(b)
	if v, err := Decode(item); err != nil || !math.IsNaN(float64(v.(starlark.Float))) {
		t.Errorf("%v, %v", v, err)
	}
}

// TestServerRefuses: a message that no parent sends ends the server with an error, not with an answer.
func TestServerRefuses(t *testing.T) {
	for name, message := range map[string][]byte{
		"unknown":             wire.Message("dance"),
		"call before program": wire.Message("call", wire.AppendText(nil, "f"), []byte("0:)"), []byte("0:}")),
		"no value":            wire.Message("program"),
		"no message":          []byte("0:~"),
	} {
		var in, out strings.Builder
		wire.WriteFrame(&in, message)
		s := Server{In: strings.NewReader(in.String()), Out: &out, Limit: 1000}
		if err := s.Serve(); err == nil || out.Len() > 0 {
			t.Errorf("%s: error %v, answer %q", name, err, out.String())
		}
	}
}
