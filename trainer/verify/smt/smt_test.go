package smt

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// solver opens one by name; where it is missing the test is skipped, and in continuous integration it fails.
func solver(t *testing.T, name string, o Options) *Solver {
	t.Helper()
	o.Program = name
	s, err := Open(o)
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
				s := solver(t, name, Options{})
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

func TestLimits(t *testing.T) {
	for _, name := range []string{"z3", "cvc5"} {
		s := solver(t, name, Options{Timeout: 300 * time.Millisecond})
		begin := time.Now()
		got, err := s.Verify(context.Background(), []Task{{prime, "p", "(+ p (- q q) (mod (* q q q) 1000003) (- (mod (* p p p) 1000003)))"}})
		if err != nil || got[0].Verdict == Pass || time.Since(begin) > 10*time.Second {
			t.Errorf("%s: %+v, %v after %v", name, got, err, time.Since(begin))
		}
	}
}

func TestSolverThatFails(t *testing.T) {
	for name, c := range map[string]struct{ script, verdict string }{
		"floods":  {"#!/bin/sh\nexec yes '(error'\n", Refused},
		"hangs":   {"#!/bin/sh\nexec sleep 100\n", Timeout},
		"dies":    {"#!/bin/sh\nkill -SEGV $$\n", Crash},
		"garbage": {"#!/bin/sh\necho maybe\n", Crash},
		"memory":  {"#!/bin/sh\necho '(error \"out of memory\")'\nexit 101\n", OOM},
		"silent":  {"#!/bin/sh\nexit 0\n", Crash},
	} {
		t.Run(name, func(t *testing.T) {
			program := t.TempDir() + "/z3"
			if err := os.WriteFile(program, []byte(c.script), 0o755); err != nil {
				t.Fatal(err)
			}
			s := solver(t, program, Options{Timeout: 500 * time.Millisecond})
			got, err := s.Verify(context.Background(), []Task{{integer, "", "x = 1"}})
			if err != nil || got[0].Verdict != c.verdict {
				t.Errorf("%+v, %v, want %s", got, err, c.verdict)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, want := range map[string]string{"z3-that-is-not-there": "scripts/fetch verifiers", "/bin/sh": "neither z3 nor cvc5"} {
		if _, err := Open(Options{Program: name}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestCancelled(t *testing.T) {
	s := solver(t, "z3", Options{})
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(gone)
	if _, err := s.Verify(ctx, []Task{{integer, "x", "x"}}); !errors.Is(err, gone) {
		t.Errorf("%v, want the context's cause", err)
	}
}
