// Package pack lays token sequences out as packed batches in which responses share their prompt.
//
// A group is one prompt with k responses. It takes one prefix segment (the prompt without its last
// id) and, for each response, one segment that begins with the prompt's last id and goes on with the
// response without its own last id. So row i of a response predicts response[i], the prompt is
// computed once, and there is no padding. A prompt of one id has no prefix segment; an empty response
// takes no rows.
//
//	batches, err := pack.Split(groups, limits)   // which groups go together
//	rows, segments := pack.Fill(batch, arrays)   // write the batch
//	spans := pack.Index(batch)                   // where each response's scores will be
//
// All functions are pure except Fill, which writes only into the arrays it is given.
package pack

import (
	"spar/internal/fault"
	"spar/internal/rng"
)

// NoTarget marks a row whose next id is not scored.
const NoTarget = -1

// NoPrefix marks a segment that attends to itself only.
const NoPrefix = -1

// Group is one prompt and its responses, as token ids.
type Group struct {
	Key       int     // the caller's name for the group, used in errors
	Prompt    []int32 // at least one id
	Responses [][]int32
}

// Limits are capacities of a batch. In Split a zero means no limit.
type Limits struct{ Rows, Segments, Targets int }

// Segment is a run of rows, laid out in memory like the engine's.
type Segment struct{ FirstRow, NumRows, Prefix, Reserved int32 }

// Arrays is where Fill writes: Token, Position and Target of [rows], Segment of [segments].
type Arrays struct {
	Token, Position, Target []int32
	Segment                 []Segment
}

// Span is a run of rows of a batch.
type Span struct{ First, Count int }

// Rows is the number of rows that g takes.
func Rows(g Group) int {
	targets := Targets(g)
	if targets == 0 {
		return 0
	}
	return len(g.Prompt) - 1 + targets
}

// Targets is the number of rows of g with a score: the response ids.
func Targets(g Group) int {
	n := 0
	for _, r := range g.Responses {
		n += len(r)
	}
	return n
}

// Segments is the number of segments that g takes.
func Segments(g Group) int {
	n := 0
	for _, r := range g.Responses {
		if len(r) > 0 {
			n++
		}
	}
	if n > 0 && len(g.Prompt) > 1 {
		n++
	}
	return n
}

// Need is the capacity that a batch of all of gs takes.
func Need(gs []Group) Limits {
	var need Limits
	for _, g := range gs {
		need = need.plus(g)
	}
	return need
}

func (l Limits) plus(g Group) Limits {
	return Limits{l.Rows + Rows(g), l.Segments + Segments(g), l.Targets + Targets(g)}
}

func (l Limits) within(max Limits) bool {
	return (max.Rows == 0 || l.Rows <= max.Rows) &&
		(max.Segments == 0 || l.Segments <= max.Segments) &&
		(max.Targets == 0 || l.Targets <= max.Targets)
}

// Split cuts gs into batches of consecutive groups, each as large as the limits allow, and returns
// the indices into gs. A group with an empty prompt, or one that does not fit alone, is an input
// error that names its key.
func Split(gs []Group, max Limits) ([][]int, error) {
	var batches [][]int
	var open []int
	var need Limits
	for i, g := range gs {
		if err := check(g, max); err != nil {
			return nil, err
		}
		if next := need.plus(g); len(open) == 0 || next.within(max) {
			open, need = append(open, i), next
			continue
		}
		batches = append(batches, open)
		open, need = []int{i}, Limits{}.plus(g)
	}
	if len(open) > 0 {
		batches = append(batches, open)
	}
	return batches, nil
}

func check(g Group, max Limits) error {
	if len(g.Prompt) == 0 {
		return fault.Inputf("group %d has an empty prompt: it needs at least one token to predict from", g.Key)
	}
	if need := (Limits{}).plus(g); !need.within(max) {
		return fault.Inputf("group %d needs %d rows, %d segments and %d scored tokens, and a batch holds %d, %d and %d: "+
			"raise the token budget or shorten the example", g.Key,
			need.Rows, need.Segments, need.Targets, max.Rows, max.Segments, max.Targets)
	}
	return nil
}

// orderLane names the stream of numbers that Order draws from.
const orderLane = 0x6f726472

// Order is the order of n examples in an epoch: a pure function of its arguments, so that a resumed
// run goes on where it stopped.
func Order(n int, seed uint64, epoch int, shuffle bool) []int {
	if shuffle {
		return rng.NewStream(seed, orderLane, uint32(epoch)).Perm(n)
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}
