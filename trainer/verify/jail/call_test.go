package jail

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"spar/internal/fault"
)

// TestCall: what goes in as literals comes out as literals, the same in both languages and every time.
func TestCall(t *testing.T) {
	p := open(t, Options{Workers: 2, Timeout: 10 * time.Second})
	program := "def f(*args, **named):\n    return [args, named]\n"
	for _, language := range []string{"starlark", "python"} {
		t.Run(language, func(t *testing.T) {
			if language == "python" {
				needPython(t)
			}
			for arguments, want := range map[string]string{
				"":                               "[(), {}]",
				"1, -2, +3":                      "[(1, -2, 3), {}]",
				"123456789012345678901234567890": "[(123456789012345678901234567890,), {}]",
				"1.5, -0.0, 1e300":               "[(1.5, -0.0, 1e+300), {}]",
				`"a\nb", 'c', b"d\xff"`:          `[("a\nb", "c", b"d\xff"), {}]`,
				"None, True, False":              "[(None, True, False), {}]",
				`[1, [2, (3,)]], {"k": [()]}`:    `[([1, [2, (3,)]], {"k": [()]}), {}]`,
				"1, key=2, other=[3]":            `[(1,), {"key": 2, "other": [3]}]`,
				"(1, 2),":                        "[((1, 2),), {}]",
			} {
				for range 2 {
					r := do(t, p, Job{Language: language, Program: program, Call: &Call{"f", arguments}})
					if r.Verdict != Pass || r.Value != want {
						t.Errorf("f(%s) = %s (%s, %s), want %s", arguments, r.Value, r.Verdict, r.Detail, want)
					}
				}
			}
		})
	}
}

func TestCallRefusesWhatIsNoLiteral(t *testing.T) {
	p := open(t, Options{Workers: 1})
	for _, arguments := range []string{
		"x", "1 + 1", "f()", "[x for x in y]", "*a", "**k", "lambda: 1", "1)(2", "1); f(2", "1 if 2 else 3", "'x' * (1 << 40)", "not 1", "(", "1\n2",
		strings.Repeat("[", 5000) + strings.Repeat("]", 5000), strings.Repeat("[", 1<<20), "{[]: 1}", "~1",
	} {
		_, err := p.Run(context.Background(), Job{Language: "starlark", Program: "def f(*a): return 1", Call: &Call{"f", arguments}})
		if fault.ExitCode(err) != 3 {
			t.Errorf("f(%.40s) gives %v, want bad input", arguments, err)
		}
	}
}

func TestWrongJobs(t *testing.T) {
	p := open(t, Options{Workers: 1})
	for name, j := range map[string]Job{
		"neither":  {Language: "starlark", Program: "x = 1"},
		"both":     {Language: "starlark", Program: "x = 1", Tests: "check(True)", Call: &Call{Function: "f"}},
		"language": {Language: "perl", Program: "1", Tests: "1"},
	} {
		if _, err := p.Run(context.Background(), j); fault.ExitCode(err) != 2 {
			t.Errorf("%s: %v, want a usage error", name, err)
		}
	}
}

// TestReuse: what one program prints, defines or changes is not seen by the next in the same process.
func TestReuse(t *testing.T) {
	p := open(t, Options{Workers: 1})
	first := do(t, p, Job{Language: "starlark", Program: "secret = 5\nprint('one')\ndef f(): return secret", Call: &Call{Function: "f"}})
	if first.Output != "one\n" || first.Value != "5" || first.Steps == 0 {
		t.Errorf("%+v", first)
	}
	second := do(t, p, Job{Language: "starlark", Program: "print('two')\ndef f(): return secret", Call: &Call{Function: "f"}})
	if second.Verdict != Fail || second.Output != "" {
		t.Errorf("%+v, want a program that does not parse and printed nothing", second)
	}
	third := do(t, p, Job{Language: "starlark", Program: "print('three')\ndef f(): return 1", Call: &Call{Function: "f"}})
	if third.Output != "three\n" || third.Steps >= first.Steps+10 {
		t.Errorf("%+v", third)
	}
}

func TestPythonOutput(t *testing.T) {
	needPython(t)
	p := open(t, Options{Workers: 1})
	r := do(t, p, Job{Language: "python", Program: "print('one')\ndef f():\n    print('two', end='')\n    return 1", Call: &Call{Function: "f"}})
	if r.Output != "one\ntwo" || r.Value != "1" {
		t.Errorf("%+v", r)
	}
}

// TestSameVerdict runs programs whose outcome could depend on order or hash seeds many times, several at once.
func TestSameVerdict(t *testing.T) {
	needPython(t)
	p := open(t, Options{Workers: 2})
	program := "def f():\n    return [x for x in {'a', 'b', 'c', 'd', 'e', 'f'}]\n"
	want := do(t, p, Job{Language: "python", Program: program, Call: &Call{Function: "f"}}).Value
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			r, err := p.Run(context.Background(), Job{Language: "python", Program: program, Call: &Call{Function: "f"}})
			if err != nil || r.Value != want {
				t.Errorf("%s, %v, want %s", r.Value, err, want)
			}
		})
	}
	group.Wait()
}

func TestRunIsCancelled(t *testing.T) {
	p := open(t, Options{Workers: 1, Timeout: time.Minute})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := p.Run(ctx, Job{Language: "starlark", Program: "x = 10\nwhile True: x = x * x", Tests: "check(f())"})
	if err == nil || time.Since(begin) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	if r := do(t, p, Job{Language: "starlark", Program: "def f(): return 1", Tests: "check(f() == 1)"}); r.Verdict != Pass {
		t.Errorf("after that: %+v", r)
	}
}
