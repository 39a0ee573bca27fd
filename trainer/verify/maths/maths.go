// Package maths decides whether two written answers mean the same: numbers, LaTeX-like expressions,
// equations, lists, sets, tuples, intervals, matrices and words.
//
//	relation, reason := maths.Compare(`\frac{\sqrt{2}}{2}`, "1/sqrt(2)", maths.Options{}) // Equal
//
// The answer is three-valued, and Equal is said in these cases only:
//
//   - both texts are the same but for white space, LaTeX spacing and sizes;
//   - the difference of the two, written as a quotient of polynomials with rational coefficients in the
//     variables, pi, e, i, roots and function values, is identically zero (a proof, up to isolated points
//     where a denominator vanishes and to points where a root is not real: (sqrt x)^2 is x);
//   - the difference involves roots or functions that such a form cannot decide, and at six or more
//     of 16 points (at the one, where there is no variable) interval arithmetic with 768 fractional bits finds it smaller than
//     2^-256 with an enclosure that holds 0. No number below 2^-64 or above 2^64 may be involved, and both
//     sides must be defined at the same points.
//
// Different is said when the form is decisive and not zero, or when an interval excludes zero at a point.
// Everything else is Unknown, with the reason: text that cannot be read, units that differ, a domain that differs,
// and everything that would cost more than the fixed budget of steps, digits and nesting, such as 9^9^9.
//
// Conventions: a unit that only one side has is ignored, so is "x =" before a value; 50% is 1/2, and also 50 where
// Options.Percent says that the problem asks for a percentage; a list without brackets is unordered; 1,234 is
// a number at the top level and two numbers inside brackets; log without a base is a function of unknown base.
//
// Functions are pure and may be called from any goroutine.
package maths

import (
	"math/big"
	"strings"
)

// Relation is how two answers relate.
type Relation uint8

// The three relations. The zero value claims nothing.
const (
	Unknown Relation = iota
	Equal
	Different
)

// String is the relation in lower case.
func (r Relation) String() string { return [...]string{"unknown", "equal", "different"}[r] }

// Options are what is known about the problem.
type Options struct {
	Percent bool // it asks for a percentage: 50 and 50% mean the same
}

// MaxBytes is the longest answer that is read.
const MaxBytes = 4096

// stop ends the work on an answer; it is raised deep inside and caught by the exported functions.
type stop struct{ reason string }

func giveUp(reason string) { panic(stop{reason}) }

// caught turns a stop into its reason; other panics are bugs and go on.
func caught(reason *string) {
	switch r := recover().(type) {
	case nil:
	case stop:
		*reason = r.reason
	default:
		panic(r)
	}
}

// Compare says how answer and response relate, and why when the relation is not Equal.
func Compare(answer, response string, o Options) (relation Relation, reason string) {
	if len(answer) > MaxBytes || len(response) > MaxBytes {
		return Unknown, "an answer is longer than 4096 bytes"
	}
	if a, b := squeeze(answer), squeeze(response); a == b && a != "" {
		return Equal, ""
	}
	defer caught(&reason)
	want, got := parse(answer, "the answer"), parse(response, "the response")
	c := comparison{field: newField(), percent: o.Percent, seed: seedOf(answer, response)}
	relation = c.top(want, got)
	return relation, c.reason(relation)
}

// Readable reports whether text can be read as an answer other than a plain word.
func Readable(text string) bool {
	if len(text) > MaxBytes {
		return false
	}
	reason := "unread"
	var n *node
	func() {
		defer caught(&reason)
		n = parse(text, "the text")
		reason = ""
	}()
	return reason == "" && n.op != opText
}

// Value is the number that text denotes, within 2^-256 where it is irrational. Units and degree signs are dropped.
func Value(text string) (value *big.Rat, reason string) {
	if len(text) > MaxBytes {
		return nil, "the text is longer than 4096 bytes"
	}
	defer caught(&reason)
	f := newField()
	n := parse(text, "the text").withoutName()
	for n.op == opUnit || n.op == opDegree {
		n = n.args[0]
	}
	return f.number(f.normal(n)), ""
}

// squeeze removes what never changes the meaning of an answer: sizes, and spaces but some.
func squeeze(s string) string {
	s = appearance.Replace(strings.TrimRight(strings.TrimSpace(s), "."))
	var out strings.Builder
	fields := strings.Fields(s)
	for i, f := range fields {
		if i > 0 && joins(fields[i-1][len(fields[i-1])-1]) && joins(f[0]) {
			out.WriteByte(' ')
		}
		out.WriteString(f)
	}
	return out.String()
}

// joins reports bytes between which a space matters: 1 2 is not 12, and 1, 200 is not 1,200.
func joins(c byte) bool { return isDigit(c) || isLetter(c) || c == '.' || c == ',' }

var appearance = strings.NewReplacer(`\,`, " ", `\;`, " ", `\:`, " ", `\!`, " ", `\left`, " ", `\right`, " ", "$", " ", `\dfrac`, `\frac`, `\tfrac`, `\frac`)
