package policy

import (
	"context"
	"errors"
	"slices"

	"spar/loader/pack"
	"spar/native"
)

// DefaultTokensPerBatch is the token budget of a batch when none is given.
const DefaultTokensPerBatch = 2048

// Scored holds, for each response of a group, one number for each of its tokens.
type Scored struct {
	Logp    [][]float32 // natural log at temperature 1 over the whole vocabulary
	Entropy [][]float32 // nats; nil unless asked for
}

// Sums are the log-probs of the responses, added up in float64 from first to last token.
func (s Scored) Sums() []float64 {
	sums := make([]float64, len(s.Logp))
	for i, logp := range s.Logp {
		sums[i] = Sum(logp)
	}
	return sums
}

// Sum adds up in float64, from first to last.
func Sum(logp []float32) float64 {
	total := 0.0
	for _, x := range logp {
		total += float64(x)
	}
	return total
}

// ScoreOptions say what Score computes and in what portions.
type ScoreOptions struct {
	Entropy        bool
	TokensPerBatch int                   // rows of a batch; 0: DefaultTokensPerBatch, or the largest group if that is more
	Progress       func(done, total int) // groups; may be nil
}

// Score returns the log-probs of every response token. Results do not depend on how groups fall
// into batches.
func (p *Policy) Score(ctx context.Context, gs []pack.Group, o ScoreOptions) ([]Scored, error) {
	out := make([]Scored, 0, len(gs))
	err := p.watched(ctx, func() error {
		return p.eachBatch(ctx, gs, o.TokensPerBatch, false, func(b *native.Batch, part []pack.Group) error {
			scored, err := forward(b, part, o.Entropy)
			if err != nil {
				return err
			}
			out = append(out, scored...)
			if o.Progress != nil {
				o.Progress(len(out), len(gs))
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// eachBatch calls f with consecutive portions of gs that fit a batch of tokens rows.
func (p *Policy) eachBatch(ctx context.Context, gs []pack.Group, tokens int, train bool, f func(*native.Batch, []pack.Group) error) error {
	if err := p.checkGroups(gs); err != nil || len(gs) == 0 {
		return err
	}
	portions, err := pack.Split(gs, pack.Limits{Rows: budget(gs, tokens)})
	if err != nil {
		return err
	}
	var need pack.Limits
	parts := make([][]pack.Group, len(portions))
	for i, portion := range portions {
		parts[i] = gs[portion[0] : portion[len(portion)-1]+1]
		need = atLeast(need, pack.Need(parts[i]))
	}
	b, err := p.openBatch(need, train)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(b, part); err != nil {
			return err
		}
	}
	return nil
}

// budget is the row limit of a batch: what the caller asked for, or else a default that no group
// exceeds.
func budget(gs []pack.Group, tokens int) int {
	if tokens > 0 {
		return tokens
	}
	rows := DefaultTokensPerBatch
	for _, g := range gs {
		rows = max(rows, pack.Rows(g))
	}
	return rows
}

func atLeast(a, b pack.Limits) pack.Limits {
	return pack.Limits{Rows: max(a.Rows, b.Rows), Segments: max(a.Segments, b.Segments), Targets: max(a.Targets, b.Targets)}
}

func (p *Policy) checkGroups(gs []pack.Group) error {
	for _, g := range gs {
		if err := p.checkIDs("group", g.Key, g.Prompt); err != nil {
			return err
		}
		for _, r := range g.Responses {
			if err := errors.Join(p.checkLength("group", g.Key, len(g.Prompt), len(r)), p.checkIDs("group", g.Key, r)); err != nil {
				return err
			}
		}
	}
	return nil
}

// openBatch returns the kept batch when it has the capacity, else opens one that has.
func (p *Policy) openBatch(need pack.Limits, train bool) (*native.Batch, error) {
	need = atLeast(need, pack.Limits{Rows: 1, Segments: 1, Targets: 1})
	if p.batch != nil {
		c := p.batch.Config
		if c.Train == train && c.Rows >= need.Rows && c.Segments >= need.Segments && c.Targets >= need.Targets {
			return p.batch, nil
		}
		if err := p.closeBatch(); err != nil {
			return nil, err
		}
	}
	phase := Workload{Score: need}
	if train {
		phase = Workload{Train: need}
	}
	if err := p.fits(phase); err != nil {
		return nil, err
	}
	b, err := p.model.OpenBatch(native.BatchConfig{Rows: need.Rows, Segments: need.Segments, Targets: need.Targets, Train: train})
	if err != nil {
		return nil, err
	}
	p.batch = b
	return b, nil
}

// closeBatch frees the kept batch before another phase takes its memory.
func (p *Policy) closeBatch() error {
	if p.batch == nil {
		return nil
	}
	err := p.batch.Close()
	p.batch = nil
	return err
}

// forward lays groups out, runs them and gathers the responses' numbers.
func forward(b *native.Batch, gs []pack.Group, entropy bool) ([]Scored, error) {
	rows, segments := pack.Fill(gs, pack.Arrays{Token: b.Token, Position: b.Position, Target: b.Target, Segment: segmentsOf(b)})
	if rows > 0 {
		if err := b.Forward(rows, segments, entropy); err != nil {
			return nil, err
		}
	}
	out := make([]Scored, len(gs))
	for i, spans := range pack.Index(gs) {
		for _, s := range spans {
			out[i].Logp = append(out[i].Logp, slices.Clone(b.Logp[s.First:s.First+s.Count]))
			if entropy {
				out[i].Entropy = append(out[i].Entropy, slices.Clone(b.Entropy[s.First:s.First+s.Count]))
			}
		}
	}
	return out, nil
}

// Program is the text of the forward or backward program of a training batch of the given size, one op a line.
func (p *Policy) Program(need pack.Limits, backward bool) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, err := p.openBatch(need, true)
	if err != nil {
		return "", err
	}
	which := 0
	if backward {
		which = 1
	}
	text, err := b.Program(which)
	return text, errors.Join(err, p.closeBatch())
}
