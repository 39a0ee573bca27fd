package prove

import (
	"context"
	"fmt"

	"spar/internal/rng"
	"spar/trainer/learn/interval"
)

const (
	starSeeds    = 4
	starRounds   = 4
	starProblems = 600 // of a round
	starFew      = 50
	starDraws    = 4
	starDigits   = 3
	starExam     = 400
	starWeak     = 0.15 // accuracy at which the base's schooling ends
)

// starPhase is the training of a round.
var starPhase = training{steps: 200, batch: 64, rate: 1e-3}

// pupil is a student that adds badly, with what it is examined on.
type pupil struct {
	*student
	base     [][]float32
	problems []sum // to practise on
	exam     []sum
	transfer []sum // of two digits, which practice does not show
	r        *rng.Stream
}

// newPupil schools a base until it can do some of the exam.
func newPupil(ctx context.Context, o Options, problems int, seed uint64) (*pupil, error) {
	s, err := newStudent(o, additionShape(), seed)
	if err != nil {
		return nil, err
	}
	r := rng.NewStream(seed, 16)
	p := &pupil{student: s, r: r, problems: newSums(problems, starDigits, r), exam: newSums(starExam, starDigits, r), transfer: newSums(starExam, 2, r)}
	rows := lessons(20000, r)
	for range 60 {
		if err = s.likelihood(ctx, training{steps: 50, batch: 64, rate: 2e-3}, rows, r.Uint64()); err != nil {
			break
		}
		var share float64
		if share, err = s.accuracy(ctx, p.exam); err != nil || share >= starWeak {
			break
		}
	}
	if err != nil {
		_ = s.close()
		return nil, err
	}
	p.base = s.weights()
	return p, nil
}

// practice draws for every problem and keeps the distinct accepted responses; with hints, a problem without any is tried again with its
// answer given away, and what is then accepted is kept as the response to the plain prompt.
func (p *pupil) practice(ctx context.Context, hints bool) ([]row, error) {
	prompts := make([][]int32, len(p.problems))
	for i, x := range p.problems {
		prompts[i] = x.prompt()
	}
	kept, failed, err := p.accepted(ctx, prompts, p.problems)
	if err != nil || !hints || len(failed) == 0 {
		return kept, err
	}
	prompts = prompts[:0]
	for _, x := range failed {
		prompts = append(prompts, x.hinted())
	}
	more, _, err := p.accepted(ctx, prompts, failed)
	return append(kept, more...), err
}

// accepted are rows of plain prompts with the distinct responses to prompts that the verifier accepts, and the problems without one.
func (p *pupil) accepted(ctx context.Context, prompts [][]int32, problems []sum) (kept []row, failed []sum, err error) {
	got, err := p.sample(ctx, prompts, starDraws, longestSolution, 1, p.r.Uint64())
	if err != nil {
		return nil, nil, err
	}
	for i, x := range problems {
		seen := map[string]bool{}
		for _, response := range got[i] {
			if key := fmt.Sprint(response); x.accepts(response) && !seen[key] {
				seen[key] = true
				kept = append(kept, row{x.prompt(), [][]int32{response}})
			}
		}
		if len(seen) == 0 {
			failed = append(failed, x)
		}
	}
	return kept, failed, nil
}

// rounds repeats practice and training, from the base or from where the round before ended, and returns the exam's shares.
func (p *pupil) rounds(ctx context.Context, n int, hints, fromBase bool) ([]float64, error) {
	if err := p.restore(p.base); err != nil {
		return nil, err
	}
	var out []float64
	for range n {
		kept, err := p.practice(ctx, hints)
		if err != nil {
			return nil, err
		}
		if fromBase {
			if err := p.restore(p.base); err != nil {
				return nil, err
			}
		}
		if len(kept) > 0 {
			if err := p.likelihood(ctx, starPhase, kept, p.r.Uint64()); err != nil {
				return nil, err
			}
		}
		share, err := p.accuracy(ctx, p.exam)
		if err != nil {
			return nil, err
		}
		out = append(out, share)
	}
	return out, nil
}

// withPupils runs an experiment for each seed.
func withPupils(ctx context.Context, o Options, problems int, experiment func(p *pupil) error) error {
	for seed := range uint64(starSeeds) {
		p, err := newPupil(ctx, o, problems, seed)
		if err != nil {
			return err
		}
		err = experiment(p)
		if closed := p.close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func rationalisation(ctx context.Context, o Options) (outcome, error) {
	arms := map[bool][]float64{}   // mean over the rounds
	curves := map[bool][]float64{} // mean over the seeds
	err := withPupils(ctx, o, starProblems, func(p *pupil) error {
		for _, hints := range []bool{false, true} {
			shares, err := p.rounds(ctx, starRounds, hints, true)
			if err != nil {
				return err
			}
			mean, _ := interval.Moments(shares)
			arms[hints] = append(arms[hints], mean)
			if curves[hints] == nil {
				curves[hints] = make([]float64, starRounds)
			}
			for t, x := range shares {
				curves[hints][t] += x / starSeeds
			}
		}
		return nil
	})
	if err != nil {
		return outcome{}, err
	}
	ahead, deviation := difference(arms[true], arms[false])
	return outcome{fmt.Sprintf("accuracy by round with hints %.2f, without %.2f; mean ahead by %.3f +- %.3f", curves[true], curves[false], ahead, deviation),
		ahead > 2*deviation}, nil
}

func baseOrPrevious(ctx context.Context, o Options) (outcome, error) {
	task, transfer := map[bool][]float64{}, map[bool][]float64{}
	err := withPupils(ctx, o, starProblems, func(p *pupil) error {
		for _, fromBase := range []bool{false, true} {
			shares, err := p.rounds(ctx, starRounds, false, fromBase)
			if err != nil {
				return err
			}
			other, err := p.accuracy(ctx, p.transfer)
			if err != nil {
				return err
			}
			task[fromBase], transfer[fromBase] = append(task[fromBase], shares[starRounds-1]), append(transfer[fromBase], other)
		}
		return nil
	})
	if err != nil {
		return outcome{}, err
	}
	base, _ := interval.Moments(task[true])
	previous, _ := interval.Moments(task[false])
	meanTransfer, _ := interval.Moments(transfer[true])
	ahead, deviation := difference(transfer[true], transfer[false])
	return outcome{fmt.Sprintf("three digits: from base %.3f, from previous %.3f; two digits: from base %.3f, ahead by %+.3f +- %.3f",
		base, previous, meanTransfer, ahead, deviation), agrees(base, previous, 0.05) && ahead > 2*deviation}, nil
}

func fewPrompts(ctx context.Context, o Options) (outcome, error) {
	var first, second [2][]float64
	for i, problems := range []int{starFew, starProblems} {
		err := withPupils(ctx, o, problems, func(p *pupil) error {
			shares, err := p.rounds(ctx, 2, false, true)
			if err == nil {
				first[i], second[i] = append(first[i], shares[0]), append(second[i], shares[1])
			}
			return err
		})
		if err != nil {
			return outcome{}, err
		}
	}
	few, errFew := difference(second[0], first[0])
	many, errMany := difference(second[1], first[1])
	return outcome{fmt.Sprintf("second round with %d prompts %+.3f +- %.3f, with %d %+.3f +- %.3f", starFew, few, errFew, starProblems, many, errMany),
		few < -2*errFew && many >= 0}, nil
}
