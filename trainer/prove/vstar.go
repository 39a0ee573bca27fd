package prove

import (
	"context"
	"fmt"
	"math"
	"slices"

	"spar/internal/rng"
	"spar/trainer/learn/interval"
	"spar/trainer/objective"
)

// The world of claim 18: a problem is a pool of candidate solutions, points of which those near a hidden one are right. The generator and both
// verifiers see the same features, the coordinates and their squares.
const (
	pointDims    = 6
	poolSize     = 200
	rightShare   = 0.02 // of a pool
	vstarTrain   = 60   // problems
	vstarTest    = 300
	vstarRounds  = 3
	vstarDraws   = 16 // of a problem in a round
	vstarSteps   = 400
	vstarBatch   = 32
	vstarSeeds   = 12
	vstarBeta    = 0.5
	vstarRate    = 0.2
	vstarMost    = 64
	vstarHorizon = 7 // best of 1, 2, 4 .. 64
)

type pool struct {
	question
	right []bool
}

func newPool(ideal []float64, r *rng.Stream) pool {
	p := pool{make(question, poolSize), make([]bool, poolSize)}
	far := make([]float64, poolSize)
	for i := range p.question {
		x := gaussians(pointDims, 1, r)
		for j, v := range x {
			far[i] += (v - ideal[j]) * (v - ideal[j])
			p.question[i] = append(p.question[i], v)
		}
		for _, v := range x {
			p.question[i] = append(p.question[i], v*v)
		}
	}
	border := slices.Sorted(slices.Values(far))[int(rightShare*poolSize)]
	for i := range far {
		p.right[i] = far[i] < border
	}
	return p
}

// judged is a drawn candidate of a training pool.
type judged struct {
	pool, candidate int
	right           bool
}

// vstarData are the draws of all rounds, in which the generator is tuned on what was right (STaR), and the generator.
func vstarData(pools []pool, base linear, r *rng.Stream) (all []judged, generator linear, err error) {
	g, err := objective.NewPolicyGradient("rft", objective.DefaultGradient())
	if err != nil {
		return nil, generator, err
	}
	generator = base
	for range vstarRounds {
		for i, p := range pools {
			policy := generator.policy(p.question)
			for range vstarDraws {
				k := policy.draw(r)
				all = append(all, judged{i, k, p.right[k]})
			}
		}
		generator = base.clone()
		for range vstarSteps / 4 {
			var picks []pick
			for range vstarBatch {
				if x := all[r.IntN(len(all))]; x.right {
					picks = append(picks, pick{pools[x.pool].question, x.candidate, 1})
				}
			}
			generator.step(g, vstarRate, picks)
		}
	}
	return all, generator, nil
}

// classifier is an outcome verifier: logistic regression of right on the features.
func classifier(pools []pool, all []judged, r *rng.Stream) linear {
	l := linear{make([]float64, 2*pointDims)}
	bias := 0.0
	for range vstarSteps {
		for range vstarBatch {
			x := all[r.IntN(len(all))]
			features := pools[x.pool].question[x.candidate]
			miss := -1 / (1 + math.Exp(-dot(l.theta, features)-bias))
			if x.right {
				miss++
			}
			bias += vstarRate / vstarBatch * miss
			for j, v := range features {
				l.theta[j] += vstarRate / vstarBatch * miss * v
			}
		}
	}
	return l
}

// preferred is V-STaR's verifier: DPO from the generator on pairs of a right and a wrong draw of one problem.
func preferred(pools []pool, all []judged, generator linear, r *rng.Stream) (linear, error) {
	o, err := newObjective("dpo", func(p *objective.Params) { p.Beta = vstarBeta })
	if err != nil {
		return linear{}, err
	}
	right, wrong := make([][]int, len(pools)), make([][]int, len(pools))
	for _, x := range all {
		if x.right {
			right[x.pool] = append(right[x.pool], x.candidate)
		} else {
			wrong[x.pool] = append(wrong[x.pool], x.candidate)
		}
	}
	l := generator.clone()
	var out [1]objective.Result
	for range vstarSteps {
		for range vstarBatch {
			i := r.IntN(len(pools))
			if len(right[i]) == 0 || len(wrong[i]) == 0 {
				continue
			}
			a, b := right[i][r.IntN(len(right[i]))], wrong[i][r.IntN(len(wrong[i]))]
			policy, reference := l.policy(pools[i].question), generator.policy(pools[i].question)
			o.Evaluate([]objective.Example{{LpReal: policy[a], LpGen: policy[b], RefReal: reference[a], RefGen: reference[b]}}, out[:])
			l.climb(pools[i].question, policy, a, -vstarRate/vstarBatch*out[0].DReal)
			l.climb(pools[i].question, policy, b, -vstarRate/vstarBatch*out[0].DGen)
		}
	}
	return l, nil
}

// bestOf is the share of right answers when a verifier chooses among the first 1, 2, 4 .. 64 draws.
func bestOf(pools []pool, draws [][]int, verifier linear) []float64 {
	out := make([]float64, vstarHorizon)
	for i, p := range pools {
		scores := verifier.scores(p.question)
		best := draws[i][0]
		for n, k := range draws[i] {
			if scores[k] > scores[best] {
				best = k
			}
			if n++; n&(n-1) == 0 && p.right[best] {
				out[int(math.Log2(float64(n)))] += 1 / float64(len(pools))
			}
		}
	}
	return out
}

func vstarCurves(seed uint64) (outcomes, dpo []float64, err error) {
	r := rng.NewStream(seed, 18)
	ideal := gaussians(pointDims, 0.8, r)
	pools := make([]pool, vstarTrain+vstarTest)
	for i := range pools {
		pools[i] = newPool(ideal, r)
	}
	base := linear{append(gaussians(pointDims, 0.3, r), gaussians(pointDims, 0.1, r)...)}
	train, test := pools[:vstarTrain], pools[vstarTrain:]
	all, generator, err := vstarData(train, base, r)
	if err != nil {
		return nil, nil, err
	}
	draws := make([][]int, len(test))
	for i, p := range test {
		policy := generator.policy(p.question)
		for range vstarMost {
			draws[i] = append(draws[i], policy.draw(r))
		}
	}
	verifier, err := preferred(train, all, base, r)
	return bestOf(test, draws, classifier(train, all, r)), bestOf(test, draws, verifier), err
}

func bestOfMany(context.Context, Options) (outcome, error) {
	outcomes, dpo := make([][]float64, vstarHorizon), make([][]float64, vstarHorizon)
	for seed := range uint64(vstarSeeds) {
		a, b, err := vstarCurves(seed)
		if err != nil {
			return outcome{}, err
		}
		for k := range vstarHorizon {
			outcomes[k], dpo[k] = append(outcomes[k], a[k]), append(dpo[k], b[k])
		}
	}
	curve := func(c [][]float64) (means []float64) {
		for _, at := range c {
			m, _ := interval.Moments(at)
			means = append(means, m)
		}
		return means
	}
	classified, likely := curve(outcomes), curve(dpo)
	top := peak(classified)
	falls, errFalls := difference(outcomes[top], outcomes[vstarHorizon-1])
	rises, errRises := difference(dpo[vstarHorizon-1], dpo[vstarHorizon-2])
	return outcome{fmt.Sprintf("right at k 1, 8, 64: classifier %.3f, %.3f, %.3f (best at k %d); DPO %.3f, %.3f, %.3f",
		classified[0], classified[3], classified[6], 1<<top, likely[0], likely[3], likely[6]), falls > 2*errFalls && rises > 2*errRises}, nil
}
