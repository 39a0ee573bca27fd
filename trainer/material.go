package trainer

import (
	"spar/loader/pack"
	"spar/trainer/objective"
)

// material is what an iteration trains on: for each pair a group of responses that share the prompt, in the order real,
// generated, first policy's, and the constant part of the objective's example.
type material struct {
	groups   []pack.Group
	examples []objective.Example
	pairs    []pair
}

// readMaterial joins pairs.jsonl with the data set and the rollouts that it names.
func (r *run) readMaterial(t int) (material, error) {
	pairs, err := readPairs(r.fs, r.path(pairsName(t)))
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
	x, err := r.train.byKey(p.Key)
	if err != nil {
		return err
	}
	needs := r.objective.Needs()
	g := pack.Group{Key: p.Key, Prompt: x.prompt, Responses: [][]int32{x.chosen}}
	e := objective.Example{RefReal: p.RefChosen, RefGen: p.RefRejected, LenReal: len(x.chosen)}
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
