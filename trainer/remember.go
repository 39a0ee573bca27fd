package trainer

import (
	"context"
	"fmt"

	"spar/loader/shard"
	"spar/trainer/journal"
	"spar/trainer/learn/ledger"
	"spar/trainer/metrics"
)

func ledgerName(t int) string { return iterationDir(t) + "/tasks.ledger" }

// remember adds iteration t's verdicts to the ledger of all tasks that the run has tried, and writes it as a new file.
func (r *run) remember(ctx context.Context, t int) error {
	s := stage{iteration: t, name: "remember", outputs: []string{ledgerName(t)}, inputs: map[string]string{
		"rollouts": r.output(t, "sample", rolloutsName(t)), "proposals": r.output(t, "propose", proposalsName(t)), "train": r.train.hash,
	}}
	if t > 0 {
		s.inputs["before"] = r.output(t-1, "remember", ledgerName(t-1))
	}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		l, err := r.ledgerBefore(t)
		if err != nil {
			return err
		}
		if r.grown(t) == t {
			if err := r.enter(l, t); err != nil {
				return err
			}
		}
		e.Values = ledgerValues(l, t, r.c.Sampling.Samples)
		if err := l.Save(r.fs, r.path(ledgerName(t))); err != nil {
			return err
		}
		return r.metrics.Append(metrics.Record{Iteration: t, Step: r.stepsBefore(t), Values: e.Values})
	}
	return r.do(ctx, s)
}

func (r *run) ledgerBefore(t int) (*ledger.Ledger, error) {
	if t == 0 {
		return ledger.New(ledger.DefaultParams())
	}
	return ledger.Open(r.fs, r.path(ledgerName(t-1)))
}

// enter observes what iteration t drew.
func (r *run) enter(l *ledger.Ledger, t int) error {
	c, err := r.tasks(t)
	if err != nil {
		return err
	}
	rollouts, err := r.readRollouts(t)
	if err != nil {
		return err
	}
	for _, x := range c.examples {
		passed := 0
		for j := range r.c.Sampling.Samples {
			rec, err := rollouts.get(rolloutsName(t), x.key, j)
			if err != nil {
				return err
			}
			if rec.Verdict == shard.VerdictPass {
				passed++
			}
		}
		if err := l.Observe(r.taskKey(x), t, passed, r.c.Sampling.Samples); err != nil {
			return err
		}
	}
	return nil
}

// taskKey names a task by what is asked and what is accepted, so that the same task proposed again is the same.
func (r *run) taskKey(x example) ledger.Key {
	return ledger.KeyOf(fmt.Sprint(x.prompt), r.verifierOf(x.task), x.task.answer, x.task.tests)
}

// ledgerValues sum a ledger up: tasks known, and means over those that iteration t tried, of the posterior solve rate, of the signal that it
// promises, and of the chance that a group of draws gives none.
func ledgerValues(l *ledger.Ledger, t, group int) map[string]float64 {
	v := map[string]float64{"ledger/tasks": float64(l.Len())}
	tried, rate, signal, zero := 0.0, 0.0, 0.0, 0.0
	for _, task := range l.Each() {
		if task.Last != t {
			continue
		}
		p := l.Posterior(task, t)
		tried++
		rate += p.Mean()
		signal += p.Signal()
		zero += p.ZeroSignal(group)
	}
	if tried > 0 {
		v["ledger/solve_rate"], v["ledger/expected_signal"], v["ledger/zero_signal"] = rate/tried, signal/tried, zero/tried
	}
	v["ledger/tried"] = tried
	return v
}
