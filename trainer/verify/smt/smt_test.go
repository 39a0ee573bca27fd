package smt

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// solver opens one by name; where it is missing the test is skipped, and in continuous integration it fails.
func solver(t *testing.T, name string, o jail.Options) *Solver {
	t.Helper()
	s, err := Open(pool(t, o), name)
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	integer = "(declare-const x Int)(declare-const y Int)"
	prime   = "(declare-const p Int)(declare-const q Int)(assert (and (> p 1) (> q 1) (= (* p q) 1000000016000000063)))"
)

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		name            string
		task            Task
		verdict, detail string
	}{
		{"equal", Task{integer, "(* 2 x)", "(+ x x)"}, Pass, ""},
		{"layout", Task{integer, "(* 2 x)", " (+\n x\tx ) "}, Pass, ""},
		{"different", Task{integer, "(* 2 x)", "(+ x 1)"}, Fail, "sat"},
		{"under facts", Task{integer + "(assert (= x 1))", "(* 2 x)", "(+ x 1)"}, Pass, ""},
		{"symbol", Task{integer, "x", "x"}, Pass, ""},
		{"contradiction", Task{integer + "(assert (< x x))", "x", "y"}, Refused, "contradict"},
		{"undeclared", Task{integer, "x", "z"}, Refused, "does not accept"},
		{"wrong sort", Task{integer, "x", "true"}, Refused, "does not accept"},
		{"command", Task{integer, "x", "y)))(reset)(assert false)(check-sat)(exit"}, Fail, "no term"},
		{"balanced command", Task{integer, "x", "x)))(assert (not (= (+ y 1 y"}, Fail, "no term"},
		{"two terms", Task{integer, "x", "x y"}, Fail, "after its end"},
		{"comment", Task{integer, "x", "y ; )"}, Fail, "no term"},
		{"annotation", Task{integer, "x", "(! y :named z)"}, Fail, "annotation"},
		{"empty", Task{integer, "x", ""}, Fail, "no term"},
		{"deep", Task{integer, "x", strings.Repeat("(- ", 5000) + "x" + strings.Repeat(")", 5000)}, Fail, "too deep"},
		{"long", Task{integer, "x", strings.Repeat("x", 1<<17)}, Fail, "bytes"},

		{"answer no term", Task{integer, "x x", "x"}, Refused, "answer is no term"},
		{"facts speak", Task{integer + "(echo \"unsat\")(exit)", "x", "y"}, Refused, "facts: the command"},
		{"facts open", Task{integer + "(assert (= x", "x", "y"}, Refused, "not closed"},
		{"facts close", Task{integer + ")", "x", "x"}, Refused, "outside"},
		{"facts with an empty command", Task{integer + "()", "x", "y"}, Refused, ""},
		{"facts with a nested command", Task{integer + "((exit))", "x", "y"}, Refused, ""},
		{"facts redefine not", Task{integer + "(define-fun not ((b Bool)) Bool false)", "x", "y"}, Refused, "define not anew"},
		{"facts redefine equality", Task{integer + "(define-fun |=| ((a Int) (b Int)) Bool true)", "x", "y"}, Refused, "anew"},
		{"facts construct not", Task{integer + "(declare-datatype t ((not (p Bool))))", "x", "y"}, Refused, "anew"},
		{"facts use both", Task{integer + "(assert (not (= x y)))", "x", "x"}, Pass, ""},
		{"facts open a text", Task{integer + "(assert true) \"", "x", "x"}, Refused, "no SMT-LIB"},
		{"facts outside", Task{integer + " x", "x", "x"}, Refused, "outside"},
		{"facts with comments", Task{"; (exit)\n" + integer + "; (\"", "x", "x"}, Pass, ""},
		{"nonlinear", Task{integer + "(assert (and (= (* x x x) 27) (= y (* x x))))", "9", "y"}, Pass, ""},

		{"solution", Task{integer + "(assert (= (+ x y) 5))(assert (< x 0))", "", "x = -2, y = 7"}, Pass, ""},
		{"lines", Task{integer + "(assert (= (+ x y) 5))", "", "x = 2\ny = 3"}, Pass, ""},
		{"no solution", Task{integer + "(assert (= (+ x y) 5))", "", "x = 2 and y = 4"}, Fail, "unsat"},
		{"fraction", Task{"(declare-const r Real)(assert (= (* 4.0 r) (- 2.0)))", "", "r = -1/2"}, Pass, ""},
		{"restated", Task{integer + "(assert (= (+ x y) 5))", "", "x = (- 5 y)"}, Fail, "no literal"},
		{"by zero", Task{integer + "(assert (= x 7))", "", "x = 1/0"}, Fail, "no literal"},
		{"prose", Task{integer, "", "I think it is three."}, Fail, "gives no values"},
		{"bits", Task{"(declare-const b (_ BitVec 8))(assert (= (bvadd b #x01) #x00))", "", "b = #xff"}, Pass, ""},
	} {
		for _, name := range []string{"z3", "cvc5"} {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				s := solver(t, name, jail.Options{})
				got, err := s.Verify(context.Background(), []Task{c.task})
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
	var tasks []Task
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks,
			Task{integer, "x", string(text)}, Task{integer + "(assert (= x 1))", "", string(text)},
			Task{integer, string(text), "x"}, Task{integer + string(text), "x", "y"}, Task{integer + string(text), "", "x = 1"},
			Task{strings.ReplaceAll(string(text), "(check-sat)", ""), "1", "2"})
	}
	for _, name := range []string{"z3", "cvc5"} {
		got, err := solver(t, name, jail.Options{Timeout: 500 * time.Millisecond, MemoryMB: 128}).Verify(context.Background(), tasks)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range got {
			if o.Verdict == Pass {
				t.Errorf("%s: %s passes in place %d of a task (%s)", name, files[i/6], i%6, o.Detail)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	for _, name := range []string{"z3", "cvc5"} {
		s := solver(t, name, jail.Options{Timeout: 300 * time.Millisecond})
		begin := time.Now()
		got, err := s.Verify(context.Background(), []Task{{prime, "p", "(+ p (- q q) (mod (* q q q) 1000003) (- (mod (* p p p) 1000003)))"}})
		if err != nil || got[0].Verdict == Pass || time.Since(begin) > 10*time.Second {
			t.Errorf("%s: %+v, %v after %v", name, got, err, time.Since(begin))
		}
	}
}

// TestSolverThatFails has a shell in the solver's place, which in the jail has nothing but its own commands.
func TestSolverThatFails(t *testing.T) {
	for name, c := range map[string]struct{ script, verdict string }{
		"floods":       {"while :; do echo '(error'; done", Refused},
		"floods blank": {"while :; do echo; done", Crash},
		"hangs":        {"while :; do :; done", Timeout},
		"dies":         {"f() { f; }; f", Crash},
		"garbage":      {"echo maybe", Crash},
		"fails":        {"echo sat; exit 1", Crash},
		"memory":       {"echo '(error \"out of memory\")'; exit 101", OOM},
		"silent":       {"exit 0", Crash},
	} {
		t.Run(name, func(t *testing.T) {
			tool, err := pool(t, jail.Options{Workers: 1, Timeout: 500 * time.Millisecond, OutputBytes: 1 << 14}).Tool("/bin/sh", "-c", c.script)
			if err != nil {
				t.Fatal(err)
			}
			s := &Solver{name: "sh", tool: tool, parallel: 1}
			got, err := s.Verify(context.Background(), []Task{{integer, "", "x = 1"}})
			if err != nil || got[0].Verdict != c.verdict {
				t.Errorf("%+v, %v, want %s", got, err, c.verdict)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, want := range map[string]string{"z3-that-is-not-there": "scripts/fetch verifiers", "/bin/sh": "neither z3 nor cvc5"} {
		if _, err := Open(nil, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestCancelled(t *testing.T) {
	s := solver(t, "z3", jail.Options{})
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(gone)
	if _, err := s.Verify(ctx, []Task{{integer, "x", "x"}}); !errors.Is(err, gone) {
		t.Errorf("%v, want the context's cause", err)
	}
}
