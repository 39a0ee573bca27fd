package policy

import (
	"context"
	"errors"
	"fmt"

	"spar/native"
)

// SampleRequest asks for Samples continuations of a prompt, numbered from FirstSample. What is
// drawn depends on the request alone, never on the others in the same call.
type SampleRequest struct {
	ID           int // unique in a call; returned with the completions
	Prompt       []int32
	Samples      int
	FirstSample  int
	MaxNewTokens int
	TopK         int     // 0: off
	Temperature  float64 // 0: greedy
	TopP         float64 // 1: off
	MinP         float64 // 0: off
	StopIDs      []int32
	StopStrings  []string // need a tokenizer
	Seed         uint64
	Iteration    int
	PromptKey    int
}

// Reasons for the end of a completion.
const (
	FinishStop   = "stop"   // a stop id, or a stop string in the text
	FinishLength = "length" // MaxNewTokens reached
)

// Completion is one sampled response. A stop id is its last token; a stop string is completed by
// its last token.
type Completion struct {
	ID     int
	Sample int
	Tokens []int32
	Logp   []float32 // at temperature 1, the bits that Score gives for the same tokens
	Text   string    // decoded, without a final stop id; "" when the model has no tokenizer
	Finish string
}

// SampleOptions are the sampler's capacities.
type SampleOptions struct {
	MaxRows  int // tokens computed in a step; 0: DefaultSampleRows
	KVTokens int // key/value pool; 0: all requests at once, up to DefaultKVTokens if each sample fits alone
}

// Defaults of SampleOptions. While nothing is being sampled a step takes so many prompt tokens, so
// that the first prompts start together and end together; beside running sequences the engine takes
// fewer by itself. The pool is small enough for a laptop (46 KiB a token for a model of 135 million
// weights).
const (
	DefaultSampleRows = 2048
	DefaultKVTokens   = 16384
)

// Sample draws all requests and hands completions to on in the order in which they finish. The
// engine goes on meanwhile. An error from on ends the call.
func (p *Policy) Sample(ctx context.Context, rs []SampleRequest, o SampleOptions, on func(Completion) error) error {
	return p.watched(ctx, func() (err error) {
		run, err := p.newSampling(rs)
		if err != nil || len(rs) == 0 {
			return err
		}
		if err := p.closeBatch(); err != nil {
			return err
		}
		config, err := p.samplerConfig(rs, o)
		if err != nil {
			return err
		}
		s, err := p.model.OpenSampler(config)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		run.sampler = s
		for _, r := range rs {
			if err := s.Add(r.lower()); err != nil {
				return fmt.Errorf("request %d: %w", r.ID, err)
			}
		}
		return run.all(ctx, on)
	})
}

// samplerConfig fills in the defaults. A default pool shrinks until it fits into memory, as far as
// each sample still fits alone: its size changes the speed, not the samples.
func (p *Policy) samplerConfig(rs []SampleRequest, o SampleOptions) (native.SamplerConfig, error) {
	c := native.SamplerConfig{MaxRows: o.MaxRows, KVTokens: o.KVTokens}
	if c.MaxRows == 0 {
		c.MaxRows = DefaultSampleRows
	}
	if c.KVTokens > 0 {
		return c, p.fits(Workload{Sampler: c})
	}
	least := 0
	for _, r := range rs {
		least = max(least, len(r.Prompt)+r.MaxNewTokens)
	}
	c.KVTokens = max(min(PoolTokens(rs), DefaultKVTokens), least)
	for {
		err := p.fits(Workload{Sampler: c})
		if err == nil || c.KVTokens == least {
			return c, err
		}
		c.KVTokens = max(c.KVTokens/2, least)
	}
}

// PoolTokens is the pool in which all requests run at once.
func PoolTokens(rs []SampleRequest) int {
	n := 0
	for _, r := range rs {
		n += len(r.Prompt) + r.Samples*r.MaxNewTokens
	}
	return n
}

func (r *SampleRequest) lower() native.Request {
	return native.Request{
		ID: int64(r.ID), Prompt: r.Prompt, Samples: r.Samples, FirstSample: r.FirstSample, MaxNewTokens: r.MaxNewTokens,
		StopIDs: r.StopIDs, TopK: r.TopK, Temperature: r.Temperature, TopP: r.TopP, MinP: r.MinP,
		Seed: r.Seed, Iteration: int32(r.Iteration), PromptKey: int32(r.PromptKey),
	}
}
