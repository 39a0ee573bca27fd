package prove

import (
	"context"
	"fmt"
	"math"

	"spar/internal/rng"
	"spar/trainer/learn/interval"
	"spar/trainer/objective"
)

// The world of claim 17: a question has some of the traits, a way to solve it is sound or not by the sum of what its traits
// say, and several ways are. A policy has a weight for each trait and way, and starts with a dim idea of them.
const (
	pathTraits    = 24
	pathActive    = 3 // traits of a question
	pathWays      = 12
	pathTrain     = 64 // questions
	pathTest      = 400
	pathDraws     = 20 // for each training question
	pathSteps     = 300
	pathBatch     = 32
	pathRate      = 0.5
	pathSeeds     = 16
	pathFew       = 24
	pathRepeats   = 4    // how often the few paths are repeated, and how many times more paths there are
	pathSomething = 0.01 // least gain that counts
)

// wayQuestion is a question with the soundness of its ways.
type wayQuestion struct {
	question
	sound []bool
}

// newWayQuestion draws traits until some way is sound.
func newWayQuestion(truth []float64, r *rng.Stream) wayQuestion {
	for {
		traits, solvable := r.Perm(pathTraits)[:pathActive], false
		q := wayQuestion{make(question, pathWays), make([]bool, pathWays)}
		for w := range pathWays {
			q.question[w] = make([]float64, pathTraits*pathWays)
			for _, t := range traits {
				q.question[w][t*pathWays+w] = 1
			}
			q.sound[w] = dot(truth, q.question[w]) > 0.8*math.Sqrt(pathActive)
			solvable = solvable || q.sound[w]
		}
		if solvable {
			return q
		}
	}
}

// way is a sound way of a training question.
type way struct{ question, way int }

// pathWorld holds the questions.
type pathWorld struct {
	truth       []float64
	train, test []wayQuestion
}

func newPathWorld(r *rng.Stream) pathWorld {
	w := pathWorld{truth: gaussians(pathTraits*pathWays, 1, r)}
	for range pathTrain {
		w.train = append(w.train, newWayQuestion(w.truth, r))
	}
	for range pathTest {
		w.test = append(w.test, newWayQuestion(w.truth, r))
	}
	return w
}

// base knows the truth through noise of its own size.
func (w pathWorld) base(r *rng.Stream) linear {
	l := linear{gaussians(len(w.truth), 0.8, r)}
	for i, t := range w.truth {
		l.theta[i] += 0.8 * t
	}
	return l
}

// accuracy is the exact probability of a sound way on the test questions.
func (w pathWorld) accuracy(l linear) (sum float64) {
	for _, q := range w.test {
		for i, p := range l.policy(q.question).probabilities() {
			if q.sound[i] {
				sum += p / pathTest
			}
		}
	}
	return sum
}

// collect adds to ways the distinct sound ones that a policy draws, in the order in which they were first seen, shuffled.
func (w pathWorld) collect(l linear, ways []way, r *rng.Stream) []way {
	seen := map[way]bool{}
	for _, x := range ways {
		seen[x] = true
	}
	var fresh []way
	for i, q := range w.train {
		policy := l.policy(q.question)
		for range pathDraws {
			x := way{i, policy.draw(r)}
			if q.sound[x.way] && !seen[x] {
				seen[x] = true
				fresh = append(fresh, x)
			}
		}
	}
	r.Shuffle(len(fresh), func(i, j int) { fresh[i], fresh[j] = fresh[j], fresh[i] })
	return append(append([]way(nil), ways...), fresh...)
}

// tuned is the accuracy after rejection fine-tuning of the base, with the same steps for any set.
func (w pathWorld) tuned(base linear, ways []way, r *rng.Stream) (float64, error) {
	g, err := objective.NewPolicyGradient("rft", objective.DefaultGradient())
	if err != nil {
		return 0, err
	}
	l := base.clone()
	for range pathSteps {
		batch := make([]pick, pathBatch)
		for i := range batch {
			x := ways[r.IntN(len(ways))]
			batch[i] = pick{w.train[x.question].question, x.way, 1}
		}
		l.step(g, pathRate, batch)
	}
	return w.accuracy(l), nil
}

// afterTuning are the gains over the base, and the mean sizes, of the sets that choose makes for each seed.
func afterTuning(choose func(w pathWorld, base linear, r *rng.Stream) [][]way) (gains [][]float64, sizes []float64, err error) {
	for seed := range uint64(pathSeeds) {
		r := rng.NewStream(seed, 17)
		w := newPathWorld(r)
		base := w.base(r)
		before := w.accuracy(base)
		for i, set := range choose(w, base, r) {
			after, err := w.tuned(base, set, r)
			if err != nil {
				return nil, nil, err
			}
			if seed == 0 {
				gains, sizes = append(gains, nil), append(sizes, 0)
			}
			gains[i], sizes[i] = append(gains[i], after-before), sizes[i]+float64(len(set))/pathSeeds
		}
	}
	return gains, sizes, nil
}

func distinctPaths(context.Context, Options) (outcome, error) {
	gains, sizes, err := afterTuning(func(w pathWorld, base linear, r *rng.Stream) [][]way {
		own := w.collect(base, nil, r)
		var again []way
		for range pathRepeats {
			again = append(again, own[:pathFew]...)
		}
		return [][]way{own[:pathFew], again, own[:min(len(own), pathFew*pathRepeats)]}
	})
	if err != nil {
		return outcome{}, err
	}
	few, _ := interval.Moments(gains[0])
	bySamples, _ := difference(gains[1], gains[0])
	byDistinct, deviation := difference(gains[2], gains[1])
	return outcome{fmt.Sprintf("accuracy gained from %.0f paths %.3f, from the same x%d %.3f, from %.0f distinct ones %.3f (%+.3f +- %.3f)",
		sizes[0], few, pathRepeats, few+bySamples, sizes[2], few+bySamples+byDistinct, byDistinct, deviation),
		math.Abs(bySamples) < pathSomething && byDistinct > max(pathSomething, 2*deviation)}, nil
}

func pathsOfOthers(context.Context, Options) (outcome, error) {
	gains, sizes, err := afterTuning(func(w pathWorld, base linear, r *rng.Stream) [][]way {
		own := w.collect(base, nil, r)
		union := own
		for range 2 {
			union = w.collect(w.base(r), union, r)
		}
		return [][]way{own, union}
	})
	if err != nil {
		return outcome{}, err
	}
	own, _ := interval.Moments(gains[0])
	more, deviation := difference(gains[1], gains[0])
	return outcome{fmt.Sprintf("accuracy gained from %.0f paths of one model %.3f, from %.0f of three models %.3f (%+.4f +- %.4f)",
		sizes[0], own, sizes[1], own+more, more, deviation), more > 2*deviation}, nil
}
