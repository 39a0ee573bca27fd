package trainer

import (
	"slices"

	"spar/loader/pack"
	"spar/loader/shard"
	"spar/trainer/objective"
)

// material is what an iteration trains on: for each pair a group of responses that share the prompt, in the order real,
// generated, first policy's, and the constant part of the objective's example.
type material struct {
	groups   []pack.Group
	examples []objective.Example
	pairs    []pair
	draws    []objective.Draw // play: one for each group, with the sampler's log-probs
	roles    []string         // play: who drew it
}

// materialHash is that of the file which says what iteration t trains on.
func (r *run) materialHash(t int) string {
	return r.output(t, "pair", pairsName(t)) + r.output(t, "select", selectedName(t)) + r.output(t, "pay", paidName(t))
}

// own counts the pairs before the preference pairs, which come last.
func (m material) own() int {
	if i := slices.IndexFunc(m.pairs, func(p pair) bool { return p.Preference }); i >= 0 {
		return i
	}
	return len(m.groups)
}

// readMaterial joins pairs.jsonl with the data set and the rollouts that it names.
func (r *run) readMaterial(t int) (material, error) {
	switch {
	case r.c.Selects():
		return r.readSelected(t)
	case r.c.Plays():
		m, err := r.readPaid(t)
		if err != nil {
			return m, err
		}
		return m, r.addReference(t, m)
	}
	pairs, err := readLines[pair](r.fs, r.path(pairsName(t)))
	if err != nil {
		return material{}, err
	}
	rollouts := map[int]records{}
	for _, from := range r.rolloutsOf(t) {
		if rollouts[from], err = r.readRollouts(from); err != nil {
			return material{}, err
		}
	}
	m := material{pairs: pairs}
	for _, p := range pairs {
		if err := r.addPair(&m, p, rollouts); err != nil {
			return material{}, err
		}
	}
	return m, nil
}

// readSelected joins selected.jsonl with the rollouts and the data set that it names. Each response stands alone after its task's own
// prompt: a hint is no part of what is learnt.
func (r *run) readSelected(t int) (material, error) {
	lines, err := readLines[selected](r.fs, r.path(selectedName(t)))
	if err != nil {
		return material{}, err
	}
	drawn, err := r.readDrawn(r.pooled(t))
	if err != nil {
		return material{}, err
	}
	var m material
	for _, s := range lines {
		x, err := r.train.byKey(s.Key)
		if err != nil {
			return material{}, err
		}
		response := x.chosen
		if s.From >= 0 {
			rec, err := drawn[slices.Index(r.pooled(t), s.From)].get(s)
			if err != nil {
				return material{}, err
			}
			response = rec.Response
		}
		m.pairs = append(m.pairs, pair{Key: s.Key, From: s.From, Sample: s.Sample, Reference: -1})
		m.groups = append(m.groups, pack.Group{Key: s.Key, Prompt: x.prompt, Responses: [][]int32{response}})
		m.examples = append(m.examples, objective.Example{LenReal: len(response)})
	}
	return m, nil
}

func (d drawnIn) get(s selected) (shard.Record, error) {
	if s.Hinted {
		return d.hinted.get(hintedName(d.iteration), s.Key, s.Sample)
	}
	return d.rollouts.get(rolloutsName(d.iteration), s.Key, s.Sample)
}

// rolloutsOf lists the iterations whose rollouts iteration t trains on.
func (r *run) rolloutsOf(t int) []int {
	if !r.c.SelfPlay() {
		return nil
	}
	out := []int{t}
	if r.mixes(t) {
		out = append(out, t-1)
	}
	if r.objective.Needs().Proto && t > 0 {
		out = append(out, 0)
	}
	return out
}

func (r *run) addPair(m *material, p pair, rollouts map[int]records) error {
	source, needs := r.train, r.objective.Needs()
	if p.Preference {
		source, needs = r.preferences, objective.Needs{Reference: true, Generated: true}
	}
	x, err := source.byKey(p.Key)
	if err != nil {
		return err
	}
	g := pack.Group{Key: p.Key, Prompt: x.prompt, Responses: [][]int32{x.chosen}}
	e := objective.Example{RefReal: p.RefChosen, RefGen: p.RefRejected, LenReal: len(x.chosen), Preference: p.Preference}
	if x.label != nil {
		e.Single, e.Label = true, *x.label
	}
	if needs.Generated {
		rejected := x.rejected
		if p.From >= 0 {
			rec, err := rollouts[p.From].get(rolloutsName(p.From), p.Key, p.Sample)
			if err != nil {
				return err
			}
			rejected = rec.Response
		}
		g.Responses, e.LenGen = append(g.Responses, rejected), len(rejected)
	}
	if needs.Proto {
		rec, err := rollouts[0].get(rolloutsName(0), p.Key, r.c.Sampling.Samples)
		if err != nil {
			return err
		}
		g.Responses = append(g.Responses, rec.Response)
	}
	m.groups, m.examples = append(m.groups, g), append(m.examples, e)
	return nil
}
