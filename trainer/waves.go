package trainer

import (
	"slices"

	"spar/loader/shard"
	"spar/trainer/learn/ledger"
	"spar/trainer/selfplay/choose"
)

// A draw that stops decided tasks comes in waves. Which tasks a wave draws for depends on the verdicts of the waves before it alone, so it is
// the same whatever the timing, the threads and the interruptions.

// waves is in how many equal parts the draws of a task come when decided ones are stopped.
const waves = 4

// wave is a part of a draw: the same samples of some tasks.
type wave struct {
	tasks          []int // numbers of the corpus's examples, ascending
	first, samples int   // of each task
	before         int   // records of earlier waves
}

// records is how many the wave draws.
func (w wave) records() int { return len(w.tasks) * w.samples }

// position is the place in the shard of a sample of a task.
func (w wave) position(at id) int {
	rank, _ := slices.BinarySearch(w.tasks, at.key)
	return w.before + rank*w.samples + at.sample - w.first
}

// at is what belongs in a place of the shard; ok is false behind the wave.
func (w wave) at(position int) (at id, ok bool) {
	i := position - w.before
	if i < 0 || i >= w.records() {
		return id{}, false
	}
	return id{w.tasks[i/w.samples], w.first + i%w.samples}, true
}

// firstWave is all of d, or where decided tasks are stopped its first part, which has two responses at least.
func (d draw) firstWave() wave {
	w := wave{tasks: make([]int, len(d.corpus.examples)), samples: d.samples}
	for i := range w.tasks {
		w.tasks[i] = i
	}
	if d.decided != nil {
		w.samples = min(d.samples, max(2, (d.samples+waves-1)/waves))
	}
	return w
}

// after is the wave after w, of the tasks that what was drawn so far leaves open.
func (d draw) after(w wave, so records) wave {
	next := wave{first: w.first + w.samples, before: w.before + w.records()}
	next.samples = min(w.samples, d.samples-next.first)
	if next.samples <= 0 || d.decided == nil {
		return wave{before: next.before}
	}
	for _, task := range w.tasks {
		if !d.decided(so[d.corpus.examples[task].key]) {
			next.tasks = append(next.tasks, task)
		}
	}
	return next
}

// decided says when iteration t needs no more responses to a task than those that it has; nil where all are drawn.
func (r *run) decided(t int) func([]shard.Record) bool {
	switch {
	case !r.c.Sampling.StopDecided:
		return nil
	case r.c.Selects():
		return r.fullyChosen(t)
	}
	return func(group []shard.Record) bool {
		passed := 0
		for _, rec := range group {
			if rec.Verdict == shard.VerdictPass {
				passed++
			}
		}
		return ledger.Decided(passed, len(group), r.c.Sampling.Samples) != ledger.Undecided
	}
}

// fullyChosen: as many responses as may be kept of a task are there, under the highest threshold of the iterations that learn from them.
func (r *run) fullyChosen(t int) func([]shard.Record) bool {
	rule := r.rule(t)
	for i := t; i < min(r.c.Iterations, t+r.c.Selection.ImproveSteps); i++ {
		rule.Threshold = max(rule.Threshold, r.c.ThresholdAt(i))
	}
	return func(group []shard.Record) bool {
		var candidates []choose.Candidate
		for _, rec := range group {
			if rec.Finish != shard.FinishLength || r.c.TruncatedSamples != "exclude" {
				candidates = append(candidates, r.candidate(rec))
			}
		}
		_, n := rule.Choose(candidates)
		return n.Kept == rule.MaxPerTask
	}
}
