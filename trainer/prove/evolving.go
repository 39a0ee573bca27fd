package prove

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spar/internal/rng"
	"spar/trainer/learn/interval"
	"spar/trainer/learn/observer"
	"spar/trainer/selfplay/reward"
)

// Rounds of Absolute Zero over the triples: a proposer over programs, paid one less the solve rate, and a solver, a transformer that
// learns what it solved and what it was shown. After each round one observer that stays as it is reads the round's tasks.
const (
	evolvingRounds  = 9 // as the source has
	evolvingSeeds   = 4
	evolvingAsked   = 2048 // tasks of a round
	evolvingDraws   = 4    // of the solver for each
	evolvingRate    = 4.0  // of the proposer
	evolvingMinimum = 2    // rounds that have to go up, and that have to go down
)

// evolving is a run's state.
type evolving struct {
	r        *rng.Stream
	proposer [][]float64 // logits over programs
	teacher  learner
	rule     reward.Rule
	solver   *student
}

func newEvolving(o Options, seed uint64) (*evolving, error) {
	e := &evolving{r: rng.NewStream(seed, 17), proposer: [][]float64{make([]float64, operations*operations)}}
	var err error
	if e.teacher, err = newLearner(evolvingRate); err != nil {
		return nil, err
	}
	if e.rule, err = reward.New("azr_paper"); err != nil {
		return nil, err
	}
	e.solver, err = newStudent(o, shape{vocabulary: int(kindsEnd), width: 48, layers: 2, positions: 24, stop: 0}, seed)
	return e, err
}

// round proposes, solves, and updates both; it returns the round's tasks with their right answers and the solve rate.
func (e *evolving) round(ctx context.Context, kind int32, seed uint64) (posed []observer.Example, solved float64, err error) {
	policy := normalized(e.proposer[0])
	chosen := make([]int, evolvingAsked)
	prompts := make([][]int32, evolvingAsked)
	for i := range chosen {
		chosen[i] = policy.draw(e.r)
		posed = append(posed, program{chosen[i] / operations, chosen[i] % operations}.task(kind, e.r))
		prompts[i] = posed[i].Prompt
	}
	got, err := e.solver.sample(ctx, prompts, evolvingDraws, len(posed[0].Response), 1, seed)
	if err != nil {
		return nil, 0, err
	}
	batch := make([]reward.Proposal, evolvingAsked)
	rows := make([]row, evolvingAsked)
	for i, x := range posed {
		batch[i].Group = evolvingDraws
		for _, response := range got[i] {
			if slices.Equal(response, x.Response) {
				batch[i].Successes++
			}
		}
		solved += float64(batch[i].Successes) / (evolvingAsked * evolvingDraws)
		rows[i] = row{x.Prompt, [][]int32{x.Response}}
	}
	e.teach(batch, chosen)
	return posed, solved, e.solver.likelihood(ctx, training{steps: evolvingAsked / 16, batch: 16, rate: 2e-3}, rows, seed)
}

func (e *evolving) teach(batch []reward.Proposal, chosen []int) {
	rewards := make([]float64, len(batch))
	e.rule.Evaluate(batch, rewards)
	var choices []choice
	for i, a := range reward.Whiten(rewards, make([]reward.Role, len(rewards))) {
		choices = append(choices, single(0, chosen[i], a))
	}
	e.teacher.step(e.proposer, choices)
}

// readRounds are the observer's S and the solve rate of every round of one run.
func readRounds(ctx context.Context, o Options, kind int32, seed uint64) (s, solved []float64, err error) {
	e, err := newEvolving(o, seed)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, e.solver.close()) }()
	for t := range uint64(evolvingRounds) {
		posed, rate, err := e.round(ctx, kind, 100*seed+t)
		if err != nil {
			return nil, nil, err
		}
		fit, err := fit(ctx, o, posed, kind, 0)
		if err != nil {
			return nil, nil, err
		}
		s, solved = append(s, fit.At().S), append(solved, rate)
	}
	return s, solved, nil
}

// readStill are the S of as many sets of tasks from a proposer that never changes: what the meter itself makes of equal data.
func readStill(ctx context.Context, o Options, kind int32) (s []float64, err error) {
	r := rng.NewStream(0, 18)
	for range evolvingRounds {
		f, err := fit(ctx, o, tasks(kind, evolvingAsked, r), kind, 0)
		if err != nil {
			return nil, err
		}
		s = append(s, f.At().S)
	}
	return s, nil
}

// turns counts the rounds that have more than the one before, and those that do not.
func turns(s []float64) (up, down int) {
	for t := 1; t < len(s); t++ {
		if s[t] > s[t-1] {
			up++
		} else {
			down++
		}
	}
	return up, down
}

// fluctuatingBits: S of deduction, which an observer of this size learns best.
func fluctuatingBits(ctx context.Context, o Options) (outcome, error) {
	pass := true
	var first, last, all []float64
	var mean, rates [evolvingRounds]float64
	for seed := range uint64(evolvingSeeds) {
		s, solved, err := readRounds(ctx, o, deduction, seed)
		if err != nil {
			return outcome{}, err
		}
		for t := range s {
			mean[t] += s[t] / evolvingSeeds
			rates[t] += solved[t] / evolvingSeeds
		}
		up, down := turns(s)
		pass = pass && min(up, down) >= evolvingMinimum
		_, spread := interval.Moments(s)
		all = append(all, spread)
		first, last = append(first, (s[0]+s[1]+s[2])/3), append(last, (s[evolvingRounds-3]+s[evolvingRounds-2]+s[evolvingRounds-1])/3)
	}
	still, err := readStill(ctx, o, deduction)
	if err != nil {
		return outcome{}, err
	}
	growth, deviation := difference(last, first)
	spread, _ := interval.Moments(all)
	level, spreadStill := interval.Moments(still)
	return outcome{fmt.Sprintf("S a round, mean of %d runs: %.0f bits, +- %.0f within a run; last three less first three %+.0f +- %.0f; solve rate %.2f -> %.2f; without learning %.0f +- %.0f",
		evolvingSeeds, mean, spread, growth, deviation, rates[0], rates[evolvingRounds-1], level, spreadStill), pass && growth <= 2*deviation}, nil
}
