package native

import (
	"math"
	"slices"
	"unsafe"
)

// SamplerConfig is the capacity of a sampler.
type SamplerConfig struct {
	MaxRows  int // tokens computed in a step: prompt rows and one row for each running sequence
	KVTokens int // key/value pool, in tokens
}

func (c SamplerConfig) lower() (*sparSamplerDesc, error) {
	var n narrower
	return &sparSamplerDesc{
		Size: int64(unsafe.Sizeof(sparSamplerDesc{})), MaxRows: n.i32("max_rows", c.MaxRows), KvTokens: int64(c.KVTokens),
	}, n.err
}

// Request asks for Samples continuations of one prompt. Draws come from Philox4x32-10 with key Seed
// and counter (token, sample, PromptKey, Iteration), so they depend on nothing else.
type Request struct {
	ID           int64
	Prompt       []int32 // at least one id
	Samples      int
	FirstSample  int
	MaxNewTokens int
	StopIDs      []int32
	TopK         int     // 0: off
	Temperature  float64 // 0: greedy, the lowest id wins a tie
	TopP         float64 // 1: off
	MinP         float64 // 0: off
	Seed         uint64
	Iteration    int32
	PromptKey    int32
}

func (r *Request) lower() (*sparRequest, error) {
	var n narrower
	return &sparRequest{
		Size:         int64(unsafe.Sizeof(sparRequest{})),
		Id:           r.ID,
		Prompt:       unsafe.SliceData(r.Prompt),
		NumPrompt:    n.i32("prompt length", len(r.Prompt)),
		NumSamples:   n.i32("samples", r.Samples),
		FirstSample:  n.i32("first_sample", r.FirstSample),
		MaxNewTokens: n.i32("max_new_tokens", r.MaxNewTokens),
		StopIds:      unsafe.SliceData(r.StopIDs),
		NumStopIds:   n.i32("stop ids", len(r.StopIDs)),
		TopK:         n.i32("top_k", r.TopK),
		Temperature:  float32(r.Temperature),
		TopP:         float32(r.TopP),
		MinP:         float32(r.MinP),
		Iteration:    r.Iteration,
		Seed:         r.Seed,
		PromptKey:    r.PromptKey,
	}, n.err
}

// Finish says why a sequence ended.
type Finish int32

// Finish reasons.
const (
	FinishNone   Finish = sparFinishNone   // still running
	FinishStop   Finish = sparFinishStop   // a stop id was drawn; it is the last token
	FinishLength Finish = sparFinishLength // MaxNewTokens reached
	FinishHost   Finish = sparFinishHost   // ended by Sampler.Stop
)

// Progress is the outcome of one Run.
type Progress struct {
	Tokens   int64 // new tokens drawn in this call
	Prefill  int64 // prompt rows computed in this call
	Running  int   // sequences now decoding
	Waiting  int   // sequences not admitted yet
	Finished int   // completions ready to take
}

// Completion is one sampled sequence; its slices are copies.
type Completion struct {
	ID     int64
	Sample int
	Finish Finish
	Tokens []int32
	Logp   []float32 // log-softmax at temperature 1, the bits that Forward gives for the same tokens
}

// Sampler draws continuations, many sequences at a time.
type Sampler struct {
	model  *Model
	node   *node
	handle sparSampler
}

