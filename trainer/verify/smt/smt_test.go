package smt

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spar/internal/fault"
	"spar/trainer/verify"
	"spar/trainer/verify/jail"
)

func TestMain(m *testing.M) {
	jail.Main()
	os.Exit(m.Run())
}

func pool(t *testing.T, o jail.Options) *jail.Pool {
	t.Helper()
	p, err := jail.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// opened is one by name; where it is missing the test is skipped, and in continuous integration it fails.
func opened(t *testing.T, name string, o jail.Options) verify.Verifier {
	t.Helper()
	s, err := open(pool(t, o), []string{name})
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// task is a question: facts, the answer or none, and a response.
func task(facts, answer, response string) verify.Item {
	return verify.Item{Tests: facts, Answer: answer, Response: response}
}

const (
	integer = "(declare-const x Int)(declare-const y Int)"
	prime   = "(declare-const p Int)(declare-const q Int)(assert (and (> p 1) (> q 1) (= (* p q) 1000000016000000063)))"
)

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		name    string
		item    verify.Item
		verdict verify.Verdict
		detail  string
	}{
		{"equal", task(integer, "(* 2 x)", "(+ x x)"), verify.Pass, ""},
		{"layout", task(integer, "(* 2 x)", " (+\n x\tx ) "), verify.Pass, ""},
		{"different", task(integer, "(* 2 x)", "(+ x 1)"), verify.Fail, "sat"},
		{"under facts", task(integer+"(assert (= x 1))", "(* 2 x)", "(+ x 1)"), verify.Pass, ""},
		{"symbol", task(integer, "x", "x"), verify.Pass, ""},
		{"contradiction", task(integer+"(assert (< x x))", "x", "y"), verify.Refused, "contradict"},
		{"undeclared", task(integer, "x", "z"), verify.Refused, "does not accept"},
		{"wrong sort", task(integer, "x", "true"), verify.Refused, "does not accept"},
		{"command", task(integer, "x", "y)))(reset)(assert false)(check-sat)(exit"), verify.Fail, "no term"},
		{"balanced command", task(integer, "x", "x)))(assert (not (= (+ y 1 y"), verify.Fail, "no term"},
		{"two terms", task(integer, "x", "x y"), verify.Fail, "after its end"},
		{"comment", task(integer, "x", "y ; )"), verify.Fail, "no term"},
		{"annotation", task(integer, "x", "(! y :named z)"), verify.Fail, "annotation"},
		{"empty", task(integer, "x", ""), verify.Fail, "no term"},
		{"deep", task(integer, "x", strings.Repeat("(- ", 5000)+"x"+strings.Repeat(")", 5000)), verify.Fail, "too deep"},
		{"long", task(integer, "x", strings.Repeat("x", 1<<17)), verify.Fail, "bytes"},

		{"answer no term", task(integer, "x x", "x"), verify.Refused, "answer is no term"},
		{"facts speak", task(integer+"(echo \"unsat\")(exit)", "x", "y"), verify.Refused, "facts: the command"},
		{"facts open", task(integer+"(assert (= x", "x", "y"), verify.Refused, "not closed"},
		{"facts close", task(integer+")", "x", "x"), verify.Refused, "outside"},
		{"facts with an empty command", task(integer+"()", "x", "y"), verify.Refused, ""},
		{"facts with a nested command", task(integer+"((exit))", "x", "y"), verify.Refused, ""},
		{"facts redefine not", task(integer+"(define-fun not ((b Bool)) Bool false)", "x", "y"), verify.Refused, "define not anew"},
		{"facts redefine equality", task(integer+"(define-fun |=| ((a Int) (b Int)) Bool true)", "x", "y"), verify.Refused, "anew"},
		{"facts construct not", task(integer+"(declare-datatype t ((not (p Bool))))", "x", "y"), verify.Refused, "anew"},
		{"facts use both", task(integer+"(assert (not (= x y)))", "x", "x"), verify.Pass, ""},
		{"facts open a text", task(integer+"(assert true) \"", "x", "x"), verify.Refused, "no SMT-LIB"},
		{"facts outside", task(integer+" x", "x", "x"), verify.Refused, "outside"},
		{"facts with comments", task("; (exit)\n"+integer+"; (\"", "x", "x"), verify.Pass, ""},
		{"nonlinear", task(integer+"(assert (and (= (* x x x) 27) (= y (* x x))))", "9", "y"), verify.Pass, ""},

		{"solution", task(integer+"(assert (= (+ x y) 5))(assert (< x 0))", "", "x = -2, y = 7"), verify.Pass, ""},
		{"lines", task(integer+"(assert (= (+ x y) 5))", "", "x = 2\ny = 3"), verify.Pass, ""},
		{"no solution", task(integer+"(assert (= (+ x y) 5))", "", "x = 2 and y = 4"), verify.Fail, "unsat"},
		{"fraction", task("(declare-const r Real)(assert (= (* 4.0 r) (- 2.0)))", "", "r = -1/2"), verify.Pass, ""},
		{"restated", task(integer+"(assert (= (+ x y) 5))", "", "x = (- 5 y)"), verify.Fail, "no literal"},
		{"by zero", task(integer+"(assert (= x 7))", "", "x = 1/0"), verify.Fail, "no literal"},
		{"prose", task(integer, "", "I think it is three."), verify.Fail, "gives no values"},
		{"bits", task("(declare-const b (_ BitVec 8))(assert (= (bvadd b #x01) #x00))", "", "b = #xff"), verify.Pass, ""},
	} {
		for _, name := range []string{"z3", "cvc5"} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				s := opened(t, name, jail.Options{})
				got, err := s.Verify(context.Background(), []verify.Item{c.item})
				if err != nil {
					t.Fatal(err)
				}
				if got[0].Verdict != c.verdict || !strings.Contains(got[0].Detail, c.detail) {
					t.Errorf("%s (%s), want %s (%s)", got[0].Verdict, got[0].Detail, c.verdict, c.detail)
				}
			})
		}
	}
}

