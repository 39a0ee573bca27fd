package verify

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// aggregates make one score of the steps' scores, of which there is at least one.
var aggregates = map[string]func([]float64) float64{
	"min": func(s []float64) float64 {
		least := s[0]
		for _, x := range s {
			least = min(least, x)
		}
		return least
	},
	"prod": func(s []float64) float64 {
		product := 1.0
		for _, x := range s {
			product *= x
		}
		return product
	},
	"last": func(s []float64) float64 { return s[len(s)-1] },
	"mean": func(s []float64) float64 {
		sum := 0.0
		for _, x := range s {
			sum += x
		}
		return sum / float64(len(s))
	},
}

// process judges by the steps of a response. Steps that come with scores are taken as they are; the others, and the parts
// between matches of the splitter where an item has no steps, are scored by the command or the model, which
// sees the problem and the steps before as the problem and the step as the response. A response passes when the aggregate reaches
// the threshold. The final answer is reported and not judged.
type process struct {
	splitter  *regexp.Regexp
	aggregate func([]float64) float64
	threshold float64
	scorer    Verifier // nil: steps must have scores
}

func newProcess(s Spec, o Options) (Verifier, error) {
	splitter, err := compile(s.Name, "splitter", s.Splitter)
	if err != nil {
		return nil, err
	}
	p := process{splitter: splitter, aggregate: aggregates[s.Aggregate], threshold: s.Threshold}
	switch {
	case len(s.Command) > 0:
		p.scorer, err = newCommand(s, o)
	case o.Score != nil:
		p.scorer, err = newLikelihood(s, o)
	}
	return p, err
}

func (process) Name() string { return "process" }

// unscored is a step without a score.
type unscored struct{ item, step int }

func (p process) Verify(ctx context.Context, batch []Item) ([]Outcome, error) {
	start := time.Now()
	out := make([]Outcome, len(batch))
	scores := make([][]float64, len(batch))
	var missing []unscored
	var asked []Item
	for i, it := range batch {
		steps := p.steps(it)
		scores[i] = make([]float64, len(steps))
		before := it.Problem
		for k, s := range steps {
			if s.Score != nil {
				scores[i][k] = *s.Score
			} else {
				missing = append(missing, unscored{i, k})
				asked = append(asked, Item{Problem: before, Response: s.Text})
			}
			before += "\n" + s.Text
		}
		out[i].Extracted, _ = finalAnswer(it.Response)
		out[i].Extracted = shortened(out[i].Extracted)
	}
	if err := p.fill(ctx, missing, asked, scores, out); err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Verdict == 0 {
			p.conclude(&out[i], scores[i])
		}
		out[i].Took = time.Since(start) / time.Duration(len(batch))
	}
	return out, nil
}

// steps are those of the item, or the parts of its response that hold more than white space.
func (p process) steps(it Item) []Step {
	if len(it.Steps) > 0 {
		return it.Steps
	}
	var steps []Step
	for _, text := range p.splitter.Split(it.Response, -1) {
		if text = strings.TrimSpace(text); text != "" {
			steps = append(steps, Step{Text: text})
		}
	}
	return steps
}

// fill scores the steps that have no score; an item whose step could not be scored gets that verdict.
func (p process) fill(ctx context.Context, missing []unscored, asked []Item, scores [][]float64, out []Outcome) error {
	if len(missing) == 0 {
		return nil
	}
	if p.scorer == nil {
		for _, m := range missing {
			out[m.item].Verdict, out[m.item].Detail = Refused, fmt.Sprintf("step %d has no score, and nothing is set to score it", m.step+1)
		}
		return nil
	}
	found, err := p.scorer.Verify(ctx, asked)
	if err != nil {
		return err
	}
	for k, m := range missing {
		scores[m.item][m.step] = found[k].Score
		if !found[k].Verdict.Judged() {
			out[m.item].Verdict, out[m.item].Detail = found[k].Verdict, fmt.Sprintf("step %d: %s", m.step+1, found[k].Detail)
		}
	}
	return nil
}

func (p process) conclude(o *Outcome, scores []float64) {
	if len(scores) == 0 {
		o.Verdict, o.Detail = Refused, "the response has no steps"
		return
	}
	lowest := 0
	for k, s := range scores {
		if !(s >= 0 && s <= 1) {
			o.Verdict, o.Detail = Refused, fmt.Sprintf("step %d has the score %v; scores lie in [0, 1]", k+1, s)
			return
		}
		if s < scores[lowest] {
			lowest = k
		}
	}
	g := graded(p.aggregate(scores), p.threshold, fmt.Sprintf("%d steps, the lowest is step %d with %.4g", len(scores), lowest+1, scores[lowest]))
	o.Verdict, o.Score, o.Detail = g.Verdict, g.Score, g.Detail
}
