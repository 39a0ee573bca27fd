package trainer

import (
	"bytes"
	"context"
	"fmt"

	"spar/internal/fault"
	"spar/loader/shard"
	"spar/trainer/journal"
	"spar/trainer/policy"
)

// pair is a line of pairs.jsonl: which responses are set against each other, under which objective, with the sums of their log-probs under
// which reference. The tokens are in the data set and in the rollouts of iteration From.
type pair struct {
	Preference  bool    `json:"preference"` // a row of preferences.data, trained under dpo; else one of data.train, under the run's algorithm
	Key         int     `json:"key"`        // row of the data set
	From        int     `json:"from"`       // iteration whose rollouts hold the rejected response; -1: the data set, or none
	Sample      int     `json:"sample"`     // of the rollouts
	Reference   int     `json:"reference"`  // the policy that this iteration began with gave the sums; -1: the rows did, or there are none
	RefChosen   float64 `json:"ref_chosen"`
	RefRejected float64 `json:"ref_rejected"`
}

// row names the pair's row for people.
func (p pair) row() string {
	if p.Preference {
		return fmt.Sprintf("preference row %d", p.Key)
	}
	return fmt.Sprintf("row %d", p.Key)
}

func pairsName(t int) string { return iterationDir(t) + "/pairs.jsonl" }

// pair chooses what is trained on.
func (r *run) pair(ctx context.Context, t int) error {
	s := stage{iteration: t, name: "pair", outputs: []string{pairsName(t)}, inputs: map[string]string{
		"train": r.train.hash, "truncated_samples": r.c.TruncatedSamples,
		"rollouts": r.output(t, "sample", rolloutsName(t)), "real": r.output(t, "score", realName(t)),
	}}
	if r.mixes(t) {
		s.inputs["previous"] = r.output(t, "score", previousName(t))
	}
	if r.preferences != nil {
		s.inputs["preferences"] = r.preferences.hash + r.output(0, "preferences", preferencesName)
		s.inputs["mixing"] = hashText(r.c.Preferences.Share, r.c.Shuffle, r.c.Seed, r.preferencesBefore(t))
	}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		pairs, err := r.makePairs(t, e.Counts)
		if err != nil {
			return err
		}
		if len(pairs) == 0 {
			return fault.Inputf("no pair is left: %d of %d generated responses ran out of tokens; raise sampling.max_new_tokens or set truncated_samples: keep", e.Counts["truncated"], e.Counts["generated"])
		}
		r.logf("%s: %s", r.heading, countsText(e.Counts))
		if err := r.describeSamples(ctx, t); err != nil {
			return err
		}
		return writeLines(r.fs, r.path(pairsName(t)), pairs)
	}
	return r.do(ctx, s)
}

func countsText(counts map[string]int64) string {
	var b bytes.Buffer
	for i, k := range sortedKeys(counts) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d %s", counts[k], k)
	}
	return b.String()
}

func (r *run) makePairs(t int, counts map[string]int64) ([]pair, error) {
	reference, err := r.readReference(t)
	if err != nil {
		return nil, err
	}
	if !r.c.SelfPlay() {
		pairs := dataPairs(r.train, reference, t)
		counts["pairs"] = int64(len(pairs))
		return pairs, nil
	}
	pairs, err := r.selfPairs(t, t, reference, counts)
	if err == nil && r.mixes(t) {
		var older []pair
		older, err = r.selfPairs(t, t-1, reference, counts)
		counts["mixed in"] = int64(len(older))
		pairs = append(pairs, older...)
	}
	if err == nil && r.preferences != nil && len(pairs) > 0 {
		pairs, err = r.mixPreferences(t, pairs, counts)
	}
	counts["pairs"] = int64(len(pairs))
	return pairs, err
}

// readReference returns the scored data responses, or nothing when the loss needs none or the data brings them.
func (r *run) readReference(t int) (records, error) {
	if !r.needsReference() {
		return nil, nil
	}
	policyHash, _ := r.start(t)
	return r.readShard(realName(t), r.header(policyHash, hashText("score")))
}

// dataPairs are one pair for each row: chosen against rejected, or chosen alone. The reference, nil where there is none, is of the policy
// that iteration t began with; what the rows bring goes before it.
func dataPairs(c *corpus, reference records, t int) []pair {
	out := make([]pair, len(c.examples))
	for i, x := range c.examples {
		p := pair{Key: x.key, From: -1, Reference: -1}
		switch {
		case x.refChosen != nil && x.refRejected != nil:
			p.RefChosen, p.RefRejected = *x.refChosen, *x.refRejected
		case reference != nil:
			p.Reference = t
			p.RefChosen, p.RefRejected = policy.Sum(reference.at(x.key, 0).Logp), policy.Sum(reference.at(x.key, 1).Logp)
		}
		out[i] = p
	}
	return out
}

// selfPairs set the real responses against those drawn in iteration from, with references of iteration t.
func (r *run) selfPairs(t, from int, reference records, counts map[string]int64) ([]pair, error) {
	rollouts, err := r.readRollouts(from)
	if err != nil {
		return nil, err
	}
	scored := rollouts // the sampler's own log-probs are the opponent's
	if from != t {
		policyHash, _ := r.start(t)
		if scored, err = r.readShard(previousName(t), r.header(policyHash, hashText("score"))); err != nil {
			return nil, err
		}
	}
	var out []pair
	for _, x := range r.train.examples {
		for j := range r.c.Sampling.Samples {
			rec, err := rollouts.get(rolloutsName(from), x.key, j)
			if err != nil {
				return nil, err
			}
			counts["generated"]++
			if rec.Finish == shard.FinishLength {
				counts["truncated"]++
				if r.c.TruncatedSamples == "exclude" {
					continue
				}
			}
			out = append(out, pair{Key: x.key, From: from, Sample: j, Reference: r.referenceOf(t),
				RefChosen: policy.Sum(reference.at(x.key, 0).Logp), RefRejected: policy.Sum(scored.at(x.key, j).Logp)})
		}
	}
	return out, nil
}

// referenceOf is the id of the reference of iteration t's own pairs.
func (r *run) referenceOf(t int) int {
	if !r.objective.Needs().Reference {
		return -1
	}
	return t
}

// readRollouts returns the sealed rollouts of an iteration, which are not to be changed; they are read once.
func (r *run) readRollouts(t int) (records, error) {
	if r.drawn.rollouts != nil && r.drawn.iteration == t {
		return r.drawn.rollouts, nil
	}
	policyHash, _ := r.start(t)
	d := draw{samples: r.samplesOf(t), iteration: t, lane: trainLane, decided: r.decided(t)}
	m, err := r.readShard(rolloutsName(t), r.header(policyHash, r.settings(d)))
	if err == nil {
		r.drawn = drawn{t, m}
	}
	return m, err
}