// TestAttacks puts what models might write to cheat in each place of a task; none may pass.
func TestAttacks(t *testing.T) {
	files, err := filepath.Glob("../jail/testdata/attacks/*.smt2")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d attacks are there: %v", len(files), err)
	}
	var items []verify.Item
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items,
			task(integer, "x", string(text)), task(integer+"(assert (= x 1))", "", string(text)),
			task(integer, string(text), "x"), task(integer+string(text), "x", "y"), task(integer+string(text), "", "x = 1"),
			task(strings.ReplaceAll(string(text), "(check-sat)", ""), "1", "2"))
	}
	for _, name := range []string{"z3", "cvc5"} {
		got, err := opened(t, name, jail.Options{Timeout: 500 * time.Millisecond, MemoryMB: 128}).Verify(context.Background(), items)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range got {
			if o.Verdict == verify.Pass {
				t.Errorf("%s: %s passes in place %d of a task (%s)", name, files[i/6], i%6, o.Detail)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	for _, name := range []string{"z3", "cvc5"} {
		s := opened(t, name, jail.Options{Timeout: 300 * time.Millisecond})
		begin := time.Now()
		got, err := s.Verify(context.Background(), []verify.Item{task(prime, "p", "(+ p (- q q) (mod (* q q q) 1000003) (- (mod (* p p p) 1000003)))")})
		if err != nil || got[0].Verdict == verify.Pass || time.Since(begin) > 10*time.Second {
			t.Errorf("%s: %+v, %v after %v", name, got, err, time.Since(begin))
		}
	}
}

// TestSolverThatFails has a shell in the solver's place, which in the jail has nothing but its own commands.
func TestSolverThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		script  string
		verdict verify.Verdict
	}{
		"floods":       {"while :; do echo '(error'; done", verify.Refused},
		"floods blank": {"while :; do echo; done", verify.Crash},
		"hangs":        {"while :; do :; done", verify.Timeout},
		"dies":         {"f() { f; }; f", verify.Crash},
		"garbage":      {"echo maybe", verify.Crash},
		"fails":        {"echo sat; exit 1", verify.Crash},
		"memory":       {"echo '(error \"out of memory\")'; exit 101", verify.OOM},
		"silent":       {"exit 0", verify.Crash},
	} {
		t.Run(name, func(t *testing.T) {
			tool, err := pool(t, jail.Options{Workers: 1, Timeout: 500 * time.Millisecond, OutputBytes: 1 << 14}).Tool("/bin/sh", "-c", c.script)
			if err != nil {
				t.Fatal(err)
			}
			got, err := solver{tool}.judge(context.Background(), task(integer, "", "x = 1"))
			if err != nil || got.Verdict != c.verdict {
				t.Errorf("%+v, %v, want %s", got, err, c.verdict)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	_, err := open(nil, []string{"z3-that-is-not-there", "nor-this"})
	if err == nil || !strings.Contains(err.Error(), "z3-that-is-not-there or nor-this is not installed") || fault.ExitCode(err) != 3 {
		t.Errorf("%v, want what to install and exit code 3", err)
	}
}

func TestCancelled(t *testing.T) {
	s := opened(t, "z3", jail.Options{})
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(gone)
	if _, err := s.Verify(ctx, []verify.Item{task(integer, "x", "x")}); !errors.Is(err, gone) {
		t.Errorf("%v, want the context's cause", err)
	}
}
