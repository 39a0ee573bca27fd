package trainer

import (
	"context"
	"maps"
	"math"

	"spar/internal/fault"
	"spar/loader/pack"
	"spar/trainer/journal"
	"spar/trainer/policy"
)

// Preference pairs are mixed into self-play by three rules. Their reference is the policy that the run began with, scored once before the
// first iteration. pairs.jsonl of an iteration has as many of them as make the share. plan.go spreads them evenly over each epoch.

const preferencesName = "preferences.shard"

// openPreferences reads the preference pairs that the config mixes in, and those held out.
func (r *run) openPreferences() (err error) {
	if r.c.MixesPreferences() {
		if r.preferences, err = r.readCorpus(r.c.Preferences.Data, 0, true); err != nil {
			return err
		}
	}
	if r.c.Preferences.Eval != "" {
		r.heldPairs, err = r.readCorpus(r.c.Preferences.Eval, r.c.Eval.MaxPrompts, true)
	}
	return err
}

// scorePreferences computes the preference pairs' references, unless the rows bring them.
func (r *run) scorePreferences(ctx context.Context) error {
	if r.preferences == nil || r.preferences.referenced {
		return nil
	}
	first, _ := r.start(0)
	s := stage{name: "preferences", outputs: []string{preferencesName},
		inputs: map[string]string{"policy": first, "preferences": r.preferences.hash, "numerics": r.numerics()}}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		return r.scoreInto(ctx, preferencesName, 0, dataGroups(r.preferences), e)
	}
	return r.do(ctx, s)
}

// readPreferenceReference returns the scored preference pairs, or nothing when the rows bring their references.
func (r *run) readPreferenceReference() (records, error) {
	if r.preferences.referenced {
		return nil, nil
	}
	first, _ := r.start(0)
	return r.readShard(preferencesName, r.header(first, hashText("score")))
}

// mixPreferences adds iteration t's preference pairs after its own.
func (r *run) mixPreferences(t int, own []pair, counts map[string]int64) ([]pair, error) {
	reference, err := r.readPreferenceReference()
	if err != nil {
		return nil, err
	}
	preferred, err := r.preferencePairs(reference, len(own), r.preferencesBefore(t))
	counts["preference pairs"] = int64(len(preferred))
	return append(own, preferred...), err
}

// preferencePairs are the pairs that an iteration mixes in beside n of its own, after those before it used some. Iterations go through the
// rows one after the other, in a new order on each pass, so that no row is used a second time before all were used once.
func (r *run) preferencePairs(reference records, n, used int) ([]pair, error) {
	k, err := preferenceCount(n, r.c.Preferences.Share)
	if err != nil {
		return nil, err
	}
	all := dataPairs(r.preferences, reference, 0)
	out := make([]pair, 0, k)
	for len(out) < k {
		pass, place := used/len(all), used%len(all)
		order := pack.Order(len(all), r.c.Seed, pass, r.c.Shuffle)[place:]
		for _, row := range order[:min(len(order), k-len(out))] {
			p := all[row]
			p.Preference = true
			out = append(out, p)
			used++
		}
	}
	return out, nil
}

// preferenceCount is the number of preference pairs that make the wanted share beside n others, to the nearest pair.
func preferenceCount(n int, share float64) (int, error) {
	k := int(math.Round(share / (1 - share) * float64(n)))
	if k == 0 {
		return 0, fault.Inputf("preferences.share: %v beside %d pairs of self-play is less than half a pair; raise it, or give more training rows", share, n)
	}
	return k, nil
}

// preferencesBefore counts the preference pairs of the iterations before t.
func (r *run) preferencesBefore(t int) int {
	n := 0
	for i := range t {
		e, _ := r.journal.Find(i, "pair")
		n += int(e.Counts["preference pairs"])
	}
	return n
}

func evalPreferences(index int) string { return evalDir(index) + "/eval-preferences.shard" }

func (r *run) readHeldPairs(index int) (records, error) {
	policyHash, _ := r.start(index)
	return r.readShard(evalPreferences(index), r.header(policyHash, hashText("score")))
}

// addPreferred adds how a policy tells chosen from rejected in the held-out preference pairs, as DPO rewards: preferences.beta times the
// log-ratio to the policy that the run began with, or to the one whose sums the rows bring.
func (r *run) addPreferred(index int, values map[string]float64) error {
	now, err := r.readHeldPairs(index)
	if err != nil {
		return err
	}
	var reference records
	if !r.heldPairs.referenced {
		if reference, err = r.readHeldPairs(0); err != nil {
			return err
		}
	}
	beta, n := r.c.Preferences.Beta, float64(len(r.heldPairs.examples))
	v := map[string]float64{"rewards/accuracies": 0}
	for _, p := range dataPairs(r.heldPairs, reference, 0) {
		chosen := beta * (policy.Sum(now.at(p.Key, 0).Logp) - p.RefChosen)
		rejected := beta * (policy.Sum(now.at(p.Key, 1).Logp) - p.RefRejected)
		v["rewards/chosen"] += chosen / n
		v["rewards/rejected"] += rejected / n
		v["rewards/margins"] += (chosen - rejected) / n
		if chosen > rejected {
			v["rewards/accuracies"] += 1 / n
		}
	}
	maps.Copy(values, prefixed("preference/", v))
	return nil
}
