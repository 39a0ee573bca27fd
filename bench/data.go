package bench

import (
	"context"

	"spar/internal/fault"
	"spar/internal/rng"
	"spar/loader/pack"
	"spar/loader/tokenizer"
)

// Loader measures the data path without the engine: encode both sequences of every
// pair anew in every epoch, order them, split them by the token budget and lay the batches out. Its text is words drawn
// from the tokenizer's own vocabulary, about as long as the workload's lengths.
func Loader(ctx context.Context, c Config) (*Result, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if c.Workload, err = c.Workload.needPairs("loader"); err != nil {
		return nil, err
	}
	if c.Model.Tokenizer == nil {
		return nil, fault.Inputf("%s has no tokenizer, and bench loader measures it; give a whole model directory", c.Model.Path)
	}
	all := randomTexts(c.Model.Tokenizer, c.Workload, c.Seed)
	gs, err := encodeAll(c.Model.Tokenizer, all)
	if err != nil {
		return nil, err
	}
	if c.TokensPerBatch == 0 {
		c.TokensPerBatch = pack.Need(gs).Rows
	}
	logical := 0
	for _, g := range gs {
		logical += 2*len(g.Prompt) + pack.Targets(g)
	}
	r := c.result("loader", nil, nil)
	return r, c.measure(ctx, r, work{
		run: func() error {
			for epoch := range loaderEpochs {
				if err := loadEpoch(c, all, epoch); err != nil {
					return err
				}
			}
			return nil
		},
		logical:   loaderEpochs * logical,
		processed: loaderEpochs * pack.Need(gs).Rows,
	}, nil)
}

// loaderEpochs makes a repeat long enough to time: a few pairs take a millisecond.
const loaderEpochs = 100

// texts are a prompt and its two responses.
type texts [3]string

func randomTexts(t *tokenizer.Tokenizer, w Workload, seed uint64) []texts {
	draw := rng.NewStream(seed, idLane)
	out := make([]texts, len(w.Pairs))
	for i, p := range w.Pairs {
		for j, n := range [3]int{p.PromptLen, p.ChosenLen, p.RejectedLen} {
			out[i][j] = t.Decode(randomIDs(draw, n, t.VocabSize()))
		}
	}
	return out
}

func encodeAll(t *tokenizer.Tokenizer, all []texts) ([]pack.Group, error) {
	gs := make([]pack.Group, len(all))
	for i, text := range all {
		var ids [3][]int32
		for j := range text {
			var err error
			if ids[j], err = t.Encode(text[j], false); err != nil {
				return nil, err
			}
		}
		gs[i] = pack.Group{Key: i, Prompt: ids[0], Responses: ids[1:]}
	}
	return gs, nil
}

// loadEpoch takes all pairs through the data path once.
func loadEpoch(c Config, all []texts, epoch int) error {
	gs, err := encodeAll(c.Model.Tokenizer, all)
	if err != nil {
		return err
	}
	shuffled := make([]pack.Group, len(gs))
	for i, at := range pack.Order(len(gs), c.Seed, epoch, true) {
		shuffled[i] = gs[at]
	}
	batches, err := pack.Split(shuffled, pack.Limits{Rows: c.TokensPerBatch})
	if err != nil {
		return err
	}
	for _, b := range batches {
		part := shuffled[b[0] : b[len(b)-1]+1]
		need := pack.Need(part)
		pack.Fill(part, pack.Arrays{
			Token: make([]int32, need.Rows), Position: make([]int32, need.Rows), Target: make([]int32, need.Rows),
			Segment: make([]pack.Segment, need.Segments),
		})
	}
	return nil
}
