package prove

import (
	"context"
	"fmt"
	"math"
	"strings"

	"spar/internal/rng"
)

// Claim 15 measures what a fresh observer can learn from tasks: triples of a program, an input and its output, with one of
// the three to be found. A program is two operations on a word of three letters.
const (
	letters      = 6
	operations   = 8
	taskTrain    = 4800 // rows
	taskHeldOut  = 300
	taskBatch    = 32
	taskEpochs   = 8
	taskPatience = 2
	taskSeeds    = 2
)

// Kinds of task, also the first token of a prompt.
const (
	deduction int32 = 1 + letters + operations + iota // program, input -> output
	abduction                                         // program, output -> input
	induction                                         // two inputs with their outputs -> program
	kindsEnd
)

func observerShape() shape {
	return shape{vocabulary: int(kindsEnd), width: 48, layers: 2, positions: 24, stop: 0}
}

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

// task draws a row of a kind.
func task(kind int32, r *rng.Stream) row {
	first, second := r.IntN(operations), r.IntN(operations)
	program := []int32{int32(1 + letters + first), int32(1 + letters + second)}
	run := func(w word) word { return w.apply(first).apply(second) }
	in := newWord(r)
	out := run(in)
	join := func(parts ...[]int32) []int32 {
		all := []int32{kind}
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	switch kind {
	case deduction:
		return row{join(program, in.ids()), [][]int32{out.ids()}}
	case abduction:
		return row{join(program, out.ids()), [][]int32{in.ids()}}
	}
	other := newWord(r)
	return row{join(in.ids(), out.ids(), other.ids(), run(other).ids()), [][]int32{program}}
}

func tasks(kind int32, n int, r *rng.Stream) []row {
	out := make([]row, n)
	for i := range out {
		out[i] = task(kind, r)
	}
	return out
}

// shuffled gives every row another's response.
func shuffled(rows []row, r *rng.Stream) []row {
	out := make([]row, len(rows))
	for i, k := range r.Perm(len(rows)) {
		out[i] = row{rows[i].prompt, rows[k].responses}
	}
	return out
}

// information is what an observer makes of rows, in bits.
type information struct {
	s   float64 // first-epoch loss before each update, less the loss of the rows in the end (arXiv 2603.02218)
	edl float64 // the same, less the loss of as many held-out rows (arXiv 2601.04728)
}

// observe trains a student that knows the form of the rows and nothing else, as a pretrained observer would, and reports at the epoch of the least description length: S over the tokens and the held-out loss
// of a token together. There is no dropout, so that both losses are of one mode.
func observe(ctx context.Context, o Options, form, train, heldOut []row, seed uint64) (best information, err error) {
	s, err := newStudent(o, observerShape(), seed)
	if err != nil {
		return best, err
	}
	defer func() {
		if closed := s.close(); err == nil {
			err = closed
		}
	}()
	if err := s.likelihood(ctx, training{steps: 200, batch: 64, rate: 2e-3}, form, seed); err != nil {
		return best, err
	}
	if err := s.begin(); err != nil {
		return best, err
	}
	online, least, since := 0.0, math.Inf(1), 0
	rowTokens := float64(len(train[0].responses[0]))
	for epoch := range uint64(taskEpochs) {
		phase := training{steps: len(train) / taskBatch, batch: taskBatch, rate: 1e-3}
		err := s.steps(ctx, phase, train, seed+epoch, func(of []int, sums [][]float64) [][]float64 {
			coef := make([][]float64, len(of))
			for i := range of {
				if epoch == 0 {
					online -= sums[i][0]
				}
				coef[i] = []float64{-1 / (rowTokens * float64(len(of)))}
			}
			return coef
		})
		if err != nil {
			return best, err
		}
		after, err := s.totalLoss(ctx, train)
		if err != nil {
			return best, err
		}
		held, err := s.totalLoss(ctx, heldOut)
		if err != nil {
			return best, err
		}
		held *= float64(len(train)) / float64(len(heldOut)) // for as many rows as were trained on
		if length := online - after + held; length < least {
			least, since = length, 0
			best = information{(online - after) / math.Ln2, (online - held) / math.Ln2}
		} else if since++; since > taskPatience {
			break
		}
	}
	return best, nil
}

// totalLoss is the sum of the losses of the first responses, in nats.
func (s *student) totalLoss(ctx context.Context, rows []row) (total float64, err error) {
	sums, err := s.sums(ctx, rows)
	for _, x := range sums {
		total -= x[0]
	}
	return total, err
}

// observeKinds measures each kind, with its own responses or with shuffled ones; mean over the seeds.
func observeKinds(ctx context.Context, o Options, control bool) (map[int32]information, error) {
	out := map[int32]information{}
	for seed := range uint64(taskSeeds) {
		for kind := deduction; kind < kindsEnd; kind++ {
			r := rng.NewStream(seed, 15, uint32(kind))
			form := shuffled(tasks(kind, taskTrain, r), r)
			train, heldOut := tasks(kind, taskTrain, r), tasks(kind, taskHeldOut, r)
			if control {
				train, heldOut = shuffled(train, r), shuffled(heldOut, r)
			}
			x, err := observe(ctx, o, form, train, heldOut, seed)
			if err != nil {
				return nil, err
			}
			add(out, kind, x)
		}
	}
	return out, nil
}

func add(to map[int32]information, kind int32, x information) {
	sum := to[kind]
	to[kind] = information{sum.s + x.s/taskSeeds, sum.edl + x.edl/taskSeeds}
}

func inductionBits(ctx context.Context, o Options) (outcome, error) {
	whole, err := observeKinds(ctx, o, false)
	if err != nil {
		return outcome{}, err
	}
	ratio := whole[induction].s / max(whole[deduction].s, whole[abduction].s)
	return outcome{fmt.Sprintf("S of induction %.0f, deduction %.0f, abduction %.0f bits: %.2f times the larger", whole[induction].s,
		whole[deduction].s, whole[abduction].s, ratio), ratio >= 1.5 && ratio <= 4}, nil
}

func shuffledAnswers(ctx context.Context, o Options) (outcome, error) {
	whole, err := observeKinds(ctx, o, false)
	if err != nil {
		return outcome{}, err
	}
	control, err := observeKinds(ctx, o, true)
	if err != nil {
		return outcome{}, err
	}
	pass := true
	var parts []string
	for i, name := range []string{"deduction", "abduction", "induction"} {
		a, b := whole[deduction+int32(i)], control[deduction+int32(i)]
		pass = pass && b.s > 0 && b.edl <= 0.05*a.edl
		parts = append(parts, fmt.Sprintf("%s S %.0f, EDL %.0f, shuffled S %.0f, EDL %.0f", name, a.s, a.edl, b.s, b.edl))
	}
	return outcome{"bits: " + strings.Join(parts, "; "), pass}, nil
}
