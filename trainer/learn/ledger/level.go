package ledger

import (
	"cmp"
	"math"
	"slices"

	"spar/internal/fault"
)

// ObserveLevel adds successes among trials of tasks of a level of difficulty, counted from 1, as Observe does for one task. A level's counts
// are sums over its tasks: give an iteration's in one call, and equal observations give equal bytes.
func (l *Ledger) ObserveLevel(level, iteration, successes, trials int) error {
	err := checkCounts(iteration, successes, trials)
	if err != nil || level < 1 || level > math.MaxInt32 {
		return fault.New(fault.Failed, "ledger: level %d, iteration %d: %d successes in %d trials; levels count from 1", level, iteration, successes, trials)
	}
	at, tried := l.findLevel(level)
	if !tried {
		l.levels = slices.Insert(l.levels, at, record{key: levelKey(level)})
	}
	if err := l.add(&l.levels[at], iteration, successes, trials); err != nil {
		return fault.New(fault.Failed, "ledger: level %d %w", level, err)
	}
	return nil
}

// Level is what is known about the tasks of a level together; the zero Task, whose posterior is the prior, when none was tried.
func (l *Ledger) Level(level int) Task {
	if at, tried := l.findLevel(level); tried {
		return l.levels[at].task()
	}
	return Task{}
}

func (l *Ledger) findLevel(level int) (int, bool) {
	return slices.BinarySearchFunc(l.levels, levelKey(level), func(r record, k Key) int { return cmp.Compare(r.key.lo, k.lo) })
}

func levelKey(level int) Key { return Key{lo: uint64(level)} }

// insertLevel adds a level's record that is new and above all others.
func (l *Ledger) insertLevel(r record) error {
	n := len(l.levels)
	if r.key.hi != 0 || r.key.lo == 0 || n > 0 && r.key.lo <= l.levels[n-1].key.lo {
		return errOrder
	}
	l.levels = append(l.levels, r)
	return nil
}
