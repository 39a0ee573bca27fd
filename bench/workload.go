package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/loader/pack"
	"spar/trainer/policy"
)

// Pair is the lengths of one training pair, in tokens.
type Pair struct {
	PromptLen   int `json:"prompt_len"`
	ChosenLen   int `json:"chosen_len"`
	RejectedLen int `json:"rejected_len"`
}

// Workload is either pairs (update, score, loader) or a batch of prompts (rollout).
type Workload struct {
	Pairs     []Pair `json:"pairs,omitempty"`
	Batch     int    `json:"batch,omitempty"`
	PromptLen int    `json:"prompt_len,omitempty"`
	NewTokens int    `json:"new_tokens,omitempty"`
}

// Default workloads.
var (
	defaultPairs   = Workload{Pairs: []Pair{{64, 192, 192}, {64, 192, 192}, {64, 192, 192}, {64, 192, 192}}}
	defaultRollout = Workload{Batch: 32, PromptLen: 64, NewTokens: 128}
)

// workloadLimit is far more than any list of lengths.
const workloadLimit = 64 << 20

// ReadWorkload reads a workload file: {"pairs":[{"prompt_len","chosen_len","rejected_len"}]} or
// {"batch","prompt_len","new_tokens"}.
func ReadWorkload(name string) (Workload, error) {
	data, err := fsys.ReadFile(fsys.OS, name, workloadLimit)
	if err != nil {
		return Workload{}, fault.Inputf("workload: %w", err)
	}
	return parseWorkload(data, name)
}

func parseWorkload(data []byte, name string) (w Workload, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return Workload{}, fault.Inputf("%s, byte %d: %w; a workload is {\"pairs\":[{\"prompt_len\",\"chosen_len\",\"rejected_len\"}]} or {\"batch\",\"prompt_len\",\"new_tokens\"}", name, d.InputOffset(), err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Workload{}, fault.Inputf("%s, byte %d: there is more after the object; a workload is one object", name, d.InputOffset())
	}
	return w, w.check(name)
}

func (w Workload) check(name string) error {
	rollout := w.Batch != 0 || w.PromptLen != 0 || w.NewTokens != 0
	if rollout == (len(w.Pairs) > 0) {
		return fault.Inputf("%s: a workload has either pairs or batch, prompt_len and new_tokens", name)
	}
	if rollout && (w.Batch < 1 || w.PromptLen < 1 || w.NewTokens < 1) {
		return fault.Inputf("%s: batch, prompt_len and new_tokens are %d, %d and %d; all must be at least 1", name, w.Batch, w.PromptLen, w.NewTokens)
	}
	for i, p := range w.Pairs {
		if p.PromptLen < 1 || p.ChosenLen < 1 || p.RejectedLen < 1 {
			return fault.Inputf("%s: pairs[%d] has lengths %d, %d and %d; all must be at least 1", name, i, p.PromptLen, p.ChosenLen, p.RejectedLen)
		}
	}
	return nil
}

// needPairs returns the workload or the default, and refuses the other kind.
func (w Workload) needPairs(benchmark string) (Workload, error) {
	if len(w.Pairs) == 0 && w.Batch == 0 {
		return defaultPairs, nil
	}
	if len(w.Pairs) == 0 {
		return w, fault.Inputf("bench %s needs a workload with pairs, this one has a batch of prompts", benchmark)
	}
	return w, w.check("workload")
}

func (w Workload) needBatch(benchmark string) (Workload, error) {
	if len(w.Pairs) == 0 && w.Batch == 0 {
		return defaultRollout, nil
	}
	if w.Batch == 0 {
		return w, fault.Inputf("bench %s needs a workload with batch, prompt_len and new_tokens, this one has pairs", benchmark)
	}
	return w, w.check("workload")
}

// longest is the longest sequence of the workload.
func (w Workload) longest() int {
	n := w.PromptLen + w.NewTokens
	for _, p := range w.Pairs {
		n = max(n, p.PromptLen+max(p.ChosenLen, p.RejectedLen))
	}
	return n
}

// logical is the number of tokens of both sequences of every pair.
func (w Workload) logical() int {
	n := 0
	for _, p := range w.Pairs {
		n += 2*p.PromptLen + p.ChosenLen + p.RejectedLen
	}
	return n
}

// idLane keeps the draws of ids apart from other uses of the same seed.
const idLane = 0x62656e63

func randomIDs(draw *rng.Stream, n, vocab int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(draw.IntN(vocab))
	}
	return ids
}

// groups are the pairs with random ids: a prompt with two responses, chosen first.
func (w Workload) groups(seed uint64, vocab int) []pack.Group {
	draw := rng.NewStream(seed, idLane)
	gs := make([]pack.Group, len(w.Pairs))
	for i, p := range w.Pairs {
		gs[i] = pack.Group{Key: i, Prompt: randomIDs(draw, p.PromptLen, vocab), Responses: [][]int32{
			randomIDs(draw, p.ChosenLen, vocab), randomIDs(draw, p.RejectedLen, vocab),
		}}
	}
	return gs
}

// requests are the batch's prompts with random ids.
func (w Workload) requests(seed uint64, vocab int) []policy.SampleRequest {
	draw := rng.NewStream(seed, idLane)
	rs := make([]policy.SampleRequest, w.Batch)
	for i := range rs {
		rs[i] = policy.SampleRequest{
			ID: i, Prompt: randomIDs(draw, w.PromptLen, vocab), Samples: 1, MaxNewTokens: w.NewTokens,
			Temperature: 1, TopP: 1, Seed: seed, PromptKey: i,
		}
	}
	return rs
}
