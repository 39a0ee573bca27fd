package tool

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"spar/loader"
	"spar/trainer/policy"
)

// SampleOptions are the settings of a call of Sample, the same for every line.
type SampleOptions struct {
	N            int // completions per line
	MaxNewTokens int
	Temperature  float64 // 0: greedy
	TopP, MinP   float64 // 1 and 0: off
	TopK         int     // 0: off
	Stop         []string
	Seed         uint64
	IgnoreEOS    bool // go on to MaxNewTokens
}

type completion struct {
	IDs          []int32   `json:"ids"`  // with the stop token, when one was drawn
	Text         string    `json:"text"` // without it
	Logp         []float32 `json:"logp"` // nats, temperature 1, whole vocabulary
	FinishReason string    `json:"finish_reason"`
}

// Sample writes N lines of {"ids","text","logp","finish_reason"} for each line of {"prompt"},
// {"prompt_ids"} or {"messages"}, in order. A draw depends on the seed, the line's number, the
// sample's number and the token's number only.
func Sample(ctx context.Context, o ModelOptions, s SampleOptions, in io.Reader, name string, out io.Writer) error {
	m, err := o.Load()
	if err != nil {
		return err
	}
	defer m.Close()
	var requests []policy.SampleRequest
	longest := 0
	err = eachLine(in, name, func(line int, row prompt) error {
		ids, err := row.ids(m)
		if err == nil {
			longest = max(longest, len(ids))
			requests = append(requests, s.request(m, line-1, ids))
		}
		return err
	})
	if err != nil {
		return err
	}
	p, err := o.Policy(m, longest+s.MaxNewTokens, false)
	if err != nil {
		return err
	}
	defer p.Close()
	w := &inOrder{enc: json.NewEncoder(out), perLine: s.N, waiting: map[int]policy.Completion{}}
	w.enc.SetEscapeHTML(false)
	return p.Sample(ctx, requests, policy.SampleOptions{}, w.add)
}

func (s SampleOptions) request(m *loader.Model, index int, ids []int32) policy.SampleRequest {
	r := policy.SampleRequest{
		ID: index, Prompt: ids, Samples: s.N, MaxNewTokens: s.MaxNewTokens, Temperature: s.Temperature, TopP: s.TopP,
		MinP: s.MinP, TopK: s.TopK, StopStrings: s.Stop, Seed: s.Seed, PromptKey: index,
	}
	if !s.IgnoreEOS {
		r.StopIDs = m.StopIDs()
	}
	return r
}

func (row prompt) ids(m *loader.Model) (ids []int32, err error) {
	switch {
	case row.Prompt != nil && row.PromptIDs == nil && row.Messages == nil:
		ids, err = encodeText(m, "prompt", *row.Prompt)
	case row.PromptIDs != nil && row.Prompt == nil && row.Messages == nil:
		ids, err = row.PromptIDs, checkIDs("prompt_ids", row.PromptIDs, m.Config.VocabSize)
	case row.Messages != nil && row.Prompt == nil && row.PromptIDs == nil:
		ids, err = m.EncodeChat(row.Messages, true)
	default:
		return nil, errors.New(`give one of "prompt", "prompt_ids" and "messages"`)
	}
	if err == nil && len(ids) == 0 {
		err = errors.New("the prompt has no tokens; it needs at least one")
	}
	return ids, err
}

// inOrder holds completions back until those before them are written.
type inOrder struct {
	enc           *json.Encoder
	perLine, next int
	waiting       map[int]policy.Completion
}

func (w *inOrder) add(c policy.Completion) error {
	w.waiting[c.ID*w.perLine+c.Sample] = c
	for {
		c, ok := w.waiting[w.next]
		if !ok {
			return nil
		}
		delete(w.waiting, w.next)
		w.next++
		if err := w.enc.Encode(completion{IDs: c.Tokens, Text: c.Text, Logp: c.Logp, FinishReason: c.Finish}); err != nil {
			return err
		}
	}
}
