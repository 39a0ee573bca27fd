package trainer

import (
	"slices"

	"spar/loader/shard"
	"spar/trainer/selfplay/choose"
	"spar/trainer/selfplay/measure"
)

// selectionValues are an iteration's numbers about what was drawn, verified and kept.
func (r *run) selectionValues(d drawnIn, n choose.Counts, byPeople int) map[string]float64 {
	v := r.drawnValues(r.train, d.rollouts)
	kept := float64(n.Kept)
	v["select/kept"], v["select/kept_rate"] = kept, kept/float64(max(1, n.Candidates))
	v["select/hinted_share"] = float64(n.Hinted) / kept
	v["select/duplicate_rate"] = float64(n.Duplicate) / float64(max(1, n.Candidates-n.Failed-n.Low))
	v["select/tasks"], v["select/by_people"] = float64(n.Tasks), float64(byPeople)
	return v
}

// drawnValues describe verified draws: their verdicts, the groups of responses to one task, and the texts.
func (r *run) drawnValues(c *corpus, rollouts records) map[string]float64 {
	size := r.c.Sampling.Samples
	verdicts := map[uint8]float64{}
	var successes []int
	var responses [][]int32
	answers := map[string]bool{}
	for _, x := range c.examples {
		passed := 0
		for j := range size {
			rec := rollouts[id{x.key, j}]
			verdicts[rec.Verdict]++
			if rec.Verdict == shard.VerdictPass {
				passed++
			}
			responses = append(responses, rec.Response)
			answers[string(rec.Meta)] = true
		}
		successes = append(successes, passed)
	}
	all := float64(len(responses))
	v := map[string]float64{
		"verify/pass_rate": verdicts[shard.VerdictPass] / all, "verify/timeout_rate": verdicts[shard.VerdictTimeout] / all,
		"verify/crash_rate": (verdicts[shard.VerdictCrash] + verdicts[shard.VerdictOOM]) / all, "verify/refused_rate": verdicts[shard.VerdictRefused] / all,
		"sample/distinct_2": measure.Distinct(responses, 2), "sample/unique_answers": float64(len(answers)) / all,
	}
	addLengths(v, c, rollouts, size)
	addGroups(v, successes, size)
	return v
}

func addLengths(v map[string]float64, c *corpus, m records, samples int) {
	var lengths []int
	total, cut := 0, 0
	for _, x := range c.examples {
		for j := range samples {
			rec := m[id{x.key, j}]
			lengths, total = append(lengths, len(rec.Response)), total+len(rec.Response)
			if rec.Finish == shard.FinishLength {
				cut++
			}
		}
	}
	slices.Sort(lengths)
	n := len(lengths)
	v["sample/length_mean"], v["sample/length_p95"] = float64(total)/float64(n), float64(lengths[min(n-1, n*95/100)])
	v["sample/truncated_rate"] = float64(cut) / float64(n)
}

// addGroups adds what the outcomes of groups of size responses say about the tasks. A group whose responses all fare alike carries
// no signal for a group-relative objective.
func addGroups(v map[string]float64, successes []int, size int) {
	v["groups/size"] = float64(size)
	n := float64(len(successes))
	edge := 0.0
	for _, k := range successes {
		p := float64(k) / float64(size)
		v["groups/expected_signal"] += p * (1 - p) / n
		v["groups/zero_signal_expected"] += measure.ZeroSignal(p, size) / n
		v["pass_at_1"] += measure.PassAtK(size, k, 1) / n
		v["pass_at_k"] += measure.PassAtK(size, k, size) / n
		if k == 0 || k == size {
			edge++
		}
	}
	v["groups/edge_mass"], v["groups/zero_signal"] = edge/n, edge/n
	v["groups/signal_fraction"] = measure.SignalFraction(successes, size)
}
