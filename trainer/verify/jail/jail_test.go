package jail

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/ebitengine/purego" // with it threads are the C library's, as in the program itself
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

// open gives a pool that is closed with the test.
func open(t *testing.T, o Options) *Pool {
	t.Helper()
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func do(t *testing.T, p *Pool, j Job) Result {
	t.Helper()
	r, err := p.Run(context.Background(), j)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// needPython skips a test, or fails it in continuous integration, where the interpreter is missing.
func needPython(t *testing.T) {
	t.Helper()
	if _, err := findPython(); err == nil {
		return
	} else if os.Getenv("CI") != "" {
		t.Fatal(err)
	} else {
		t.Skip(err)
	}
}

func TestVerdicts(t *testing.T) {
	square := "def f(n):\n    return n * n\n"
	for _, c := range []struct {
		name, language, program, tests, verdict, detail string
	}{
		{"right", "starlark", square, "check_equal(f(7), 49)", Pass, ""},
		{"wrong", "starlark", square, "check_equal(f(7), 50)", Fail, "got 49, want 50"},
		{"check", "starlark", square, "check(f(7) > 50, 'too small')", Fail, "too small"},
		{"parse", "starlark", "def f(:", "check(f(1))", Fail, "does not parse"},
		{"missing", "starlark", "x = 1", "check(f(1))", Fail, "undefined: f"},
		{"endless", "starlark", "def f(n):\n    while True:\n        n += 1\n", "check(f(1))", Timeout, "steps"},
		{"endless top", "starlark", "while True:\n    pass\n", "check(f(1))", Timeout, "steps"},
		{"memory", "starlark", "def f(n):\n    x = ['abcdefgh']\n    for i in range(40):\n        x = x + x\n    return len(x)\n", "check(f(1))", OOM, "memory"},
		{"deep", "starlark", "def f(n):\n    return f(n + 1)\n", "check(f(1))", Fail, "stack"},
		{"function back", "starlark", "def f(n):\n    return f\n", "check(f(1))", Fail, "not plain data"},
		{"tests do not parse", "starlark", square, "check(", Refused, "do not parse"},
		{"no check", "starlark", square, "f(1)", Refused, "check nothing"},
		{"no call", "starlark", square, "check(True)", Refused, "never called"},
		{"flood", "starlark", "def f(n):\n    for i in range(100000):\n        print('x' * 1000)\n    return n\n", "check(f(1))", Crash, "output"},
		{"large value", "starlark", "def f(n):\n    return 'x' * 3000000\n", "check(f(1))", Crash, "longer than allowed"},

		{"right", "python", square, "assert f(7) == 49", Pass, ""},
		{"wrong", "python", square, "assert f(7) == 50, 'not fifty'", Fail, "line 1: AssertionError: not fifty"},
		{"raises", "python", "def f(n):\n    raise ValueError('n')\n", "try:\n    f(1)\nexcept ValueError as e:\n    assert str(e) == 'n'\nelse:\n    assert False\n", Pass, ""},
		{"parse", "python", "def f(:", "assert f(1)", Fail, "does not parse"},
		{"missing", "python", "x = 1", "assert f(1)", Fail, "NameError"},
		{"endless", "python", "def f(n):\n    while True:\n        pass\n", "assert f(1)", Timeout, ""},
		{"asleep", "python", "import time\ntime.sleep(100)\n", "assert f(1)", Timeout, ""},
		{"memory", "python", "def f(n):\n    return len(bytearray(1 << 33))\n", "assert f(1)", OOM, "MemoryError"},
		{"exit", "python", "import os\nos._exit(0)\n", "assert f(1)", Crash, "status 0"},
		{"segfault", "python", "def f(n):\n    import ctypes\n    ctypes.string_at(0)\n", "assert f(1)", Crash, "signal"},
		{"function back", "python", "def f(n):\n    return f\n", "assert f(1)", Fail, "not plain data"},
		{"tests do not parse", "python", square, "assert (", Refused, "do not parse"},
		{"no call", "python", square, "assert True", Refused, "never called"},
		{"flood", "python", "def f(n):\n    while True:\n        print('x' * 1000)\n", "assert f(1)", Crash, "output"},
		{"large value", "python", "def f(n):\n    return 'x' * 3000000\n", "assert f(1)", Crash, "longer than allowed"},
		{"modules", "python", "import math, re, json, collections, dataclasses, typing, heapq, itertools, functools, random, string, decimal, fractions, statistics, bisect, datetime, copy\ndef f(n):\n    return math.isqrt(n)\n", "assert f(49) == 7", Pass, ""},
	} {
		t.Run(c.language+"/"+c.name, func(t *testing.T) {
			if c.language == "python" {
				needPython(t)
			}
			limit := 30 * time.Second // a busy machine is no reason to fail
			if c.verdict == Timeout && c.language == "python" {
				limit = time.Second
			}
			p := open(t, Options{Workers: 1, Timeout: limit, MemoryMB: 128})
			r := do(t, p, Job{Language: c.language, Program: c.program, Tests: c.tests})
			if r.Verdict != c.verdict || !strings.Contains(r.Detail, c.detail) {
				t.Errorf("%s (%s) after %v, want %s (%s)", r.Verdict, r.Detail, r.Took, c.verdict, c.detail)
			}
		})
	}
}

func TestEnforced(t *testing.T) {
	for _, f := range Enforced() {
		t.Logf("%-11s %-5t %s", f.Name, f.On, f.Detail)
	}
}
