package trainer

import (
	"context"
	"fmt"
	"math"

	"spar/internal/fault"
	"spar/loader/pack"
	"spar/loader/shard"
	"spar/trainer/journal"
	"spar/trainer/objective"
	"spar/trainer/policy"
	"spar/trainer/selfplay/measure"
)

// The likelihood verifier of V-STaR (Hosseini et al., arXiv 2402.06457, section 3): DPO on right against wrong responses to the same
// task, of all iterations, with the generator as its reference and its start. Its score of a response is the log-prob that it gives.

func verifierName(t int) string { return iterationDir(t) + "/verifier" }

func (r *run) trainsVerifier() bool { return r.c.Algorithm == "vstar" }

// trainVerifier trains the likelihood verifier of iteration t.
func (r *run) trainVerifier(ctx context.Context, t int) error {
	if !r.trainsVerifier() {
		return nil
	}
	policyHash, _ := r.start(t + 1)
	s := stage{iteration: t, name: "verifier", outputs: []string{verifierName(t)}, inputs: map[string]string{
		"policy": policyHash, "train": r.train.hash, "settings": updateSettings(r.c, t), "numerics": r.numerics(),
	}}
	for _, from := range r.pooled(t) {
		s.inputs[fmt.Sprintf("rollouts %d", from)] = r.output(from, "sample", rolloutsName(from))
	}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		return r.runVerifierUpdate(ctx, t, hashOfInputs(s.inputs), e)
	}
	if err := r.do(ctx, s); err != nil {
		return err
	}
	return r.trained(t, "verifier", verifierName(t))
}

func (r *run) runVerifierUpdate(ctx context.Context, t int, inputs string, e *journal.Entry) error {
	u := &updating{r: r, t: t, name: "verifier", start: t + 1, inputs: inputs, first: r.stepsBefore(t)}
	u.hash, u.path = r.start(u.start)
	var err error
	if u.objective, err = objective.New("dpo", "sigmoid", objectiveParams(r.c, t)); err != nil {
		return err
	}
	if u.material, err = r.rightAndWrong(ctx, t); err != nil {
		return err
	}
	return u.all(ctx, verifierName(t), e)
}

// rightAndWrong pairs, task by task and iteration by iteration, the responses that passed with those that failed, each used once.
// References are the generator's log-probs.
func (r *run) rightAndWrong(ctx context.Context, t int) (material, error) {
	drawn, err := r.readDrawn(r.pooled(t))
	if err != nil {
		return material{}, err
	}
	var m material
	for _, d := range drawn {
		for _, x := range r.train.examples {
			var right, wrong []int
			for j := range r.c.Sampling.Samples {
				switch d.rollouts.at(x.key, j).Verdict {
				case shard.VerdictPass:
					right = append(right, j)
				case shard.VerdictFail:
					wrong = append(wrong, j)
				}
			}
			for i := range min(len(right), len(wrong)) {
				a, b := d.rollouts.at(x.key, right[i]).Response, d.rollouts.at(x.key, wrong[i]).Response
				m.pairs = append(m.pairs, pair{Key: x.key, From: d.iteration, Sample: wrong[i]})
				m.groups = append(m.groups, pack.Group{Key: x.key, Prompt: x.prompt, Responses: [][]int32{a, b}})
				m.examples = append(m.examples, objective.Example{LenReal: len(a), LenGen: len(b)})
			}
		}
	}
	if len(m.pairs) == 0 {
		return m, fault.Inputf("no task has both a response that passed and one that failed, so there is nothing to train the verifier on; draw more samples_per_prompt")
	}
	return m, r.addReferences(ctx, t, m)
}

func (r *run) addReferences(ctx context.Context, t int, m material) error {
	p, err := r.load(t + 1)
	if err != nil {
		return err
	}
	scored, err := p.Score(ctx, m.groups, policy.ScoreOptions{TokensPerBatch: r.c.TokensPerBatch})
	if err != nil {
		return stopOr(ctx, err)
	}
	for i, s := range scored {
		sums := s.Sums()
		m.examples[i].RefReal, m.examples[i].RefGen = sums[0], sums[1]
		m.pairs[i].RefChosen, m.pairs[i].RefRejected, m.pairs[i].Reference = sums[0], sums[1], t+1
	}
	return nil
}

// addAccuracy adds how many of the held-out tasks the fresh samples solve: the mean over samples, and any of them.
func (r *run) addAccuracy(fresh records, values map[string]float64) {
	n, k := float64(len(r.held.examples)), r.c.Eval.Samples
	for _, x := range r.held.examples {
		passed := 0
		for j := range k {
			if fresh.at(x.key, j).Verdict == shard.VerdictPass {
				passed++
			}
		}
		values["accuracy"] += measure.PassAtK(k, passed, 1) / n
		if k > 1 {
			values["pass_at_k"] += measure.PassAtK(k, passed, k) / n
		}
	}
}

// rankByVerifier adds how often the sample that the verifier likes best is right, and how well it tells right from wrong.
func (r *run) rankByVerifier(ctx context.Context, index int, fresh records, values map[string]float64) (err error) {
	groups := make([]pack.Group, len(r.held.examples))
	for i, x := range r.held.examples {
		groups[i] = pack.Group{Key: x.key, Prompt: x.prompt}
		for j := range r.c.Eval.Samples {
			groups[i].Responses = append(groups[i].Responses, fresh.at(x.key, j).Response)
		}
	}
	scored, err := r.scoreBy(ctx, verifierName(index-1), r.output(index-1, "verifier", verifierName(index-1)), groups)
	if err != nil {
		return err
	}
	var likelihoods []float64
	var passed []bool
	values["best_of_k"] = 0
	for i, x := range r.held.examples {
		best, sums := 0, scored[i].Sums()
		for j := range sums {
			if sums[j] > sums[best] {
				best = j
			}
			likelihoods, passed = append(likelihoods, sums[j]), append(passed, fresh.at(x.key, j).Verdict == shard.VerdictPass)
		}
		if fresh.at(x.key, best).Verdict == shard.VerdictPass {
			values["best_of_k"] += 1 / float64(len(groups))
		}
	}
	if auc := measure.AUC(likelihoods, passed); !math.IsNaN(auc) {
		values["verifier_auc"] = auc
	}
	return nil
}

// scoreBy scores groups under the weights of a directory of the run, which takes the place of the policy in memory.
func (r *run) scoreBy(ctx context.Context, name, hash string, groups []pack.Group) ([]policy.Scored, error) {
	p, err := r.loadFrom(hash, r.path(name))
	if err != nil {
		return nil, err
	}
	scored, err := p.Score(ctx, groups, policy.ScoreOptions{TokensPerBatch: r.c.TokensPerBatch})
	return scored, stopOr(ctx, err)
}
