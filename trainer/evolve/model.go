package evolve

import (
	"context"
	"fmt"
	"strings"

	"spar/trainer/policy"
)

// Sampler is the part of a policy that proposes edits.
type Sampler interface {
	Sample(ctx context.Context, rs []policy.SampleRequest, o policy.SampleOptions, on func(policy.Completion) error) error
}

// Model proposes the edits that a language model writes when it is shown the task, a program, its score and other programs. A generation is one
// call of the sampler.
type Model struct {
	Task     Task
	Sampler  Sampler
	Encode   func(prompt string) ([]int32, error) // a user's message, with the model's template where it has one
	Settings policy.SampleRequest                 // MaxNewTokens, Temperature, TopK, TopP, MinP, StopIDs
	Capacity policy.SampleOptions

	Weights   string // names the model's weights in a run's settings
	MaxLength int    // tokens of prompt and answer that the model takes; a longer prompt is refused. 0: any
}

// kindModel marks proposals of Model.
const kindModel = "model"

// Name tells the weights and the settings of the draws.
func (m Model) Name() string {
	return fmt.Sprintf("%s %s, %d tokens at temperature %g and top_p %g", kindModel, m.Weights, m.Settings.MaxNewTokens, m.Settings.Temperature, m.Settings.TopP)
}

// Propose draws one answer for each request.
func (m Model) Propose(ctx context.Context, rs []Request) ([]Proposal, error) {
	var requests []policy.SampleRequest
	out := make([]Proposal, len(rs))
	for i, r := range rs {
		out[i].From = kindModel
		ids, err := m.Encode(Prompt(m.Task, r))
		if err != nil {
			return nil, err
		}
		if m.MaxLength > 0 && len(ids)+m.Settings.MaxNewTokens > m.MaxLength {
			out[i].Refused = "the prompt is too long for the model"
			continue
		}
		q := m.Settings
		q.ID, q.Prompt, q.Samples, q.FirstSample = i, ids, 1, r.Index
		q.Seed, q.Iteration, q.PromptKey = r.Seed, r.Generation, r.Island
		requests = append(requests, q)
	}
	err := m.Sampler.Sample(ctx, requests, m.Capacity, func(c policy.Completion) error {
		out[c.ID].Program, out[c.ID].Refused = ApplyEdit(rs[c.ID].Parent.Program, c.Text)
		return nil
	})
	return out, err
}

// Prompt is what a model is shown.
func Prompt(t Task, r Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", t.Describe())
	for _, e := range r.Inspirations {
		fmt.Fprintf(&b, "A program with score %.4f:\n```python\n%s```\n\n", e.Score, ended(e.Program))
	}
	fmt.Fprintf(&b, "The program to improve, with score %.4f:\n```python\n%s```\n\n", r.Parent.Score, ended(r.Parent.Program))
	fmt.Fprintf(&b, "Starlark is Python without imports, classes, while and recursion. Answer with one change of the program, as\n%s\n"+
		"lines of the program\n%s\nlines to put there\n%s\nor with a whole new program between ``` fences.\n", searchLine, dividerLine, replaceLine)
	return b.String()
}

// ended ends a program with a line break.
func ended(program string) string { return strings.TrimSuffix(program, "\n") + "\n" }

// Mixed lets a model propose for a share of the requests and another proposer for the rest. Which one is decided by the request.
type Mixed struct {
	Share         float64 // of First, 0 to 1
	First, Second Proposer
}

const mixedLane = 0x6d697865

// Name tells both and the share.
func (m Mixed) Name() string {
	return fmt.Sprintf("a share of %g by %s, the rest by %s", m.Share, m.First.Name(), m.Second.Name())
}

// Propose asks both.
func (m Mixed) Propose(ctx context.Context, rs []Request) ([]Proposal, error) {
	out := make([]Proposal, len(rs))
	var parts [2][]Request
	var places [2][]int
	for i, r := range rs {
		to := 1
		if r.stream(mixedLane).Float64() < m.Share {
			to = 0
		}
		parts[to], places[to] = append(parts[to], r), append(places[to], i)
	}
	for to, p := range []Proposer{m.First, m.Second} {
		if len(parts[to]) == 0 {
			continue
		}
		got, err := p.Propose(ctx, parts[to])
		if err != nil {
			return nil, err
		}
		for k := range min(len(got), len(places[to])) {
			out[places[to][k]] = got[k]
		}
	}
	return out, nil
}
