package search

import (
	"context"
	"slices"

	"spar/trainer/policy"
)

// Beam searches step by step. The first round draws o.Width * o.Samples first steps of each problem; every later one continues each of the
// o.Width kept beams by o.Samples steps. Beams that have ended stay in the contest with their score. A round is one call of the sampler and one of
// the judge for all problems. Equal continuations of a beam count once.
func Beam(ctx context.Context, s Sampler, j Judge, problems []Problem, o Options) ([]Result, error) {
	if err := o.check(true); err != nil {
		return nil, err
	}
	b := beaming{sampler: s, judge: j, problems: problems, options: o, results: make([]Result, len(problems))}
	b.aggregate, _ = aggregation(o.Aggregate)
	for i := range b.results {
		b.results[i].Responses = []Response{{}}
	}
	for round := 0; (o.MaxSteps == 0 || round < o.MaxSteps) && b.open(); round++ {
		if err := b.round(ctx, round); err != nil {
			return nil, err
		}
	}
	return b.results, nil
}

// beaming is a search in progress; the beams are the responses of the results.
type beaming struct {
	sampler   Sampler
	judge     Judge
	problems  []Problem
	options   Options
	aggregate func([]float64) float64
	results   []Result
}

// open reports whether any beam has not ended.
func (b *beaming) open() bool {
	return slices.ContainsFunc(b.results, func(r Result) bool {
		return slices.ContainsFunc(r.Responses, func(x Response) bool { return !x.ended })
	})
}

// branch is a beam in a round.
type branch struct {
	problem int
	beam    Response
	drawn   []Response // by sample
}

func (b *beaming) round(ctx context.Context, round int) error {
	branches, requests := b.branches(round)
	err := b.sampler.Sample(ctx, requests, b.options.Capacity, func(c policy.Completion) error {
		x := &branches[c.ID]
		x.drawn[c.Sample-requests[c.ID].FirstSample] = b.extend(x.beam, c)
		b.results[x.problem].Tokens += len(c.Tokens)
		return nil
	})
	if err != nil {
		return err
	}
	next := make([][]Response, len(b.problems))
	for i, r := range b.results {
		for _, x := range r.Responses {
			if x.ended {
				next[i] = append(next[i], x)
			}
		}
	}
	for _, x := range branches {
		next[x.problem] = append(next[x.problem], distinct(x.drawn)...)
	}
	if err := b.score(ctx, next); err != nil {
		return err
	}
	for i, all := range next {
		rank(all)
		b.results[i].Responses = all[:min(len(all), b.options.Width)]
	}
	return nil
}

// branches asks for the next step of every beam that has not ended.
func (b *beaming) branches(round int) ([]branch, []policy.SampleRequest) {
	var branches []branch
	var requests []policy.SampleRequest
	for i, r := range b.results {
		samples := b.options.Samples
		if round == 0 {
			samples *= b.options.Width
		}
		for k, x := range r.Responses {
			if x.ended {
				continue
			}
			q := b.options.Settings
			q.ID, q.PromptKey, q.Iteration = len(branches), b.problems[i].Key, round
			q.Prompt = slices.Concat(b.problems[i].Prompt, x.IDs)
			q.Samples, q.FirstSample = samples, k*samples
			q.MaxNewTokens -= len(x.IDs)
			q.StopStrings = b.options.Splitters
			requests = append(requests, q)
			branches = append(branches, branch{problem: i, beam: x, drawn: make([]Response, samples)})
		}
	}
	return branches, requests
}

// extend is a beam with one more step, not judged yet. It has ended where a stop id was drawn or no token is left.
func (b *beaming) extend(x Response, c policy.Completion) Response {
	out := x
	out.IDs = slices.Concat(x.IDs, c.Tokens)
	out.Text = x.Text + c.Text
	out.Finished = c.Finish == policy.FinishStop && slices.Contains(b.options.Settings.StopIDs, c.Tokens[len(c.Tokens)-1])
	out.ended = out.Finished || len(out.IDs) >= b.options.Settings.MaxNewTokens
	switch {
	case !blank(c.Text):
		out.Steps = append(slices.Clone(x.Steps), c.Text)
	case out.ended && len(x.Scores) > 0:
		out.Scores = x.Scores[:len(x.Scores)-1] // to be judged again, now as the last step
	}
	out.take(b.aggregate, out.Scores)
	return out
}

// distinct keeps the first of equal responses.
func distinct(rs []Response) []Response {
	var out []Response
	for _, r := range rs {
		if !slices.ContainsFunc(out, func(x Response) bool { return slices.Equal(x.IDs, r.IDs) }) {
			out = append(out, r)
		}
	}
	return out
}

// score judges the steps that have no score yet: at most the last one of a response.
func (b *beaming) score(ctx context.Context, all [][]Response) error {
	var traces []Trace
	var fresh []*Response
	for i := range all {
		for k := range all[i] {
			if x := &all[i][k]; len(x.Scores) < len(x.Steps) {
				traces = append(traces, Trace{b.problems[i].Text, x.Steps, x.ended})
				fresh = append(fresh, x)
				b.results[i].Judged++
			}
		}
	}
	scores, err := judged(ctx, b.judge, traces)
	if err != nil {
		return err
	}
	for i, x := range fresh {
		x.take(b.aggregate, append(slices.Clone(x.Scores), scores[i]))
	}
	return nil
}
