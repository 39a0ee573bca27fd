package trainer

import (
	"context"
	"slices"

	"spar/loader/pack"
	"spar/trainer/journal"
)

// The KL term of play holds the policy near the one that the run began with, the reference of the term.

func referenceName(t int) string { return iterationDir(t) + "/reference.shard" }

// scoreDraws computes the reference's log-probs of the draws that iteration t learns from. In the first iteration the reference drew them
// itself, so that they are known.
func (r *run) scoreDraws(ctx context.Context, t int) error {
	if r.c.Play.KLWeight == 0 || t == 0 {
		return nil
	}
	first, _ := r.start(0)
	s := stage{iteration: t, name: "score", outputs: []string{referenceName(t)}, inputs: map[string]string{
		"policy": first, "payments": r.output(t, "pay", paidName(t)), "proposals": r.output(t, "propose", proposalsName(t)),
		"rollouts": r.output(t, "sample", rolloutsName(t)), "truncated_samples": r.c.TruncatedSamples, "numerics": r.numerics(),
	}}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		m, err := r.readPaid(t)
		if err != nil {
			return err
		}
		return r.scoreInto(ctx, referenceName(t), 0, numberedGroups(m.groups), e)
	}
	return r.do(ctx, s)
}

// numberedGroups are the groups with their places as keys, which draws of both roles share otherwise.
func numberedGroups(groups []pack.Group) []pack.Group {
	out := slices.Clone(groups)
	for i := range out {
		out[i].Key = i
	}
	return out
}

// addReference gives iteration t's draws the reference's log-probs, where there is a KL term.
func (r *run) addReference(t int, m material) error {
	if r.c.Play.KLWeight == 0 {
		return nil
	}
	if t == 0 {
		for i := range m.draws {
			m.draws[i].Ref = m.draws[i].Old
		}
		return nil
	}
	first, _ := r.start(0)
	scored, err := r.readShard(referenceName(t), r.header(first, hashText("score")))
	if err != nil {
		return err
	}
	for i := range m.draws {
		rec, err := scored.get(referenceName(t), i, 0)
		if err != nil {
			return err
		}
		m.draws[i].Ref = float64s(rec.Logp)
	}
	return nil
}
