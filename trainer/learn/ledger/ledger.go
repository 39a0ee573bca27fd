// Package ledger remembers how often each task was solved: one small record a task, for millions of tasks and over all
// iterations of a run.
//
//	l, err := ledger.Open(fsys.OS, "runs/first/iter-002/tasks.ledger")
//	err = l.Observe(ledger.KeyOf(family, program, input), 3, successes, samples)
//	task, seen := l.Lookup(key)
//	p := l.Posterior(task, 3) // of the solve rate: p.Mean(), p.Signal(), p.Mixed(0, 2, 8)
//	err = l.Save(fsys.OS, "runs/first/iter-003/tasks.ledger")
//
// The solve rate has a Beta posterior. Because the Solver changes, old evidence is discounted: successes and failures are multiplied
// by the forgetting factor once for every iteration that has passed since, so the posterior of a task that is no longer tried
// returns to the prior.
//
// Besides the tasks it holds, in the same way, how often tasks of each level of difficulty were solved (ObserveLevel, Level), which is what
// a curriculum is steered by.
//
// A ledger in memory is a table of pages of 4096 records of 32 bytes: 38 to 76 bytes a task. On disk (FORMAT.md) it is a sorted
// list of records with a checksum each, written whole under a temporary name; the same observations give the same bytes in
// whatever order the tasks came.
//
// Lookup, Level, Each, Len, Bytes and Save may run concurrently with each other, Observe and ObserveLevel with nothing.
package ledger

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"unsafe"

	"spar/internal/fault"
)

// Params are fixed for the life of a ledger; a file carries them.
type Params struct {
	Forgetting float64 // what a success or failure still counts an iteration later; in (0, 1], 1: nothing is forgotten
	PriorAlpha float64 // of the solve rate's Beta prior, > 0
	PriorBeta  float64
}

// DefaultParams halve old evidence about every three iterations and begin with a uniform prior.
func DefaultParams() Params { return Params{Forgetting: 0.8, PriorAlpha: 1, PriorBeta: 1} }

func (p Params) check() error {
	for _, v := range []float64{p.Forgetting, p.PriorAlpha, p.PriorBeta} {
		if !(v > 0) || math.IsInf(v, 0) {
			return fault.Inputf("ledger: forgetting %v, prior (%v, %v): all three must be above 0 and finite", p.Forgetting, p.PriorAlpha, p.PriorBeta)
		}
	}
	if p.Forgetting > 1 {
		return fault.Inputf("ledger: forgetting %v; give at most 1, which forgets nothing", p.Forgetting)
	}
	return nil
}

// Ledger is an open ledger.
type Ledger struct {
	Params Params

	pages []*page // by the leading depth bits of a place; neighbours may be the same page
	depth uint
	n     int

	levels []record // those that were tried, ascending; a record's key is its level

	scratch []record // of a page that is split
}

// New returns an empty ledger.
func New(p Params) (*Ledger, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return &Ledger{Params: p, pages: []*page{newPage(0)}, scratch: make([]record, 0, pageSlots)}, nil
}

// Task is what is known about one task.
type Task struct {
	Successes float64 // discounted to iteration Last
	Failures  float64
	Trials    int64 // ever, not discounted
	Last      int   // iteration of the last observation
}

func (r *record) task() Task {
	return Task{Successes: float64(r.successes), Failures: float64(r.failures), Trials: int64(r.trials), Last: int(r.last) - 1}
}

// Observe adds successes among trials in an iteration. Several observations of one iteration add up; an iteration before the
// task's last one is an error, because evidence is discounted forwards only.
func (l *Ledger) Observe(key Key, iteration, successes, trials int) error {
	if err := checkCounts(iteration, successes, trials); err != nil {
		return fault.New(fault.Failed, "ledger: task %v: %w", key, err)
	}
	r, err := l.slot(key)
	if err != nil {
		return err
	}
	r.key = key
	if err := l.add(r, iteration, successes, trials); err != nil {
		return fault.New(fault.Failed, "ledger: task %v %w", key, err)
	}
	return nil
}

func checkCounts(iteration, successes, trials int) error {
	switch {
	case iteration < 0 || iteration >= math.MaxUint32:
		return fmt.Errorf("iteration %d is out of range", iteration)
	case trials < 0 || successes < 0 || successes > trials:
		return fmt.Errorf("%d successes in %d trials", successes, trials)
	}
	return nil
}

