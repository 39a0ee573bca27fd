package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"spar/loader"
	"spar/loader/pack"
	"spar/trainer/policy"
)

type scoreRow struct {
	prompt
	Response    *string `json:"response"`
	ResponseIDs []int32 `json:"response_ids"`
}

type scored struct {
	Logp    []float32 `json:"logp"`    // nats, temperature 1, one per response token
	Sum     float64   `json:"sum"`     // of logp
	Entropy []float32 `json:"entropy"` // nats, of the distribution that each token was predicted from
}

// Score writes {"logp","sum","entropy"} for each line of {"prompt","response"},
// {"prompt_ids","response_ids"} or {"messages"} (the last assistant turn is scored, up to and with
// the token that ends the turn).
func Score(ctx context.Context, o ModelOptions, in io.Reader, name string, out io.Writer) error {
	m, err := o.Load()
	if err != nil {
		return err
	}
	defer m.Close()
	var gs []pack.Group
	longest := 1
	err = eachLine(in, name, func(line int, row scoreRow) error {
		g, err := row.group(m, line)
		if err == nil {
			gs = append(gs, g)
			longest = max(longest, len(g.Prompt)+len(g.Responses[0]))
		}
		return err
	})
	if err != nil {
		return err
	}
	p, err := o.Policy(m, longest, false)
	if err != nil {
		return err
	}
	defer p.Close()
	rows, err := p.Score(ctx, gs, policy.ScoreOptions{Entropy: true})
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	for _, r := range rows {
		if err := enc.Encode(scored{Logp: r.Logp[0], Sum: policy.Sum(r.Logp[0]), Entropy: r.Entropy[0]}); err != nil {
			return err
		}
	}
	return nil
}

func (row scoreRow) group(m *loader.Model, line int) (g pack.Group, err error) {
	var response []int32
	switch {
	case row.Messages != nil && row.Prompt == nil && row.Response == nil && row.PromptIDs == nil && row.ResponseIDs == nil:
		last := len(row.Messages) - 1
		if last < 1 || row.Messages[last].Role != "assistant" {
			return g, errors.New(`"messages" must end with an assistant turn after at least one other`)
		}
		g.Prompt, response, err = m.EncodeTurn(row.Messages[:last], row.Messages[last])
	case row.Prompt != nil && row.Response != nil && row.Messages == nil && row.PromptIDs == nil && row.ResponseIDs == nil:
		if g.Prompt, err = encodeText(m, "prompt", *row.Prompt); err == nil {
			response, err = encodeText(m, "response", *row.Response)
		}
	case row.PromptIDs != nil && row.ResponseIDs != nil && row.Prompt == nil && row.Response == nil && row.Messages == nil:
		g.Prompt, response = row.PromptIDs, row.ResponseIDs
	default:
		return g, errors.New(`give "prompt" and "response", or "prompt_ids" and "response_ids", or "messages"`)
	}
	if err != nil {
		return g, err
	}
	if len(g.Prompt) == 0 || len(response) == 0 {
		return g, fmt.Errorf("the prompt has %d tokens and the response %d; both need at least one", len(g.Prompt), len(response))
	}
	g.Key, g.Responses = line-1, [][]int32{response}
	if err := checkIDs("prompt", g.Prompt, m.Config.VocabSize); err != nil {
		return g, err
	}
	return g, checkIDs("response", response, m.Config.VocabSize)
}
