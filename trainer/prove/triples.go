package prove

import (
	"slices"

	"spar/internal/rng"
	"spar/trainer/learn/observer"
)

// The world of claim 15 is Absolute Zero's in small (arXiv 2505.03335): triples of a program, an input and its output, with one of
// the three to be found. A program is two operations on a word of three letters.
const (
	letters    = 6
	operations = 8
	triple     = 16 // tokens at most
)

// Kinds of task, also the first token of a prompt.
const (
	deduction int32 = 1 + letters + operations + iota // program, input -> output
	abduction                                         // program, output -> input
	induction                                         // two inputs with their outputs -> program
	kindsEnd
)

type word [3]int

func (w word) ids() []int32 { return []int32{int32(1 + w[0]), int32(1 + w[1]), int32(1 + w[2])} }

// apply is one operation.
func (w word) apply(operation int) word {
	a, b, c := w[0], w[1], w[2]
	switch operation {
	case 0:
		return word{c, b, a}
	case 1:
		return word{b, c, a}
	case 2:
		return word{b, a, c}
	case 3:
		return word{(a + 1) % letters, (b + 1) % letters, (c + 1) % letters}
	case 4:
		return word{(a + 1) % letters, b, c}
	case 5:
		return word{a, b, (c + 1) % letters}
	case 6:
		return word{letters - 1 - a, letters - 1 - b, letters - 1 - c}
	}
	return word{a, c, b}
}

func newWord(r *rng.Stream) word { return word{r.IntN(letters), r.IntN(letters), r.IntN(letters)} }

// program is two operations, the second on what the first gives.
type program [2]int

func newProgram(r *rng.Stream) program { return program{r.IntN(operations), r.IntN(operations)} }

func (p program) ids() []int32 { return []int32{int32(1 + letters + p[0]), int32(1 + letters + p[1])} }

func (p program) run(w word) word { return w.apply(p[0]).apply(p[1]) }

// task draws the words of a task of a kind on a program.
func (p program) task(kind int32, r *rng.Stream) observer.Example {
	in := newWord(r)
	out := p.run(in)
	join := func(parts ...[]int32) []int32 { return slices.Concat(append([][]int32{{kind}}, parts...)...) }
	switch kind {
	case deduction:
		return observer.Example{Prompt: join(p.ids(), in.ids()), Response: out.ids()}
	case abduction:
		return observer.Example{Prompt: join(p.ids(), out.ids()), Response: in.ids()}
	}
	other := newWord(r)
	return observer.Example{Prompt: join(in.ids(), out.ids(), other.ids(), p.run(other).ids()), Response: p.ids()}
}

func tasks(kind int32, n int, r *rng.Stream) []observer.Example {
	out := make([]observer.Example, n)
	for i := range out {
		out[i] = newProgram(r).task(kind, r)
	}
	return out
}
