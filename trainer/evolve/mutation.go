package evolve

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/syntax"

	"spar/internal/rng"
)

// Mutation proposes random edits of the syntax tree: another constant, another operator, an expression replaced by an input, combined with one,
// made conditional, or taken from another program. It is no language model and knows nothing of the task but the names of the inputs.
type Mutation struct{ Task Task }

const (
	mutationLane  = 0x6d757461
	mutationTries = 20
	secondEdit    = 0.3 // probability of each further edit of a proposal
)

// kindMutation marks proposals of Mutation.
const kindMutation = "mutation"

// Name is mutation.
func (Mutation) Name() string { return kindMutation }

// Propose edits the parent once, sometimes more often.
func (m Mutation) Propose(_ context.Context, rs []Request) ([]Proposal, error) {
	out := make([]Proposal, len(rs))
	for i, r := range rs {
		out[i] = m.one(r)
	}
	return out, nil
}

func (m Mutation) one(r Request) Proposal {
	draw := r.stream(mutationLane)
	for range mutationTries {
		text := m.edit(r.Parent.Program, r.Inspirations, draw)
		for draw.Float64() < secondEdit {
			text = m.edit(text, r.Inspirations, draw)
		}
		if _, err := parse(text); err == nil && text != r.Parent.Program {
			return Proposal{From: kindMutation, Program: text}
		}
	}
	return Proposal{From: kindMutation, Refused: "no edit was found"}
}

// span is a piece of a program's text that is an expression.
type span struct {
	from, to int // bytes
	node     syntax.Expr
}

// edit makes one change at a random place; a text that does not parse is returned as it is.
func (m Mutation) edit(program string, inspirations []Entry, draw *rng.Stream) string {
	spans := expressions(program)
	if len(spans) == 0 {
		return program
	}
	s := spans[draw.IntN(len(spans))]
	old := program[s.from:s.to]
	replacement := old
	switch draw.IntN(6) {
	case 0:
		replacement = m.leaf(draw)
	case 1:
		replacement = "(" + old + " " + pick(draw, "+", "-", "*") + " " + m.leaf(draw) + ")"
	case 2:
		replacement = fmt.Sprintf("(%s if %s %s %s else %s)", old, m.leaf(draw), pick(draw, "<", ">", "=="), m.leaf(draw), m.leaf(draw))
	case 3:
		replacement = m.borrow(inspirations, old, draw)
	default:
		return alter(program, spans, draw)
	}
	return program[:s.from] + replacement + program[s.to:]
}

// leaf is an input or a small constant.
func (m Mutation) leaf(draw *rng.Stream) string {
	if draw.Float64() < 0.6 {
		return pick(draw, m.Task.Terms()...)
	}
	return pick(draw, "0", "1", "2", "3", "5", "10", "20", "-1", "0.5")
}

func pick(draw *rng.Stream, from ...string) string { return from[draw.IntN(len(from))] }

// borrow is an expression of another program.
func (m Mutation) borrow(inspirations []Entry, otherwise string, draw *rng.Stream) string {
	if len(inspirations) == 0 {
		return otherwise
	}
	program := inspirations[draw.IntN(len(inspirations))].Program
	spans := expressions(program)
	if len(spans) == 0 {
		return otherwise
	}
	s := spans[draw.IntN(len(spans))]
	return "(" + program[s.from:s.to] + ")"
}

// alter changes one constant or operator.
func alter(program string, spans []span, draw *rng.Stream) string {
	spans = slices.DeleteFunc(slices.Clone(spans), func(s span) bool {
		switch n := s.node.(type) {
		case *syntax.Literal:
			return n.Token != syntax.INT && n.Token != syntax.FLOAT
		case *syntax.BinaryExpr:
			return !slices.ContainsFunc(operators, func(kind []string) bool { return slices.Contains(kind, n.Op.String()) })
		}
		return true
	})
	if len(spans) == 0 {
		return program
	}
	s := spans[draw.IntN(len(spans))]
	if n, ok := s.node.(*syntax.BinaryExpr); ok {
		at := offset(program, n.OpPos)
		return program[:at] + otherOperator(n.Op.String(), draw) + program[at+len(n.Op.String()):]
	}
	return program[:s.from] + nearby(program[s.from:s.to], draw) + program[s.to:]
}

// operators that may take one another's place.
var operators = [][]string{{"+", "-", "*"}, {"<", "<=", ">", ">=", "==", "!="}, {"and", "or"}}

func otherOperator(op string, draw *rng.Stream) string {
	for _, kind := range operators {
		if slices.Contains(kind, op) {
			return pick(draw, kind...)
		}
	}
	return op
}

// nearby is a number near another, of the same type.
func nearby(number string, draw *rng.Stream) string {
	if n, err := strconv.Atoi(number); err == nil && n > -1<<30 && n < 1<<30 {
		return strconv.Itoa([]int{n + 1, n - 1, 2 * n, n / 2, n + draw.IntN(21) - 10}[draw.IntN(5)])
	}
	x, err := strconv.ParseFloat(number, 64)
	if err != nil || math.Abs(x) > 1e6 {
		return "1"
	}
	text := strconv.FormatFloat(x*(0.5+draw.Float64()*1.5), 'f', 3, 64)
	return strings.TrimRight(text, "0") + "0" // a float keeps its point
}

// expressions are the pieces that may be edited: results, conditions and values of assignments, with their parts. None for a text that
// does not parse.
func expressions(program string) []span {
	f, err := parse(program)
	if err != nil {
		return nil
	}
	var out []span
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ReturnStmt:
			out = append(out, parts(program, n.Result)...)
		case *syntax.IfStmt:
			out = append(out, parts(program, n.Cond)...)
		case *syntax.AssignStmt:
			out = append(out, parts(program, n.RHS)...)
		}
		return true
	})
	return out
}

// parts are an expression and those inside of it that stand for values. What is called, indexed or named is left alone.
func parts(program string, e syntax.Expr) []span {
	if e == nil {
		return nil
	}
	from, to := e.Span()
	out := []span{{offset(program, from), offset(program, to), e}}
	var inside []syntax.Expr
	switch e := e.(type) {
	case *syntax.ParenExpr:
		inside = []syntax.Expr{e.X}
	case *syntax.UnaryExpr:
		inside = []syntax.Expr{e.X}
	case *syntax.BinaryExpr:
		inside = []syntax.Expr{e.X, e.Y}
	case *syntax.CondExpr:
		inside = []syntax.Expr{e.True, e.Cond, e.False}
	case *syntax.CallExpr:
		inside = e.Args
	}
	for _, x := range inside {
		out = append(out, parts(program, x)...)
	}
	return out
}

// offset is the byte of a position, whose column counts characters.
func offset(program string, p syntax.Position) int {
	at := 0
	for range p.Line - 1 {
		at += strings.IndexByte(program[at:], '\n') + 1
	}
	for i := range program[at:] {
		if p.Col--; p.Col == 0 {
			return at + i
		}
	}
	return len(program)
}
