package trainer

import (
	"context"
	"fmt"
	"math"

	"spar/internal/fault"
	"spar/internal/rng"
	"spar/loader/shard"
	"spar/trainer/journal"
	"spar/trainer/metrics"
	"spar/trainer/selfplay/choose"
)

// selected is a line of selected.jsonl: a response that is learnt from, with where it came from. The tokens are in the rollouts, or for
// a response by people in the data set.
type selected struct {
	Key    int     `json:"key"`    // row of the data set
	From   int     `json:"from"`   // iteration whose rollouts hold the response; -1: the row's own solution
	Sample int     `json:"sample"` // of the rollouts
	Hinted bool    `json:"hinted"` // among the second tries
	Score  float64 `json:"score"`
}

func selectedName(t int) string { return iterationDir(t) + "/selected.jsonl" }

// grown is the iteration that drew what iteration t learns from.
func (r *run) grown(t int) int {
	if !r.c.Selects() {
		return t
	}
	return t - t%r.c.Selection.ImproveSteps
}

// pooled lists the iterations whose responses iteration t chooses from, oldest first.
func (r *run) pooled(t int) []int {
	last := r.grown(t)
	if r.c.Selection.Pool != "all" {
		return []int{last}
	}
	var out []int
	for i := 0; i <= last; i += r.c.Selection.ImproveSteps {
		out = append(out, i)
	}
	return out
}

// choose decides which verified responses iteration t learns from.
func (r *run) choose(ctx context.Context, t int) error {
	s := stage{iteration: t, name: "select", books: true, outputs: []string{selectedName(t)}, inputs: map[string]string{
		"train": r.train.hash, "settings": hashText(r.c.ThresholdAt(t), r.c.Selection.Dedupe, r.c.Selection.MaxPerPrompt, r.c.Selection.HumanShare, r.c.TruncatedSamples, r.c.Seed),
	}}
	for _, from := range r.pooled(t) {
		s.inputs[fmt.Sprintf("rollouts %d", from)] = r.output(from, "sample", rolloutsName(from))
		s.inputs[fmt.Sprintf("hinted %d", from)] = r.output(from, "retry", hintedName(from))
	}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		done := r.counted()
		drawn, err := r.readDrawn(r.pooled(t))
		if err != nil {
			return err
		}
		rule := r.rule(t)
		kept, n := rule.Choose(r.candidates(drawn, e.Counts))
		if n.Kept == 0 {
			return fault.Inputf("none of %d responses is kept: %d failed, %d scored at most %v; use easier tasks, more samples_per_prompt, a lower threshold or a hint", n.Candidates, n.Failed, n.Low, rule.Threshold)
		}
		lines, err := r.withSolutions(t, kept)
		if err != nil {
			return err
		}
		countChoice(e.Counts, n, len(lines))
		r.logf("%s: %s", r.heading, countsText(e.Counts))
		if err := writeLines(r.fs, r.path(selectedName(t)), lines); err != nil {
			return err
		}
		done()
		last := drawn[len(drawn)-1]
		values, err := r.drawnValues(ctx, last.iteration, r.train, last.rollouts)
		if err != nil {
			return err
		}
		addChoice(values, n, len(lines)-n.Kept)
		return r.metrics.Append(metrics.Record{Iteration: t, Step: r.stepsBefore(t), Values: values})
	}
	return r.do(ctx, s)
}

func countChoice(counts map[string]int64, n choose.Counts, lines int) {
	for name, v := range map[string]int{"candidates": n.Candidates, "failed": n.Failed, "below the threshold": n.Low, "duplicates": n.Duplicate, "over the cap": n.Capped,
		"kept": n.Kept, "hinted": n.Hinted, "tasks": n.Tasks, "by people": lines - n.Kept} {
		counts[name] = int64(v)
	}
}

// drawnIn is what one iteration drew.
type drawnIn struct {
	iteration        int
	rollouts, hinted records
}

func (r *run) readDrawn(iterations []int) ([]drawnIn, error) {
	var out []drawnIn
	for _, t := range iterations {
		d := drawnIn{iteration: t}
		var err error
		if d.rollouts, err = r.readRollouts(t); err != nil {
			return nil, err
		}
		if r.retries(t) {
			if d.hinted, err = r.readHinted(t); err != nil {
				return nil, err
			}
		}
		out = append(out, d)
	}
	return out, nil
}

func (r *run) readHinted(t int) (records, error) {
	d := r.hintedDraw(t, nil)
	return r.readShard(d.file, r.header(d.policyHash, r.settings(d)))
}

// candidates are all verified responses. One that ran out of tokens is left out, and counted, unless the config keeps them.
func (r *run) candidates(drawn []drawnIn, counts map[string]int64) []choose.Candidate {
	n := 0
	for _, d := range drawn {
		n += r.c.Sampling.Samples * (len(d.rollouts) + len(d.hinted))
	}
	out := make([]choose.Candidate, 0, n)
	for _, d := range drawn {
		for hinted, m := range map[bool]records{false: d.rollouts, true: d.hinted} {
			for rec := range m.all() {
				if rec.Finish == shard.FinishLength {
					counts["truncated"]++
					if r.c.TruncatedSamples == "exclude" {
						continue
					}
				}
				c := r.candidate(rec)
				c.Iteration, c.Hinted = d.iteration, hinted
				out = append(out, c)
			}
		}
	}
	return out
}

func (r *run) candidate(rec shard.Record) choose.Candidate {
	c := choose.Candidate{Task: rec.Group, Sample: rec.Sample, Passed: rec.Verdict == shard.VerdictPass, Score: float64(rec.Reward)}
	if c.Passed { // the others are not compared
		c.Text, c.Answer = r.text(rec.Response), string(rec.Meta)
	}
	return c
}

// rule is how iteration t selects.
func (r *run) rule(t int) choose.Rule {
	return choose.Rule{Threshold: r.c.ThresholdAt(t), Dedupe: choose.Dedupe(r.c.Selection.Dedupe), MaxPerTask: r.c.Selection.MaxPerPrompt}
}

// withSolutions adds solutions by people until they are the configured share of the examples.
func (r *run) withSolutions(t int, kept []choose.Candidate) ([]selected, error) {
	var out []selected
	for _, c := range kept {
		out = append(out, selected{Key: c.Task, From: c.Iteration, Sample: c.Sample, Hinted: c.Hinted, Score: c.Score})
	}
	share := r.c.Selection.HumanShare
	if share == 0 {
		return out, nil
	}
	var solved []int
	for _, x := range r.train.examples {
		if x.task.solved {
			solved = append(solved, x.key)
		}
	}
	want := int(math.Round(share / (1 - share) * float64(len(kept))))
	if want > len(solved) {
		return nil, fault.Inputf("%s: selection.human_share %v beside %d responses needs %d rows with a solution, and %d have one; lower the share or give more solutions",
			r.train.path, share, len(kept), want, len(solved))
	}
	for _, i := range rng.NewStream(r.c.Seed, hintLane, uint32(t)).Perm(len(solved))[:want] {
		out = append(out, selected{Key: solved[i], From: -1, Score: 1})
	}
	return out, nil
}