// add adds an observation to a record, which is free when its last is 0.
func (l *Ledger) add(r *record, iteration, successes, trials int) error {
	if r.last == 0 {
		r.last = uint32(iteration) + 1
	}
	at := int(r.last) - 1
	if iteration < at {
		return fmt.Errorf("was observed in iteration %d already, before iteration %d; the ledger belongs to a later iteration", at, iteration)
	}
	keep := l.discount(iteration - at)
	r.successes = float32(keep*float64(r.successes) + float64(successes))
	r.failures = float32(keep*float64(r.failures) + float64(trials-successes))
	r.trials = uint32(min(math.MaxUint32, uint64(r.trials)+uint64(trials)))
	r.last = uint32(iteration) + 1
	return nil
}

func (l *Ledger) discount(iterations int) float64 {
	return math.Pow(l.Params.Forgetting, float64(iterations))
}

// slot returns key's record, claiming a free one when it is new.
func (l *Ledger) slot(key Key) (*record, error) {
	place := key.place()
	for {
		p := l.page(place)
		r := p.find(key, place)
		if r.last != 0 {
			return r, nil
		}
		if p.used < pageFull {
			p.used++
			l.n++
			return r, nil
		}
		if err := l.grow(place); err != nil {
			return nil, err
		}
	}
}

func (l *Ledger) page(place uint64) *page { return l.pages[l.index(place)] }

// index is the leading depth bits; a shift by 64 gives 0.
func (l *Ledger) index(place uint64) uint64 { return place >> (64 - l.depth) }

// grow splits the page that holds place.
func (l *Ledger) grow(place uint64) error {
	p := l.page(place)
	if p.depth == maxDepth {
		return fault.New(fault.Failed, "ledger: more than %d tasks share %d bits of their hash; make keys with KeyOf", pageFull, maxDepth)
	}
	if p.depth == l.depth {
		doubled := make([]*page, 2*len(l.pages))
		for i, q := range l.pages {
			doubled[2*i], doubled[2*i+1] = q, q
		}
		l.pages, l.depth = doubled, l.depth+1
	}
	right := p.split(l.scratch)
	span := 1 << (l.depth - p.depth) // directory entries of each half
	first := int(l.index(place)) / (2 * span) * 2 * span
	for i := first + span; i < first+2*span; i++ {
		l.pages[i] = right
	}
	return nil
}

// Lookup returns what is known about a task.
func (l *Ledger) Lookup(key Key) (Task, bool) {
	place := key.place()
	r := l.page(place).find(key, place)
	if r.last == 0 {
		return Task{}, false
	}
	return r.task(), true
}

// Len is the number of tasks.
func (l *Ledger) Len() int { return l.n }

// Bytes is the memory that the table takes.
func (l *Ledger) Bytes() int64 {
	n := int64(len(l.pages))*int64(unsafe.Sizeof(l.pages[0])) + int64(cap(l.scratch))*int64(unsafe.Sizeof(record{}))
	for p := range l.eachPage() {
		n += int64(unsafe.Sizeof(*p) + unsafe.Sizeof(*p.slots))
	}
	return n
}

// eachPage yields each page once, in the order of places.
func (l *Ledger) eachPage() iter.Seq[*page] {
	return func(yield func(*page) bool) {
		for i, p := range l.pages {
			if (i == 0 || l.pages[i-1] != p) && !yield(p) {
				return
			}
		}
	}
}

// sorted yields all records in the order of a file. A record is valid until the next one.
func (l *Ledger) sorted() iter.Seq[*record] {
	return func(yield func(*record) bool) {
		scratch := make([]record, 0, pageSlots) // not the ledger's: several may read
		for p := range l.eachPage() {
			scratch = p.records(scratch)
			slices.SortFunc(scratch, func(a, b record) int {
				if a.key.before(b.key) {
					return -1
				}
				return 1
			})
			for i := range scratch {
				if !yield(&scratch[i]) {
					return
				}
			}
		}
	}
}

// Each yields every task, in an order that depends on the set of tasks alone.
func (l *Ledger) Each() iter.Seq2[Key, Task] {
	return func(yield func(Key, Task) bool) {
		for r := range l.sorted() {
			if !yield(r.key, r.task()) {
				return
			}
		}
	}
}
