package tool

import (
	"fmt"

	"spar/loader"
	"spar/loader/template"
	"spar/native"
	"spar/trainer/policy"
)

// ModelOptions say which model to open and how.
type ModelOptions struct {
	Path          string
	Precision     string // "fp32", "bf16"; "": bf16 when the weights are stored in it, else fp32
	Threads       int    // 0: all that the process may use
	ISA           string // "": the winner of the race
	Library       string // "": the embedded one
	RandomWeights bool   // Path may then be a config without weights
	Seed          uint64 // of random weights
}

// Load opens tokenizer, template and config; weights are not read yet.
func (o ModelOptions) Load() (*loader.Model, error) {
	if o.RandomWeights {
		return loader.OpenConfigOnly(o.Path)
	}
	return loader.Open(o.Path)
}

// Policy puts the weights of m into the engine for sequences of at most maxLength tokens.
func (o ModelOptions) Policy(m *loader.Model, maxLength int, trainable bool) (*policy.Policy, error) {
	precision, err := policy.PrecisionOf(o.Precision, m.Config)
	if err != nil {
		return nil, err
	}
	lib, err := native.Open(native.Options{Path: o.Library})
	if err != nil {
		return nil, err
	}
	return policy.Open(lib, m, policy.Options{
		Precision: precision, Threads: o.Threads, ISA: o.ISA, Trainable: trainable, MaxLength: maxLength, RandomSeed: o.Seed,
	})
}

// prompt is the part of an input row that score and sample share.
type prompt struct {
	Prompt    *string            `json:"prompt"`
	PromptIDs []int32            `json:"prompt_ids"`
	Messages  []template.Message `json:"messages"`
}

// checkIDs refuses ids outside the vocabulary.
func checkIDs(what string, ids []int32, vocab int) error {
	for i, id := range ids {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("%s[%d] is %d; the model's ids run from 0 to %d", what, i, id, vocab-1)
		}
	}
	return nil
}

func encodeText(m *loader.Model, what, text string) ([]int32, error) {
	if m.Tokenizer == nil {
		return nil, fmt.Errorf("%s is text, but %s has no tokenizer; give ids", what, m.Path)
	}
	ids, err := m.Tokenizer.Encode(text, false)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return ids, nil
}