// OpenSampler allocates the key/value pool.
func (m *Model) OpenSampler(c SamplerConfig) (*Sampler, error) {
	desc, err := c.lower()
	if err != nil {
		return nil, err
	}
	s := &Sampler{model: m}
	err = m.ctx.do(m.node, func() error {
		if err := m.ctx.check("sampler open", m.ctx.calls.samplerOpen(m.handle, desc, &s.handle)); err != nil {
			return err
		}
		s.node = m.node.add(func() error { return m.ctx.check("sampler close", m.ctx.calls.samplerClose(s.handle)) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Add queues a request; ErrInvalid when it could never fit into the pool.
func (s *Sampler) Add(r Request) error {
	req, err := r.lower()
	if err != nil {
		return err
	}
	return s.do("sampler add", func() int32 { return s.model.ctx.calls.samplerAdd(s.handle, req) })
}

// Run takes up to maxSteps steps and returns early when nothing is left to do. Draws do not depend
// on how steps are cut or on what else runs.
func (s *Sampler) Run(maxSteps int) (Progress, error) {
	out := &sparProgress{Size: int64(unsafe.Sizeof(sparProgress{}))}
	var n narrower
	steps := n.i32("steps", maxSteps)
	if n.err != nil {
		return Progress{}, n.err
	}
	err := s.do("sampler run", func() int32 { return s.model.ctx.calls.samplerRun(s.handle, steps, out) })
	return Progress{
		Tokens: out.Tokens, Prefill: out.Prefill,
		Running: int(out.Running), Waiting: int(out.Waiting), Finished: int(out.Finished),
	}, err
}

// Take removes one finished completion, in order of (Add, sample) among those finished; ok is
// false when there is none.
func (s *Sampler) Take() (c Completion, ok bool, err error) { return first(s.take(1)) }

// TakeAll removes all finished completions, in the order of Take.
func (s *Sampler) TakeAll() ([]Completion, error) { return s.take(math.MaxInt32) }

func (s *Sampler) take(most int) ([]Completion, error) {
	return s.completions("sampler take", 0, most, func(out *sparCompletion, _ int32) int32 {
		return s.model.ctx.calls.samplerTake(s.handle, out)
	})
}

// Peek copies the index-th running sequence; ok is false past the end.
func (s *Sampler) Peek(index int) (c Completion, ok bool, err error) { return first(s.peek(index, 1)) }

// PeekAll copies all running sequences, in the order of Peek.
func (s *Sampler) PeekAll() ([]Completion, error) { return s.peek(0, math.MaxInt32) }

func (s *Sampler) peek(index, most int) ([]Completion, error) {
	return s.completions("sampler peek", index, most, func(out *sparCompletion, i int32) int32 {
		return s.model.ctx.calls.samplerPeek(s.handle, i, out)
	})
}

func first(cs []Completion, err error) (c Completion, ok bool, _ error) {
	if err != nil || len(cs) == 0 {
		return Completion{}, false, err
	}
	return cs[0], true, nil
}

// completions makes the call for index, index+1, ... until it finds nothing, in one job of the
// worker, and copies what each returned before the next may overwrite it.
func (s *Sampler) completions(name string, index, most int, call func(out *sparCompletion, i int32) int32) (cs []Completion, err error) {
	out := &sparCompletion{Size: int64(unsafe.Sizeof(sparCompletion{}))}
	err = s.model.ctx.do(s.node, func() error {
		for len(cs) < most {
			if err := s.model.ctx.check(name, call(out, int32(index+len(cs)))); err != nil || out.Found == 0 {
				return err
			}
			n := int(out.NumTokens)
			cs = append(cs, Completion{
				ID: out.Id, Sample: int(out.Sample), Finish: Finish(out.Finish),
				Tokens: slices.Clone(view(out.Token, n)), Logp: slices.Clone(view(out.Logp, n)),
			})
		}
		return nil
	})
	return cs, err
}

// Stop ends a sequence, running or finished but not yet taken, after its first n tokens.
func (s *Sampler) Stop(id int64, sample, n int) error {
	return s.do("sampler stop", func() int32 {
		return s.model.ctx.calls.samplerStop(s.handle, id, int32(sample), int32(n))
	})
}

func (s *Sampler) do(call string, f func() int32) error {
	return s.model.ctx.do(s.node, func() error { return s.model.ctx.check(call, f()) })
}

// Close frees the pool; sequences not taken are lost.
func (s *Sampler) Close() error { return s.model.ctx.do(s.node, s.node.close) }
