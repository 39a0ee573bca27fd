package trainer

import (
	"context"
	"errors"

	"spar/loader/pack"
	"spar/loader/shard"
	"spar/trainer/journal"
	"spar/trainer/policy"
)

// scoreChunk is how many groups are scored between two looks at the context and two writes.
const scoreChunk = 64

func realName(t int) string     { return iterationDir(t) + "/real.shard" }
func previousName(t int) string { return iterationDir(t) + "/previous.shard" }

// needsReference reports whether the loss compares with a frozen policy whose log-probs the data does not give.
func (r *run) needsReference() bool {
	return r.objective.Needs().Reference && !r.train.referenced
}

// score computes the reference log-probs that the sampler did not give: of the data's responses and, when mixing, of the
// responses that the opponent before drew.
func (r *run) score(ctx context.Context, t int) error {
	if !r.needsReference() {
		return nil
	}
	policyHash, _ := r.start(t)
	s := stage{
		iteration: t, name: "score", outputs: []string{realName(t)},
		inputs: map[string]string{"policy": policyHash, "train": r.train.hash, "numerics": r.numerics()},
	}
	if r.mixes(t) {
		s.outputs = append(s.outputs, previousName(t))
		s.inputs["previous"] = r.output(t-1, "sample", rolloutsName(t-1))
	}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		if err := r.scoreInto(ctx, realName(t), t, dataGroups(r.train), e); err != nil {
			return err
		}
		if !r.mixes(t) {
			return nil
		}
		previous, err := r.readRollouts(t - 1)
		if err != nil {
			return err
		}
		groups, err := r.sampleGroups(r.train, previous, rolloutsName(t-1))
		if err != nil {
			return err
		}
		return r.scoreInto(ctx, previousName(t), t, groups, e)
	}
	return r.do(ctx, s)
}

func (r *run) mixes(t int) bool { return r.c.MixPrevious && t > 0 }

// dataGroups are the data's responses: chosen, and rejected where there is one.
func dataGroups(c *corpus) []pack.Group {
	out := make([]pack.Group, len(c.examples))
	for i, x := range c.examples {
		out[i] = pack.Group{Key: x.key, Prompt: x.prompt, Responses: [][]int32{x.chosen}}
		if len(x.rejected) > 0 {
			out[i].Responses = append(out[i].Responses, x.rejected)
		}
	}
	return out
}

// sampleGroups are the drawn responses to each prompt.
func (r *run) sampleGroups(c *corpus, m records, file string) ([]pack.Group, error) {
	out := make([]pack.Group, len(c.examples))
	for i, x := range c.examples {
		out[i] = pack.Group{Key: x.key, Prompt: x.prompt}
		for j := range max(1, len(m[x.key])) {
			rec, err := m.get(file, x.key, j)
			if err != nil {
				return nil, err
			}
			out[i].Responses = append(out[i].Responses, rec.Response)
		}
	}
	return out, nil
}

// scoreInto scores groups under the policy that iteration start begins with, and writes a record for each response.
func (r *run) scoreInto(ctx context.Context, file string, start int, groups []pack.Group, e *journal.Entry) (err error) {
	policyHash, _ := r.start(start)
	w, err := r.createShard(file, r.header(policyHash, hashText("score")))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.abandon()) }()
	p, err := r.load(start)
	if err != nil {
		return err
	}
	groups, skip := unscored(groups, w.count)
	line := r.progress(len(groups), 0, "prompts scored")
	defer line.Close()
	for first := 0; first < len(groups); first += scoreChunk {
		if err := stopCause(ctx); err != nil {
			return err
		}
		part := groups[first:min(first+scoreChunk, len(groups))]
		scored, err := p.Score(ctx, part, policy.ScoreOptions{TokensPerBatch: r.c.TokensPerBatch})
		if err != nil {
			return stopOr(ctx, err)
		}
		for i, g := range part {
			for j, response := range g.Responses {
				e.Tokens += int64(len(response))
				line.Tokens(int64(len(response)))
				if skip > 0 {
					skip--
					continue
				}
				if err := w.append(shard.Record{Group: g.Key, Sample: j, Prompt: g.Prompt, Response: response, Logp: scored[i].Logp[j], Finish: shard.FinishNone}); err != nil {
					return err
				}
			}
		}
		line.Set(first+len(part), "")
	}
	line.Done("")
	return w.seal()
}

// unscored drops the groups whose responses are all among the first done ones; skip is how many responses of the next group are.
func unscored(groups []pack.Group, done int) (rest []pack.Group, skip int) {
	for len(groups) > 0 && done >= len(groups[0].Responses) {
		done -= len(groups[0].Responses)
		groups = groups[1:]
	}
	return groups, done
}
