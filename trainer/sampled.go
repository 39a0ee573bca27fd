package trainer

import (
	"context"
	"slices"

	"spar/loader/pack"
	"spar/loader/shard"
	"spar/trainer/metrics"
	"spar/trainer/policy"
	"spar/trainer/selfplay/measure"
)

// entropyPrompts is how many prompts' samples are scored again for their entropy: some thousand tokens tell a greedy sampler from one that
// draws, and cost a fraction of the drawing.
const entropyPrompts = 64

// describeSamples writes what iteration t drew as numbers: lengths, variety, and how surprising the drawn tokens are beside the
// entropy of the distribution that they should come from.
func (r *run) describeSamples(ctx context.Context, t int) error {
	if !r.c.SelfPlay() {
		return nil
	}
	rollouts, err := r.readRollouts(t)
	if err != nil {
		return err
	}
	v, err := r.sampledValues(ctx, t, r.train, rollouts)
	if err != nil {
		return err
	}
	return r.metrics.Append(metrics.Record{Iteration: t, Step: r.stepsBefore(t), Values: v})
}

// sampledValues are the numbers about the responses to c's prompts that the policy of iteration t drew.
func (r *run) sampledValues(ctx context.Context, t int, c *corpus, rollouts records) (map[string]float64, error) {
	groups, err := r.sampleGroups(c, rollouts, rolloutsName(t))
	if err != nil || len(groups) == 0 {
		return map[string]float64{}, err
	}
	v := sampleValues(groups, rollouts)
	return v, r.addEntropy(ctx, t, groups[:min(len(groups), entropyPrompts)], v)
}

func sampleValues(groups []pack.Group, rollouts records) map[string]float64 {
	var lengths []int
	var responses [][]int32
	total, cut := 0, 0
	for _, g := range groups {
		for j, response := range g.Responses {
			lengths, responses, total = append(lengths, len(response)), append(responses, response), total+len(response)
			if rollouts.at(g.Key, j).Finish == shard.FinishLength {
				cut++
			}
		}
	}
	slices.Sort(lengths)
	n := len(lengths)
	return map[string]float64{
		"sample/length_mean": float64(total) / float64(n), "sample/length_p95": float64(lengths[min(n-1, n*95/100)]),
		"sample/truncated_rate": float64(cut) / float64(n), "sample/distinct_2": measure.Distinct(responses, 2),
	}
}

// addEntropy adds two means over sampled tokens, in nats: sample/surprise, minus the log-prob of the token drawn, and sample/entropy, of the
// distribution at temperature 1. They agree for samples that are draws from the policy; greedy ones surprise far less.
func (r *run) addEntropy(ctx context.Context, t int, groups []pack.Group, v map[string]float64) error {
	p, err := r.load(t)
	if err != nil {
		return err
	}
	scored, err := p.Score(ctx, groups, policy.ScoreOptions{Entropy: true, TokensPerBatch: r.c.TokensPerBatch})
	if err != nil {
		return stopOr(ctx, err)
	}
	tokens := 0.0
	for _, s := range scored {
		for j, logp := range s.Logp {
			tokens += float64(len(logp))
			v["sample/surprise"] -= policy.Sum(logp)
			v["sample/entropy"] += policy.Sum(s.Entropy[j])
		}
	}
	v["sample/surprise"] /= tokens
	v["sample/entropy"] /= tokens
	return nil
}
