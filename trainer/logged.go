package trainer

import (
	"maps"

	"spar/trainer/metrics"
)

// record is the step's line of metrics.jsonl. Where preference pairs are mixed in, their numbers stand under preference/ and all others but
// the step's own are those of the algorithm's own pairs; a step without pairs of a kind has none of its numbers.
func (s stepResult) record(u *updating) metrics.Record {
	if u.gradient != nil {
		return s.gradientRecord(u)
	}
	v := map[string]float64{
		"loss": s.loss, "grad_norm": s.gradNorm, "learning_rate": s.learningRate, "epoch": s.epoch, "tokens": float64(s.tokens),
	}
	var own, preferred []weighed
	for _, x := range s.seen {
		if x.values.Preference {
			preferred = append(preferred, x)
		} else {
			own = append(own, x)
		}
	}
	if len(own) > 0 {
		maps.Copy(v, ownValues(u, own))
	}
	if len(preferred) > 0 {
		v["preference/loss"], v["preference/pairs"] = meanLoss(preferred), float64(len(preferred))
		maps.Copy(v, prefixed("preference/", meansOf(preferred).values(true)))
	}
	return u.record(v)
}

// record is a line of metrics.jsonl at the update's newest step. What is not the policy's own has the update's name before it.
func (u *updating) record(v map[string]float64) metrics.Record {
	if u.name != "update" {
		v = prefixed(u.name+"/", v)
	}
	return metrics.Record{Iteration: u.t, Step: u.first + int64(u.done), Values: v}
}

// ownValues are the means over the algorithm's own pairs.
func ownValues(u *updating, own []weighed) map[string]float64 {
	m := meansOf(own)
	v := m.values(u.objective.Needs().Generated)
	if u.done == 1 && u.objective.Needs().Reference {
		v["update/start_gap"] = m.startGap / m.n
	}
	if u.r.c.SelfPlay() {
		v["rewards/real"], v["rewards/generated"] = v["rewards/chosen"], v["rewards/rejected"]
		v["logps/real"], v["logps/generated"] = v["logps/chosen"], v["logps/rejected"]
	}
	if u.r.preferences != nil {
		v["self/loss"], v["self/pairs"] = meanLoss(own), float64(len(own))
	}
	return v
}

// means sums what is logged of some pairs of a step.
type means struct {
	n                     float64
	real, gen, accuracy   float64
	logpReal, logpGen     float64
	lengthReal, lengthGen float64
	startGap              float64
}

func meansOf(seen []weighed) (m means) {
	for _, x := range seen {
		m.n++
		m.real += x.result.RewardReal
		m.gen += x.result.RewardGen
		m.accuracy += x.result.Accuracy
		m.logpReal += x.values.LpReal
		m.logpGen += x.values.LpGen
		m.lengthReal += float64(x.values.LenReal)
		m.lengthGen += float64(x.values.LenGen)
		m.startGap += startGap(x.values)
	}
	return m
}

// values are the means under TRL's names.
func (m means) values(generated bool) map[string]float64 {
	v := map[string]float64{"logps/chosen": m.logpReal / m.n, "length/chosen": m.lengthReal / m.n}
	if generated {
		v["rewards/chosen"], v["rewards/rejected"] = m.real/m.n, m.gen/m.n
		v["rewards/margins"], v["rewards/accuracies"] = (m.real-m.gen)/m.n, m.accuracy/m.n
		v["logps/rejected"], v["length/rejected"] = m.logpGen/m.n, m.lengthGen/m.n
	}
	return v
}
