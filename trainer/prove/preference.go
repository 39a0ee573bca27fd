package prove

import (
	"context"
	"fmt"
	"math"

	"spar/internal/rng"
	"spar/trainer/learn/interval"
	"spar/trainer/objective"
)

// A reader prefers responses without one word. The target is the data's grammar tilted by that preference, p exp(-n) with n the
// occurrences of the word, and the figure of merit the loss on responses drawn from it.
const (
	dislikedWord    = 3
	preferencePairs = 2048 // one pass
)

func disliked(response []int32) (n int) {
	for _, id := range response {
		if id == dislikedWord {
			n++
		}
	}
	return n
}

// tilted draws n rows from the target by rejection.
func (g *grammar) tilted(n int, seed uint64) []row {
	r := rng.NewStream(seed, 0x74696c74)
	var out []row
	for len(out) < n {
		subject := r.IntN(grammarSubjects)
		response := g.respond(subject, r)
		if chance(math.Exp(-float64(disliked(response))), r) {
			out = append(out, row{subjectPrompt(subject), [][]int32{response}})
		}
	}
	return out
}

// preferences are n pairs of the policy's own samples, the reader's choice (Bradley-Terry) first.
func (room *schoolroom) preferences(ctx context.Context, n int, seed uint64) ([]row, error) {
	r := rng.NewStream(seed, 0x70726566)
	prompts := make([][]int32, n)
	for i := range prompts {
		prompts[i] = subjectPrompt(r.IntN(grammarSubjects))
	}
	samples, err := room.sample(ctx, prompts, 2, 2*grammarLongest, 1, seed)
	if err != nil {
		return nil, err
	}
	out := make([]row, n)
	for i, s := range samples {
		first, second := s[0], s[1]
		if !chance(1/(1+math.Exp(float64(disliked(first)-disliked(second)))), r) {
			first, second = second, first
		}
		out[i] = row{prompts[i], [][]int32{first, second}}
	}
	return out, nil
}

// play is a number of iterations of SPIN from where the student is.
func (room *schoolroom) play(ctx context.Context, iterations int, seed uint64) error {
	loss, err := newObjective("spin", func(p *objective.Params) { p.Beta = 1 })
	if err != nil {
		return err
	}
	for t := range uint64(iterations) {
		rows, err := room.opposed(ctx, seed+t)
		if err != nil {
			return err
		}
		if err := room.pairs(ctx, further(roomSteps, 5e-4), loss, rows, seed+t); err != nil {
			return err
		}
	}
	return nil
}

func (room *schoolroom) prefer(ctx context.Context, seed uint64) error {
	loss, err := newObjective("dpo", func(p *objective.Params) { p.Beta = 1 }) // whose optimum is the target's tilt
	if err != nil {
		return err
	}
	rows, err := room.preferences(ctx, preferencePairs, seed)
	if err != nil {
		return err
	}
	return room.pairs(ctx, further(preferencePairs/32, 2e-4), loss, rows, seed)
}

// meanLoss is the mean loss of responses in nats.
func (room *schoolroom) meanLoss(ctx context.Context, rows []row) (float64, error) {
	sums, err := room.sums(ctx, rows)
	mean := 0.0
	for _, s := range sums {
		mean -= s[0] / float64(len(sums))
	}
	return mean, err
}

func playThenPrefer(ctx context.Context, o Options) (outcome, error) {
	arms := []func(room *schoolroom, seed uint64) error{
		func(room *schoolroom, seed uint64) error { return room.play(ctx, 3, seed) },
		func(room *schoolroom, seed uint64) error { return room.prefer(ctx, seed+50) },
		func(room *schoolroom, seed uint64) error {
			if err := room.play(ctx, 3, seed); err != nil {
				return err
			}
			return room.prefer(ctx, seed+50)
		},
	}
	var losses [3][]float64
	err := inRooms(ctx, o, ableWidth, func(room *schoolroom, seed uint64) error {
		target := room.data.tilted(schoolHeldOut, seed)
		for i, arm := range arms {
			if err := room.restore(room.dialect); err != nil {
				return err
			}
			if err := arm(room, seed); err != nil {
				return err
			}
			loss, err := room.meanLoss(ctx, target)
			if err != nil {
				return err
			}
			losses[i] = append(losses[i], loss)
		}
		return nil
	})
	if err != nil {
		return outcome{}, err
	}
	spin, _ := interval.Moments(losses[0])
	dpo, _ := interval.Moments(losses[1])
	both, _ := interval.Moments(losses[2])
	overSPIN, errorSPIN := difference(losses[0], losses[2])
	overDPO, errorDPO := difference(losses[1], losses[2])
	return outcome{fmt.Sprintf("loss on preferred responses: SPIN %.2f, DPO %.2f, SPIN then DPO %.2f nats (ahead of SPIN by %.3f +- %.3f)",
		spin, dpo, both, overSPIN, errorSPIN), overSPIN > 2*errorSPIN && overDPO > 2*errorDPO}, nil
}
