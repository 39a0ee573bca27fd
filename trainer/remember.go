package trainer

import (
	"context"
	"encoding/binary"

	"spar/loader/shard"
	"spar/trainer/journal"
	"spar/trainer/learn/ledger"
	"spar/trainer/metrics"
)

func ledgerName(t int) string { return iterationDir(t) + "/tasks.ledger" }

// remember adds iteration t's verdicts to the ledger of all tasks that the run has tried, and writes it as a new file.
func (r *run) remember(ctx context.Context, t int) error {
	s := stage{iteration: t, name: "remember", books: true, outputs: []string{ledgerName(t)}, inputs: map[string]string{
		"rollouts": r.output(t, "sample", rolloutsName(t)), "proposals": r.output(t, "propose", proposalsName(t)), "train": r.train.hash,
	}}
	if t > 0 {
		s.inputs["before"] = r.output(t-1, "remember", ledgerName(t-1))
	}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		defer r.counted()()
		l, err := r.ledgerBefore(t)
		if err != nil {
			return err
		}
		r.known = known{} // what is in memory is of no iteration until it is written
		var tried []ledger.Key
		if r.grown(t) == t {
			if tried, err = r.enter(l, t); err != nil {
				return err
			}
		}
		e.Values = ledgerValues(l, t, tried, r.c.Sampling.Samples)
		if err := l.Save(r.fs, r.path(ledgerName(t))); err != nil {
			return err
		}
		r.known = known{t, l}
		return r.metrics.Append(metrics.Record{Iteration: t, Step: r.stepsBefore(t), Values: e.Values})
	}
	return r.do(ctx, s)
}

// known is the ledger as this process wrote or read it last.
type known struct {
	iteration int            // that wrote the file
	ledger    *ledger.Ledger // nil: none yet
}

// ledgerBefore is what was known when iteration t began.
func (r *run) ledgerBefore(t int) (*ledger.Ledger, error) {
	switch {
	case t == 0:
		return ledger.New(ledger.DefaultParams())
	case r.known.ledger != nil && r.known.iteration == t-1:
		return r.known.ledger, nil
	}
	l, err := ledger.Open(r.fs, r.path(ledgerName(t-1)))
	if err == nil {
		r.known = known{t - 1, l}
	}
	return l, err
}

// count is how many of some responses passed.
type count struct{ passed, tried int }

// enter observes what iteration t drew, and returns the tasks that it tried.
func (r *run) enter(l *ledger.Ledger, t int) ([]ledger.Key, error) {
	c, err := r.tasks(t)
	if err != nil {
		return nil, err
	}
	rollouts, err := r.readRollouts(t)
	if err != nil {
		return nil, err
	}
	var tried []ledger.Key
	levels := map[int]count{}
	for _, x := range c.examples {
		n := count{tried: max(1, len(rollouts[x.key]))}
		for j := range n.tried {
			rec, err := rollouts.get(rolloutsName(t), x.key, j)
			if err != nil {
				return nil, err
			}
			if rec.Verdict == shard.VerdictPass {
				n.passed++
			}
		}
		key := r.taskKey(x)
		if err := l.Observe(key, t, n.passed, n.tried); err != nil {
			return nil, err
		}
		tried = append(tried, key)
		if x.task.level > 0 {
			of := levels[x.task.level]
			levels[x.task.level] = count{of.passed + n.passed, of.tried + n.tried}
		}
	}
	for level, n := range levels {
		if err := l.ObserveLevel(level, t, n.passed, n.tried); err != nil {
			return nil, err
		}
	}
	return tried, nil
}

// taskKey names a task by what is asked and what is accepted, so that the same task proposed again is the same.
func (r *run) taskKey(x example) ledger.Key {
	prompt := make([]byte, 0, 4*len(x.prompt))
	for _, token := range x.prompt {
		prompt = binary.LittleEndian.AppendUint32(prompt, uint32(token))
	}
	return ledger.KeyOf(string(prompt), r.verifierOf(x.task), x.task.answer, x.task.tests)
}

// ledgerValues sum a ledger up: tasks known, and means over those that iteration t tried, of the posterior solve rate, of the signal that it
// promises, and of the chance that a group of draws gives none.
func ledgerValues(l *ledger.Ledger, t int, tried []ledger.Key, group int) map[string]float64 {
	v := map[string]float64{"ledger/tasks": float64(l.Len())}
	rate, signal, zero := 0.0, 0.0, 0.0
	seen := make(map[ledger.Key]bool, len(tried))
	for _, key := range tried {
		if seen[key] {
			continue
		}
		seen[key] = true
		task, _ := l.Lookup(key)
		p := l.Posterior(task, t)
		rate += p.Mean()
		signal += p.Signal()
		zero += p.ZeroSignal(group)
	}
	if n := float64(len(seen)); n > 0 {
		v["ledger/solve_rate"], v["ledger/expected_signal"], v["ledger/zero_signal"] = rate/n, signal/n, zero/n
	}
	v["ledger/tried"] = float64(len(seen))
	return v
}
