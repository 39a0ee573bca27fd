package game

import (
	"context"

	"spar/trainer/policy"
)

// Sampler is the part of a policy that a player needs.
type Sampler interface {
	Sample(ctx context.Context, rs []policy.SampleRequest, o policy.SampleOptions, on func(policy.Completion) error) error
}

// Policy is a player that answers with a policy's samples. A call is one call of Sample. What is drawn for a turn depends on the seed, the
// iteration, the game's number and the ply, not on the other games.
type Policy struct {
	Sampler  Sampler
	Encode   func(g Game, s State) ([]int32, error) // the prompt's ids: with the rules and a chat template, or Game.Prompt alone
	Settings policy.SampleRequest                   // MaxNewTokens, Temperature, TopK, TopP, MinP, StopIDs, StopStrings, Seed, Iteration
	Capacity policy.SampleOptions
}

// Answer draws one response for each turn.
func (p Policy) Answer(ctx context.Context, g Game, turns []Turn) ([]Reply, error) {
	requests := make([]policy.SampleRequest, len(turns))
	out := make([]Reply, len(turns))
	for i, t := range turns {
		ids, err := p.Encode(g, t.State)
		if err != nil {
			return nil, err
		}
		r := p.Settings
		r.ID, r.Prompt, r.Samples, r.FirstSample, r.PromptKey = i, ids, 1, t.Ply, t.Game
		requests[i], out[i].Prompt = r, ids
	}
	err := p.Sampler.Sample(ctx, requests, p.Capacity, func(c policy.Completion) error {
		r := &out[c.ID]
		r.Text, r.Response, r.Logp = c.Text, c.Tokens, c.Logp
		return nil
	})
	return out, err
}
