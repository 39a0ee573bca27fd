// Package search spends computation at test time: it samples several responses, or many steps of several, and keeps what a judge of
// reasoning steps likes best.
//
//	o := search.Options{Samples: 8, Splitters: []string{"\n"}, Aggregate: search.AggregateMin, Settings: settings}
//	results, err := search.BestOf(ctx, policy, judge, problems, o)
//	o.Width = 4
//	results, err = search.Beam(ctx, policy, judge, problems, o) // 4 beams, each continued by 8 steps
//
// Best of k judges whole responses (Cobbe et al., arXiv 2110.14168, with one score a step as in Lightman et al., arXiv 2305.20050); beam
// search judges every step as it is made and goes on from the best (Snell et al., arXiv 2408.03314). Neither can find what the policy
// never samples, and both end where the judge errs: the more candidates, the likelier one that only the judge likes. So a judge should be
// measured before it is trusted, and Result counts what a search cost beside what it found.
//
// A search is a pure function of its arguments: what is drawn depends on the seed, the problem's key, the step and the sample, and ties go to
// the earlier sample. Functions may be called from any goroutine if sampler and judge may.
package search

import (
	"context"
	"slices"

	"spar/internal/fault"
	"spar/trainer/policy"
)

// Sampler is the part of a policy that a search needs.
type Sampler interface {
	Sample(ctx context.Context, rs []policy.SampleRequest, o policy.SampleOptions, on func(policy.Completion) error) error
}

// Options of a search.
type Options struct {
	Samples   int      // BestOf: responses to a problem; Beam: steps drawn after each beam
	Width     int      // Beam: how many are kept after each step
	MaxSteps  int      // Beam: rounds before a search ends with what it has; 0: until all beams have ended
	Splitters []string // texts that end a step; none: the response is one step
	Aggregate string   // of the scores of steps: AggregateMin and so on

	// Settings of the draws: MaxNewTokens of a whole response, Temperature, TopK, TopP, MinP, StopIDs, Seed.
	Settings policy.SampleRequest
	Capacity policy.SampleOptions
}

// Problem is what to search a response for.
type Problem struct {
	Key    int // of its draws; different for different problems
	Text   string
	Prompt []int32
}

// Response is a sampled response, perhaps unfinished, with what the judge thinks of it.
type Response struct {
	IDs      []int32
	Text     string
	Steps    []string  // of Text, those that are not blank
	Scores   []float64 // of Steps
	Score    float64   // aggregated; 0 without steps, and where the tokens ran out
	Finished bool      // ended by the model, not by a limit
	ended    bool      // by either
}

// take sets the scores of steps. What ran out of tokens has no end and is worth nothing, however good its steps.
func (r *Response) take(aggregate func([]float64) float64, scores []float64) {
	r.Scores, r.Score = scores, 0
	if len(scores) > 0 && (r.Finished || !r.ended) {
		r.Score = aggregate(scores)
	}
}

// Result is a search for one problem.
type Result struct {
	Responses []Response // best first: all of BestOf, the last beams of Beam
	Tokens    int        // sampled
	Judged    int        // steps put to the judge
}

// Best is the response that the search is for.
func (r Result) Best() Response { return r.Responses[0] }

func (o Options) check(beam bool) error {
	switch {
	case o.Samples < 1:
		return fault.Usagef("search: %d samples; use at least 1", o.Samples)
	case beam && o.Width < 1:
		return fault.Usagef("search: a beam of %d; use at least 1", o.Width)
	case o.MaxSteps < 0:
		return fault.Usagef("search: at most %d steps; use 0 for no limit, or more", o.MaxSteps)
	case beam && len(o.Splitters) == 0:
		return fault.Usagef("search: a beam needs a text that ends a step; give one, or search for the best of several responses")
	case slices.Contains(o.Splitters, ""):
		return fault.Usagef("search: an empty text cannot end a step")
	}
	_, err := aggregation(o.Aggregate)
	return err
}

// rank sorts the best first; the earlier one stays before its equals.
func rank(rs []Response) {
	slices.SortStableFunc(rs, func(a, b Response) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
}
