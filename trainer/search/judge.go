package search

import (
	"context"
	"math"
	"slices"
	"strings"

	"spar/internal/fault"
	"spar/trainer/verify"
)

// Trace is the beginning of a response, cut after a step.
type Trace struct {
	Problem string
	Steps   []string // at least one
	Ended   bool     // the response ends with the last step: a judge that does not look lets one win that stops before it can err
}

// Judge scores the last step of each trace in the light of those before it: 1 is surely right, 0 surely wrong.
type Judge interface {
	Judge(ctx context.Context, traces []Trace) ([]float64, error)
}

// Verified makes a judge of a verifier: a trace is shown to it as a response that ends there, with its steps, and its score counts. A verifier
// that aggregates the steps so far itself, process, goes with AggregateLast; one of whole answers goes with BestOf without splitters. It is not
// told where a response ends, but a step that goes on still has its splitter at its end. What timed out or crashed scores 0; what the verifier
// refuses to judge is an error, for it lacks something that all steps lack.
func Verified(v verify.Verifier) Judge { return verified{v} }

type verified struct{ verifier verify.Verifier }

func (j verified) Judge(ctx context.Context, traces []Trace) ([]float64, error) {
	items := make([]verify.Item, len(traces))
	for i, t := range traces {
		items[i] = verify.Item{Problem: t.Problem, Response: strings.Join(t.Steps, "")}
		for _, s := range t.Steps {
			items[i].Steps = append(items[i].Steps, verify.Step{Text: s})
		}
	}
	outcomes, err := j.verifier.Verify(ctx, items)
	if err != nil {
		return nil, err
	}
	scores := make([]float64, len(outcomes))
	for i, o := range outcomes {
		if o.Verdict == verify.Refused {
			return nil, fault.Inputf("search: verifier %s cannot judge a step: %s", j.verifier.Name(), o.Detail)
		}
		scores[i] = o.Score
	}
	return scores, nil
}

// judged asks the judge and does not trust the shape of its answer.
func judged(ctx context.Context, j Judge, traces []Trace) ([]float64, error) {
	if len(traces) == 0 {
		return nil, nil
	}
	scores, err := j.Judge(ctx, traces)
	if err != nil {
		return nil, err
	}
	if len(scores) != len(traces) {
		return nil, fault.New(fault.Failed, "search: the judge gave %d scores for %d steps", len(scores), len(traces))
	}
	if i := slices.IndexFunc(scores, func(s float64) bool { return !(s >= 0 && s <= 1) || math.IsNaN(s) }); i >= 0 {
		return nil, fault.New(fault.Failed, "search: the judge scored step %d of %q with %v; scores are from 0 to 1", len(traces[i].Steps), traces[i].Problem, scores[i])
	}
	return scores, nil
}
