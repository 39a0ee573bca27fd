package trainer

import (
	"context"

	"spar/trainer/journal"
)

// posed is what the proposer last said and the solver was asked, for the stages of an iteration that need it in turn.
type posed struct {
	sealed    string // hash of what the proposer said
	proposals []proposal
	records   records
	tasks     *corpus
}

// tasks are what the solver is asked in iteration t: the rows, or what the proposer set, numbered as the proposals.
func (r *run) tasks(t int) (*corpus, error) {
	if !r.c.Proposes() {
		return r.train, nil
	}
	proposals, _, err := r.readProposals(t)
	if err != nil {
		return nil, err
	}
	if r.posed.tasks == nil {
		r.posed.tasks, err = r.pose(proposals)
	}
	return r.posed.tasks, err
}

// pose makes the solver's tasks of proposals.
func (r *run) pose(proposals []proposal) (*corpus, error) {
	c := newCorpus("")
	enc := encoder{c: r.c, m: r.model, counts: c.counts}
	for i, p := range proposals {
		if p.Task == nil {
			continue
		}
		set := &task{problem: r.asked(p.Task.Problem), answer: p.Task.Answer, tests: p.Task.Tests, verifier: p.Task.Verifier, kind: p.Task.Kind, level: p.Task.Level}
		if r.c.Play.Verifier != "family" {
			set.verifier = r.c.Play.Verifier
		}
		x, err := enc.posed(set, "", "")
		if err != nil {
			return nil, err
		}
		if len(x.prompt) >= r.c.MaxLength {
			c.counts["long prompts left out"]++
			continue
		}
		x.key, x.task = i, set
		c.add(x)
	}
	c.hash = hashExamples(c.examples)
	return c, nil
}

// solve draws the solver's responses to the tasks of iteration t.
func (r *run) solve(ctx context.Context, t int) error {
	c, err := r.tasks(t)
	if err != nil {
		return err
	}
	policyHash, path := r.start(t)
	d := draw{corpus: c, samples: r.c.Sampling.Samples, iteration: t, lane: trainLane, file: rolloutsName(t), policyHash: policyHash, judge: r.byVerifier(), decided: r.decided(t)}
	return r.do(ctx, stage{
		iteration: t, name: "sample", outputs: []string{d.file}, inputs: r.drawInputs(d),
		work: func(ctx context.Context, e *journal.Entry) error {
			e.Counts["tasks"], e.Counts["prompts too long"] = int64(len(c.examples)), c.counts["long prompts left out"]
			return r.drawAll(ctx, d, path, e)
		},
	})
}
