package search

import (
	"context"

	"spar/trainer/policy"
)

// BestOf draws o.Samples responses to each problem, all in one call of the sampler, and ranks them by their steps. The judge is called once.
func BestOf(ctx context.Context, s Sampler, j Judge, problems []Problem, o Options) ([]Result, error) {
	if err := o.check(false); err != nil {
		return nil, err
	}
	results := make([]Result, len(problems))
	requests := make([]policy.SampleRequest, len(problems))
	for i, p := range problems {
		r := o.Settings
		r.ID, r.Prompt, r.Samples, r.PromptKey = i, p.Prompt, o.Samples, p.Key
		requests[i] = r
		results[i].Responses = make([]Response, o.Samples)
	}
	err := s.Sample(ctx, requests, o.Capacity, func(c policy.Completion) error {
		r := &results[c.ID]
		r.Tokens += len(c.Tokens)
		r.Responses[c.Sample-o.Settings.FirstSample] = Response{
			IDs: c.Tokens, Text: c.Text, Steps: solid(Split(c.Text, o.Splitters)), Finished: c.Finish == policy.FinishStop, ended: true,
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, judgeWhole(ctx, j, problems, results, o)
}

// judgeWhole scores every step of every response and ranks.
func judgeWhole(ctx context.Context, j Judge, problems []Problem, results []Result, o Options) error {
	var traces []Trace
	for i, r := range results {
		for _, x := range r.Responses {
			for n := range x.Steps {
				traces = append(traces, Trace{problems[i].Text, x.Steps[:n+1], n+1 == len(x.Steps)})
			}
		}
	}
	scores, err := judged(ctx, j, traces)
	if err != nil {
		return err
	}
	aggregate, _ := aggregation(o.Aggregate)
	for i := range results {
		r := &results[i]
		for k := range r.Responses {
			x := &r.Responses[k]
			n := len(x.Steps)
			x.take(aggregate, scores[:n:n])
			scores = scores[n:]
			r.Judged += n
		}
		rank(r.Responses)
	}
	return nil
}

// solid leaves out blank steps.
func solid(steps []string) []string {
	var out []string
	for _, s := range steps {
		if !blank(s) {
			out = append(out, s)
		}
	}
	return out
}
