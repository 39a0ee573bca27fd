package policy

import (
	"context"
	"errors"
	"fmt"

	"spar/internal/fault"
	"spar/native"
)

// How many tokens each sequence draws before the host looks at what has finished, and at the text
// where stop strings may occur in it. What lies past a stop string is cut off, so results depend on
// neither; it is work for nothing, so that look comes sooner.
const (
	stepsPerRun  = 8
	stepsPerLook = 2
)

// completionsAhead is how many completions the engine may be ahead of their receiver.
const completionsAhead = 256

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

// finished is a completion with the place of its first stop string, if any.
type finished struct {
	native.Completion
	cut   int
	isCut bool
}

// all runs the sampler until nothing is left. The engine has a goroutine of its own, so it does not
// wait while completions are decoded and received.
func (s *sampling) all(ctx context.Context, on func(Completion) error) error {
	done, quit := make(chan finished, completionsAhead), make(chan struct{})
	var driven error
	go func() {
		defer close(done)
		driven = s.drive(ctx, done, quit)
	}()
	received := s.receive(ctx, done, on)
	close(quit)
	for range done { // until drive has returned
		continue
	}
	if received != nil {
		return received
	}
	return driven
}

// drive runs steps and passes on what finishes, until nothing is left or quit is closed.
func (s *sampling) drive(ctx context.Context, done chan<- finished, quit <-chan struct{}) error {
	steps := stepsPerRun
	if s.stops {
		steps = stepsPerLook
	}
	for {
		progress, err := s.sampler.Run(steps)
		if err != nil {
			return err
		}
		if err := s.stopRunning(); err != nil {
			return err
		}
		cs, err := s.sampler.TakeAll()
		if err != nil {
			return err
		}
		for _, c := range cs {
			f := finished{Completion: c}
			f.cut, f.isCut = s.match(c)
			delete(s.matchers, sequence{c.ID, c.Sample})
			select {
			case done <- f:
			case <-quit:
				return nil
			}
		}
		if err := ctx.Err(); err != nil || progress.Running == 0 && progress.Waiting == 0 {
			return err
		}
	}
}

// receive decodes completions and hands them to on.
func (s *sampling) receive(ctx context.Context, done <-chan finished, on func(Completion) error) error {
	for f := range done {
		if err := on(s.completion(f)); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// stopRunning ends running sequences whose text holds a stop string.
func (s *sampling) stopRunning() error {
	if !s.stops {
		return nil
	}
	running, err := s.sampler.PeekAll()
	if err != nil {
		return err
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

// completion cuts f after a stop string and decodes it.
func (s *sampling) completion(f finished) Completion {
	out := Completion{ID: int(f.ID), Sample: f.Sample, Tokens: f.Tokens, Logp: f.Logp, Finish: FinishStop}
	text := f.Tokens
	switch {
	case f.isCut:
		out.Tokens, out.Logp = f.Tokens[:f.cut], f.Logp[:f.cut]
		text = out.Tokens
	case f.Finish == native.FinishStop:
		text = f.Tokens[:len(f.Tokens)-1]
	case f.Finish == native.FinishLength:
		out.Finish = FinishLength
	}
	if t := s.policy.source.Tokenizer; t != nil {
		out.Text = t.Decode(text)
	}
	return out
}
