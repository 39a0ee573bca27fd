package trainer

import (
	"context"
	"strings"

	"spar/loader/shard"
	"spar/trainer/journal"
)

func hintedName(t int) string { return iterationDir(t) + "/rollouts/hinted.shard" }

// retries reports whether iteration t draws again where no response passed.
func (r *run) retries(t int) bool { return r.c.Selection.Hint != "" && r.grown(t) == t }

// hintedDraw draws with the answer as a hint (rationalisation: Zelikman et al., arXiv 2203.14465, section 3.2).
func (r *run) hintedDraw(t int, c *corpus) draw {
	policyHash, _ := r.start(t)
	return draw{corpus: c, samples: r.c.Sampling.Samples, iteration: t, lane: hintLane, file: hintedName(t), policyHash: policyHash, judge: r.byVerifier()}
}

// retry gives the tasks of iteration t that no response passed a second try.
func (r *run) retry(ctx context.Context, t int) error {
	if !r.retries(t) {
		return nil
	}
	c, err := r.hintedTasks(t)
	if err != nil {
		return err
	}
	d := r.hintedDraw(t, c)
	_, path := r.start(t)
	inputs := r.drawInputs(d)
	inputs["rollouts"] = r.output(t, "sample", rolloutsName(t))
	return r.do(ctx, stage{
		iteration: t, name: "retry", outputs: []string{d.file}, inputs: inputs,
		work: func(ctx context.Context, e *journal.Entry) error {
			e.Counts["tasks"], e.Counts["prompts too long"] = int64(len(c.examples)), c.counts["long prompts left out"]
			return r.drawAll(ctx, d, path, e)
		},
	})
}

// hintedTasks are the tasks without a response that passed, their prompts with the hint. A task whose prompt leaves no room for a
// response then has no second try.
func (r *run) hintedTasks(t int) (*corpus, error) {
	rollouts, err := r.readRollouts(t)
	if err != nil {
		return nil, err
	}
	c := newCorpus(r.train.path)
	enc := encoder{c: r.c, m: r.model, counts: c.counts}
	for _, x := range r.train.examples {
		if passedAny(rollouts, x.key, r.c.Sampling.Samples) {
			continue
		}
		hinted, err := enc.posed(x.task, x.task.answer, r.hint(x.task))
		if err != nil {
			return nil, err
		}
		if len(hinted.prompt) >= r.c.MaxLength {
			c.counts["long prompts left out"]++
			continue
		}
		x.prompt = hinted.prompt
		c.add(x)
	}
	c.hash = hashExamples(c.examples)
	return c, nil
}

func passedAny(m records, key, samples int) bool {
	for j := range samples {
		if m.at(key, j).Verdict == shard.VerdictPass {
			return true
		}
	}
	return false
}

func (r *run) hint(t *task) string {
	return strings.ReplaceAll(r.c.Selection.Hint, "{answer}", t.answer)
}
