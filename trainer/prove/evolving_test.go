package prove

import (
	"context"
	"slices"
	"testing"

	"spar/native"
)

func TestTurns(t *testing.T) {
	if up, down := turns([]float64{1, 3, 2, 2, 5}); up != 2 || down != 2 {
		t.Errorf("%d up, %d down", up, down)
	}
}

// A round poses tasks with their right answers, and moves the solver; the proposer moves once some task is solved.
func TestEvolvingRound(t *testing.T) {
	lib, err := native.Open(native.Options{})
	must(t, err)
	e, err := newEvolving(Options{Library: lib}, 1)
	must(t, err)
	defer func() { must(t, e.solver.close()) }()
	before, proposer := e.solver.weights(), slices.Clone(e.proposer[0])
	posed, solved, err := e.round(context.Background(), deduction, 1)
	must(t, err)
	for _, x := range posed {
		p := program{int(x.Prompt[1]) - 1 - letters, int(x.Prompt[2]) - 1 - letters}
		in := word{int(x.Prompt[3]) - 1, int(x.Prompt[4]) - 1, int(x.Prompt[5]) - 1}
		if !slices.Equal(p.run(in).ids(), x.Response) {
			t.Fatalf("%v is answered %v", x.Prompt, x.Response)
		}
	}
	if len(posed) != evolvingAsked || solved < 0 || solved > 0.1 {
		t.Errorf("%d tasks, of which a fresh solver solves %v", len(posed), solved)
	}
	if slices.Equal(before[0], e.solver.weights()[0]) {
		t.Error("the solver did not move")
	}
	if solved > 0 && slices.Equal(proposer, e.proposer[0]) {
		t.Error("the proposer did not move")
	}
}
