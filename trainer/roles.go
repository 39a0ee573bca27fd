package trainer

import (
	"context"

	"spar/trainer/journal"
)

// With separate roles the proposer is a policy of its own, as the challenger of R-Zero is (arXiv 2508.05004): both begin as the run's model,
// and each learns from what it drew itself. The run's policy, which is evaluated and promoted, is the solver's.

// proposerName is the proposer that iteration t leaves.
func proposerName(t int) string { return iterationDir(t) + "/proposer" }

// proposerStart is the identity and place of the policy that proposes in iteration t.
func (r *run) proposerStart(t int) (hash, path string) {
	switch {
	case r.c.Play.Roles == "frozen":
		return r.start(0)
	case r.c.SeparateRoles() && t > 0:
		name := proposerName(t - 1)
		return r.output(t-1, "proposer", name), r.path(name)
	}
	return r.start(t)
}

// trainProposer trains the proposer of iteration t on its own draws, where it is a policy of its own.
func (r *run) trainProposer(ctx context.Context, t int) error {
	if !r.c.SeparateRoles() {
		return nil
	}
	hash, path := r.proposerStart(t)
	s := stage{iteration: t, name: "proposer", outputs: []string{proposerName(t)}, inputs: map[string]string{
		"policy": hash, "pairs": r.materialHash(t), "settings": updateSettings(r.c, t), "numerics": r.numerics(),
	}}
	if r.c.Play.KLWeight > 0 {
		s.inputs["reference"] = r.output(t, "score", referenceName(t))
	}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		u := &updating{r: r, t: t, name: "proposer", start: t, hash: hash, path: path, inputs: hashOfInputs(s.inputs), first: r.stepsBefore(t)}
		return u.learn(ctx, proposerRole, proposerName(t), e)
	}
	if err := r.do(ctx, s); err != nil {
		return err
	}
	return r.trained(t, "proposer", proposerName(t))
}

// learner is the role whose draws the run's policy learns from; "" is both.
func (r *run) learner() string {
	if r.c.SeparateRoles() {
		return solverRole
	}
	return ""
}

// of is the part of play's material that a role drew; "" is all of it.
func (m material) of(role string) material {
	if role == "" {
		return m
	}
	var out material
	for i, who := range m.roles {
		if who != role {
			continue
		}
		out.groups, out.examples = append(out.groups, m.groups[i]), append(out.examples, m.examples[i])
		out.pairs, out.draws = append(out.pairs, m.pairs[i]), append(out.draws, m.draws[i])
		out.roles = append(out.roles, who)
	}
	return out
}
