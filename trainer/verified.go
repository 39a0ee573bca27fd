package trainer

import (
	"context"

	"spar/loader/shard"
	"spar/trainer/selfplay/choose"
	"spar/trainer/selfplay/measure"
)

// addChoice adds what became of the candidates.
func addChoice(v map[string]float64, n choose.Counts, byPeople int) {
	kept := float64(n.Kept)
	v["select/kept"], v["select/kept_rate"] = kept, kept/float64(max(1, n.Candidates))
	v["select/hinted_share"] = float64(n.Hinted) / kept
	v["select/duplicate_rate"] = float64(n.Duplicate) / float64(max(1, n.Candidates-n.Failed-n.Low))
	v["select/tasks"], v["select/by_people"] = float64(n.Tasks), float64(byPeople)
}

// drawnValues describe the verified responses of iteration t to c's tasks: the samples, their verdicts, and the groups of responses to one task.
func (r *run) drawnValues(ctx context.Context, t int, c *corpus, rollouts records) (map[string]float64, error) {
	v, err := r.sampledValues(ctx, t, c, rollouts)
	if err != nil || len(c.examples) == 0 {
		return v, err
	}
	size := r.c.Sampling.Samples
	verdicts := map[uint8]float64{}
	var groups []count
	all := 0.0
	answers := map[string]bool{}
	for _, x := range c.examples {
		n := count{tried: len(rollouts[x.key])}
		for _, rec := range rollouts[x.key] {
			verdicts[rec.Verdict]++
			if rec.Verdict == shard.VerdictPass {
				n.passed++
			}
			answers[string(rec.Meta)] = true
		}
		groups = append(groups, n)
		all += float64(n.tried)
	}
	v["verify/pass_rate"], v["verify/timeout_rate"] = verdicts[shard.VerdictPass]/all, verdicts[shard.VerdictTimeout]/all
	v["verify/crash_rate"] = (verdicts[shard.VerdictCrash] + verdicts[shard.VerdictOOM]) / all
	if err := r.addAudit(ctx, c, rollouts, v); err != nil {
		return nil, err
	}
	v["verify/refused_rate"], v["sample/unique_answers"] = verdicts[shard.VerdictRefused]/all, float64(len(answers))/all
	addGroups(v, groups)
	v["groups/size"] = all / float64(len(groups))
	if r.c.Sampling.StopDecided {
		v["sample/saved_share"] = 1 - all/float64(size*len(groups))
	}
	return v, nil
}

// addGroups adds what the outcomes of groups of responses say about the tasks. A group whose responses all fare alike carries
// no signal for a group-relative objective.
func addGroups(v map[string]float64, groups []count) {
	n := float64(len(groups))
	edge := 0.0
	for _, g := range groups {
		p := float64(g.passed) / float64(g.tried)
		v["groups/expected_signal"] += p * (1 - p) / n
		v["groups/zero_signal_expected"] += measure.ZeroSignal(p, g.tried) / n
		v["pass_at_1"] += measure.PassAtK(g.tried, g.passed, 1) / n
		v["pass_at_k"] += measure.PassAtK(g.tried, g.passed, g.tried) / n
		if g.passed == 0 || g.passed == g.tried {
			edge++
		}
	}
	v["groups/edge_mass"], v["groups/zero_signal"] = edge/n, edge/n
	v["groups/signal_fraction"] = (n - edge) / n
}
