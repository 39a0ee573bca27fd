package verify

import (
	"context"
	"fmt"
	"math"
	"time"

	"spar/internal/fault"
)

// likelihood scores a response by how likely a model finds it after the problem: e to the mean log-prob per token, the geometric mean of the
// tokens' probabilities. With a model trained by dpo on correct and incorrect responses this is the verifier of V-STaR (Hosseini
// et al. 2024, arXiv 2402.06457), whose scores are meant to rank the responses to one problem.
type likelihood struct {
	threshold float64
	score     func(ctx context.Context, prompts, responses []string) ([]float64, error)
}

func newLikelihood(s Spec, o Options) (Verifier, error) {
	if o.Score == nil {
		return nil, fault.Inputf("verifier %s: there is no model to score with; name one", s.Name)
	}
	return likelihood{s.Threshold, o.Score}, nil
}

func (likelihood) Name() string { return "likelihood" }

func (l likelihood) Verify(ctx context.Context, batch []Item) ([]Outcome, error) {
	start := time.Now()
	var at []int
	var prompts, responses []string
	out := make([]Outcome, len(batch))
	for i, it := range batch {
		if it.Response == "" {
			out[i] = passed(false, "", "the response is empty")
			continue
		}
		at = append(at, i)
		prompts, responses = append(prompts, it.Problem), append(responses, it.Response)
	}
	if len(at) == 0 {
		return out, nil
	}
	scores, err := l.score(ctx, prompts, responses)
	if err != nil {
		return nil, err
	}
	if len(scores) != len(at) {
		return nil, fmt.Errorf("verifier likelihood: %d scores for %d responses", len(scores), len(at))
	}
	for k, i := range at {
		p := math.Exp(scores[k])
		if !(p >= 0 && p <= 1) {
			return nil, fault.New(fault.NonFinite, "verifier likelihood: the model gives response %d a mean log-prob of %v", i, scores[k])
		}
		out[i] = graded(p, l.threshold, fmt.Sprintf("mean log-prob %.4g", scores[k]))
		out[i].Took = time.Since(start) / time.Duration(len(at))
	}
	return out, nil
}
