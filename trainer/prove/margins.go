package prove

import (
	"context"
	"fmt"

	"spar/trainer/learn/interval"
	"spar/trainer/objective"
)

// fallenShare is the share of pairs whose margin is above 0 while the real response is less likely than before.
func (room *schoolroom) fallenShare(ctx context.Context, rows []row, before [][]float64) (float64, error) {
	after, err := room.sums(ctx, rows)
	fallen := 0.0
	for i := range after {
		real, generated := after[i][0]-before[i][0], after[i][1]-before[i][1]
		if real > generated && real < 0 {
			fallen += 1 / float64(len(rows))
		}
	}
	return fallen, err
}

// marginAndLikelihood trains one iteration from a student that knows the data, under three losses.
func marginAndLikelihood(ctx context.Context, o Options) (outcome, error) {
	losses := []struct {
		algorithm string
		change    func(*objective.Params)
	}{
		{"spin", func(p *objective.Params) { p.Beta = 0.1 }},
		{"chi2", func(p *objective.Params) { p.Beta, p.C = 1, 1 }},
		{"spin", func(p *objective.Params) { p.Beta, p.SFTWeight = 0.1, 1 }},
	}
	var shares [3][]float64
	err := inRooms(ctx, o, ableWidth, func(room *schoolroom, seed uint64) error {
		if err := room.converge(ctx, seed); err != nil {
			return err
		}
		converged := room.weights()
		rows, err := room.opposed(ctx, seed)
		if err != nil {
			return err
		}
		before, err := room.sums(ctx, rows)
		if err != nil {
			return err
		}
		for i, l := range losses {
			loss, err := newObjective(l.algorithm, l.change)
			if err != nil {
				return err
			}
			if err := room.restore(converged); err != nil {
				return err
			}
			if err := room.pairs(ctx, further(roomSteps, 5e-4), loss, rows, seed); err != nil {
				return err
			}
			share, err := room.fallenShare(ctx, rows, before)
			if err != nil {
				return err
			}
			shares[i] = append(shares[i], share)
		}
		return nil
	})
	if err != nil {
		return outcome{}, err
	}
	spin, _ := interval.Moments(shares[0])
	chi2, _ := interval.Moments(shares[1])
	anchored, _ := interval.Moments(shares[2])
	return outcome{fmt.Sprintf("pairs with a margin whose real response became less likely: spin 0.1 %.2f, chi2 %.2f, spin + sft %.2f", spin, chi2, anchored),
		spin > 0.3 && chi2 < 0.1 && anchored < 0.1}, nil
}
