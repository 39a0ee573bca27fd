package ledger

// Posterior is a Beta distribution of a task's solve rate p.
type Posterior struct{ Alpha, Beta float64 }

// Posterior is what a task's record says in a given iteration: the prior plus the evidence, discounted to that iteration.
// The zero Task gives the prior.
func (l *Ledger) Posterior(t Task, iteration int) Posterior {
	keep := l.discount(max(0, iteration-t.Last))
	return Posterior{l.Params.PriorAlpha + keep*t.Successes, l.Params.PriorBeta + keep*t.Failures}
}

// Mean is E[p].
func (q Posterior) Mean() float64 { return q.Alpha / (q.Alpha + q.Beta) }

// Variance is Var[p].
func (q Posterior) Variance() float64 {
	n := q.Alpha + q.Beta
	return q.Alpha * q.Beta / (n * n * (n + 1))
}

// Signal is E[p(1-p)], the variance of one draw's reward that training on the task can be expected to see; at most 1/4. It is
// Mean (1-Mean) less Variance.
func (q Posterior) Signal() float64 {
	n := q.Alpha + q.Beta
	return q.Alpha * q.Beta / (n * (n + 1))
}

// ZeroSignal is E[p^G + (1-p)^G], the chance that all of a group of G draws end alike, so that a group-relative advantage is 0.
func (q Posterior) ZeroSignal(group int) float64 {
	return q.run(q.Alpha, group) + q.run(q.Beta, group)
}

// run is the chance that the next n draws all fall on the side whose parameter is a (Polya's urn).
func (q Posterior) run(a float64, n int) float64 {
	out := 1.0
	for i := range n {
		out *= (a + float64(i)) / (q.Alpha + q.Beta + float64(i))
	}
	return out
}

// Mixed is the chance that a group of the given size ends with both outcomes, after trials draws of it gave successes. A sampler that
// stops a group when this falls below a small bound saves the rest of its draws.
func (q Posterior) Mixed(successes, trials, group int) float64 {
	switch Decided(successes, trials, group) {
	case Signal:
		return 1
	case NoSignal:
		return 0
	}
	now := Posterior{q.Alpha + float64(successes), q.Beta + float64(trials-successes)}
	left := group - trials
	switch {
	case trials == 0:
		return 1 - now.ZeroSignal(left)
	case successes == 0:
		return 1 - now.run(now.Beta, left)
	}
	return 1 - now.run(now.Alpha, left)
}

// Outcome says what a group of draws with binary rewards will give a group-relative objective.
type Outcome uint8

// Outcomes of a group.
const (
	Undecided Outcome = iota // further draws decide
	Signal                   // both outcomes have occurred: no further draw can take the signal away
	NoSignal                 // all draws are done and alike: every advantage is 0
)

// String is the outcome in words.
func (o Outcome) String() string { return [...]string{"undecided", "signal", "no signal"}[o] }

// Decided says whether the outcome of a group can still change after trials of its draws gave successes. A decided group
// may be stopped: its remaining draws sharpen the advantage's size at most, never whether there is one.
func Decided(successes, trials, group int) Outcome {
	switch {
	case successes > 0 && successes < trials:
		return Signal
	case trials >= group:
		return NoSignal
	}
	return Undecided
}
