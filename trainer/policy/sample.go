package policy

import (
	"context"
	"errors"
	"fmt"

	"spar/internal/fault"
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

// Defaults of SampleOptions: wide enough to keep the matrix products efficient on a CPU, small
// enough for a laptop (46 KiB a token for a model of 135 million weights).
const (
	DefaultSampleRows = 128
	DefaultKVTokens   = 16384
)

// stepsPerRun is how many tokens each sequence draws between two looks at stop strings and at the
// context. What lies past a stop string is cut off, so results do not depend on it.
const stepsPerRun = 8

// Sample draws all requests and hands completions to on in the order in which they finish. An error
// from on ends the call.
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

// sampling is one call of Sample.
type sampling struct {
	policy   *Policy
	sampler  *native.Sampler
	requests map[int64]*SampleRequest
	matchers map[sequence]*matcher
	stops    bool // some request has stop strings
}

type sequence struct {
	id     int64
	sample int
}

func (p *Policy) newSampling(rs []SampleRequest) (*sampling, error) {
	run := &sampling{policy: p, requests: map[int64]*SampleRequest{}, matchers: map[sequence]*matcher{}}
	for i := range rs {
		r := &rs[i]
		if run.requests[int64(r.ID)] != nil {
			return nil, fmt.Errorf("policy: two sample requests have the id %d", r.ID)
		}
		run.requests[int64(r.ID)] = r
		run.stops = run.stops || len(r.StopStrings) > 0
		err := errors.Join(p.checkIDs("request", r.ID, r.Prompt), p.checkLength("request", r.ID, len(r.Prompt), r.MaxNewTokens))
		if int(int32(r.Iteration)) != r.Iteration || int(int32(r.PromptKey)) != r.PromptKey {
			err = errors.Join(err, fmt.Errorf("policy: request %d has iteration %d and prompt key %d; both must fit into 32 bits", r.ID, r.Iteration, r.PromptKey))
		}
		if err != nil {
			return nil, err
		}
	}
	if run.stops && p.source.Tokenizer == nil {
		return nil, fault.Inputf("%s has no tokenizer, so stop strings cannot be found; use stop ids", p.source.Path)
	}
	return run, nil
}

// all runs the sampler until nothing is left.
func (s *sampling) all(ctx context.Context, on func(Completion) error) error {
	for {
		progress, err := s.sampler.Run(stepsPerRun)
		if err != nil {
			return err
		}
		if err := s.stopRunning(); err != nil {
			return err
		}
		if err := s.takeFinished(on); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if progress.Running == 0 && progress.Waiting == 0 {
			return nil
		}
	}
}

// stopRunning ends running sequences whose text holds a stop string. They are listed first, because
// ending one moves the others.
func (s *sampling) stopRunning() error {
	if !s.stops {
		return nil
	}
	var running []native.Completion
	for i := 0; ; i++ {
		c, ok, err := s.sampler.Peek(i)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		running = append(running, c)
	}
	for _, c := range running {
		if n, found := s.match(c); found {
			if err := s.sampler.Stop(c.ID, c.Sample, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// match returns the length of the shortest prefix of c's tokens whose text holds a stop string.
func (s *sampling) match(c native.Completion) (n int, found bool) {
	r := s.requests[c.ID]
	if len(r.StopStrings) == 0 {
		return 0, false
	}
	key := sequence{c.ID, c.Sample}
	m := s.matchers[key]
	if m == nil {
		m = newMatcher(s.policy.source.Tokenizer.NewDecoder(), r.StopStrings)
		s.matchers[key] = m
	}
	return m.match(c.Tokens)
}

func (s *sampling) takeFinished(on func(Completion) error) error {
	for {
		c, ok, err := s.sampler.Take()
		if err != nil || !ok {
			return err
		}
		if err := on(s.completion(c)); err != nil {
			return err
		}
	}
}

// completion cuts c after a stop string and decodes it.
func (s *sampling) completion(c native.Completion) Completion {
	out := Completion{ID: int(c.ID), Sample: c.Sample, Tokens: c.Tokens, Logp: c.Logp, Finish: FinishStop}
	text := c.Tokens
	n, found := s.match(c)
	switch {
	case found:
		out.Tokens, out.Logp = c.Tokens[:n], c.Logp[:n]
		text = out.Tokens
	case c.Finish == native.FinishStop:
		text = c.Tokens[:len(c.Tokens)-1]
	case c.Finish == native.FinishLength:
		out.Finish = FinishLength
	}
	delete(s.matchers, sequence{c.ID, c.Sample})
	if t := s.policy.source.Tokenizer; t != nil {
		out.Text = t.Decode(text)
	}
	return out
}
