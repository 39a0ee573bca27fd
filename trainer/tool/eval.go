package tool

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"spar/loader"
	"spar/loader/pack"
	"spar/trainer"
	"spar/trainer/policy"
)

// EvalOptions say what Eval measures besides the likelihood of the held-out responses.
type EvalOptions struct {
	Reference    string // a model to tell real responses from its samples with; "": none
	MaxLength    int    // prompt and response, tokens; 0: 1024, or the model's own limit where that is less
	MaxNewTokens int    // of a fresh sample; 0: none are drawn
	Seed         uint64
	Log          io.Writer // notes on rows that are left out; nil: none
}

const defaultLength = 1024 // tokens, as a run's max_length

// Evaluation is what Eval found.
type Evaluation struct {
	Rows       int     `json:"rows"`
	Tokens     int     `json:"tokens"`     // of the real responses
	NLL        float64 `json:"nll"`        // nats per token
	Perplexity float64 `json:"perplexity"` // exp(nll)
	Entropy    float64 `json:"entropy"`    // nats per token, of the model's distribution
	Logp       float64 `json:"logp"`       // nats per response
	Length     float64 `json:"length"`     // tokens per response
	*Fresh
	*Margin
}

// Fresh describes samples that the model drew for the same prompts.
type Fresh struct {
	Length float64 `json:"sample_length"` // tokens
	Ended  float64 `json:"sample_ended"`  // share that ended by themselves
	Logp   float64 `json:"sample_logp"`   // nats per sample
}

// Margin compares the log-ratios to the reference of real responses and of the reference's own samples.
type Margin struct {
	Margin   float64 `json:"margin"`   // nats, mean of real less generated
	Accuracy float64 `json:"accuracy"` // share with a positive margin
}

// Eval measures a model on the rows of a data set.
func Eval(ctx context.Context, o ModelOptions, e EvalOptions, data string) (*Evaluation, error) {
	m, err := o.Load()
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if e.MaxLength == 0 {
		e.MaxLength = min(defaultLength, m.Config.MaxPositions)
	}
	gs, notes, err := trainer.ReadRows(m, data, e.MaxLength)
	if err != nil {
		return nil, err
	}
	var reference []referred
	if e.Reference != "" {
		if reference, err = e.refer(ctx, o, gs); err != nil {
			return nil, err
		}
	}
	p, err := o.Policy(m, e.MaxLength, false)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	scored, err := p.Score(ctx, gs, policy.ScoreOptions{Entropy: true})
	if err != nil {
		return nil, err
	}
	if e.Log != nil {
		fmt.Fprintln(e.Log, strings.Join(notes, "\n"))
	}
	out := likelihood(scored)
	if e.MaxNewTokens > 0 {
		drawn, err := e.draw(ctx, m, p, gs)
		if err != nil {
			return nil, err
		}
		out.Fresh = describe(drawn)
	}
	if reference != nil {
		out.Margin, err = tellApart(ctx, p, gs, scored, reference)
	}
	return out, err
}

func likelihood(scored []policy.Scored) *Evaluation {
	e := &Evaluation{Rows: len(scored)}
	for _, s := range scored {
		e.Tokens += len(s.Logp[0])
		e.Logp += policy.Sum(s.Logp[0])
		e.Entropy += policy.Sum(s.Entropy[0])
	}
	rows, tokens := float64(e.Rows), float64(e.Tokens)
	e.NLL, e.Entropy = -e.Logp/tokens, e.Entropy/tokens
	e.Perplexity, e.Logp, e.Length = math.Exp(e.NLL), e.Logp/rows, tokens/rows
	return e
}

// draw samples one response to each prompt, in order.
func (e EvalOptions) draw(ctx context.Context, m *loader.Model, p *policy.Policy, gs []pack.Group) ([]policy.Completion, error) {
	requests := make([]policy.SampleRequest, len(gs))
	for i, g := range gs {
		requests[i] = policy.SampleRequest{
			ID: i, Prompt: g.Prompt, Samples: 1, MaxNewTokens: min(e.MaxNewTokens, e.MaxLength-len(g.Prompt)), Temperature: 1, TopP: 1,
			StopIDs: m.StopIDs(), Seed: e.Seed, PromptKey: i,
		}
	}
	out := make([]policy.Completion, len(gs))
	err := p.Sample(ctx, requests, policy.SampleOptions{}, func(c policy.Completion) error {
		out[c.ID] = c
		return nil
	})
	return out, err
}

func describe(drawn []policy.Completion) *Fresh {
	f := &Fresh{}
	n := float64(len(drawn))
	for _, c := range drawn {
		f.Length += float64(len(c.Tokens)) / n
		f.Logp += policy.Sum(c.Logp) / n
		if c.Finish == policy.FinishStop {
			f.Ended += 1 / n
		}
	}
	return f
}

// referred is what the reference says of one prompt.
type referred struct {
	real      float64 // log-prob of the real response
	generated []int32 // its own sample
	own       float64 // log-prob of that
}

// refer draws and scores with the reference, which is closed again before the model is opened.
func (e EvalOptions) refer(ctx context.Context, o ModelOptions, gs []pack.Group) ([]referred, error) {
	o.Path = e.Reference
	m, err := o.Load()
	if err != nil {
		return nil, err
	}
	defer m.Close()
	p, err := o.Policy(m, e.MaxLength, false)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	scored, err := p.Score(ctx, gs, policy.ScoreOptions{})
	if err != nil {
		return nil, err
	}
	e.MaxNewTokens = e.MaxLength
	drawn, err := e.draw(ctx, m, p, gs)
	if err != nil {
		return nil, err
	}
	out := make([]referred, len(gs))
	for i, c := range drawn {
		out[i] = referred{real: policy.Sum(scored[i].Logp[0]), generated: c.Tokens, own: policy.Sum(c.Logp)}
	}
	return out, nil
}

func tellApart(ctx context.Context, p *policy.Policy, gs []pack.Group, real []policy.Scored, reference []referred) (*Margin, error) {
	generated := make([]pack.Group, len(gs))
	for i, g := range gs {
		generated[i] = pack.Group{Key: g.Key, Prompt: g.Prompt, Responses: [][]int32{reference[i].generated}}
	}
	scored, err := p.Score(ctx, generated, policy.ScoreOptions{})
	if err != nil {
		return nil, err
	}
	m := &Margin{}
	n := float64(len(gs))
	for i, r := range reference {
		margin := (policy.Sum(real[i].Logp[0]) - r.real) - (policy.Sum(scored[i].Logp[0]) - r.own)
		m.Margin += margin / n
		if margin > 0 {
			m.Accuracy += 1 / n
		}
	}
	return m, nil
}
