package prove

import (
	"context"
	"fmt"
	"slices"

	"spar/trainer/learn/interval"
	"spar/trainer/objective"
)

// shortCap is a cap on negatives that half of the real responses exceed.
const shortCap = 6

// capped cuts negatives and ends them as the trainers that append an end token do.
func capped(rows []row, length int) []row {
	out := make([]row, len(rows))
	for i, x := range rows {
		negative := x.responses[1]
		if len(negative) > length {
			negative = append(slices.Clone(negative[:length]), 0)
		}
		out[i] = row{x.prompt, [][]int32{x.responses[0], negative}}
	}
	return out
}

// lengthAUC is the probability that a real response is longer than a negative, ties counting half.
func lengthAUC(rows []row) float64 {
	sum := 0.0
	for _, a := range rows {
		for _, b := range rows {
			switch real, negative := len(a.responses[0]), len(b.responses[1]); {
			case real > negative:
				sum++
			case real == negative:
				sum += 0.5
			}
		}
	}
	return sum / float64(len(rows)*len(rows))
}

// lesson is what an iteration on some pairs leads to.
type lesson struct{ auc, accuracy, gain float64 }

// learnFrom trains a student on rows, from where it stands, and measures accuracy on others of the same kind, and the gain in KL.
func (room *schoolroom) learnFrom(ctx context.Context, loss objective.Objective, rows, others []row, seed uint64) (l lesson, err error) {
	before, err := room.sums(ctx, others)
	if err != nil {
		return l, err
	}
	start, err := room.divergence(ctx)
	if err != nil {
		return l, err
	}
	if err := room.pairs(ctx, further(roomSteps, 5e-4), loss, rows, seed); err != nil {
		return l, err
	}
	after, err := room.sums(ctx, others)
	if err != nil {
		return l, err
	}
	for i := range after {
		if after[i][0]-before[i][0] > after[i][1]-before[i][1] {
			l.accuracy += 1 / float64(len(after))
		}
	}
	end, err := room.divergence(ctx)
	l.auc, l.gain = lengthAUC(rows), start-end
	return l, err
}

func lengthShortcut(ctx context.Context, o Options) (outcome, error) {
	loss, err := newObjective("spin", func(p *objective.Params) { p.Beta = 1 })
	if err != nil {
		return outcome{}, err
	}
	var whole, cut struct{ auc, accuracy, gain []float64 }
	err = inRooms(ctx, o, ableWidth, func(room *schoolroom, seed uint64) error {
		// Some of the way to the data: there is a gap left to learn, but not one that any pair gives away.
		if err := room.approach(ctx, 40, seed); err != nil {
			return err
		}
		start := room.weights()
		rows, err := room.opposed(ctx, seed)
		if err != nil {
			return err
		}
		train, others := rows[:len(rows)*3/4], rows[len(rows)*3/4:]
		a, err := room.learnFrom(ctx, loss, train, others, seed)
		if err != nil {
			return err
		}
		if err := room.restore(start); err != nil {
			return err
		}
		b, err := room.learnFrom(ctx, loss, capped(train, shortCap), capped(others, shortCap), seed)
		whole.auc, whole.accuracy, whole.gain = append(whole.auc, a.auc), append(whole.accuracy, a.accuracy), append(whole.gain, a.gain)
		cut.auc, cut.accuracy, cut.gain = append(cut.auc, b.auc), append(cut.accuracy, b.accuracy), append(cut.gain, b.gain)
		return err
	})
	if err != nil {
		return outcome{}, err
	}
	auc, aucError := difference(cut.auc, whole.auc)
	accuracy, accuracyError := difference(cut.accuracy, whole.accuracy)
	gain, gainError := difference(cut.gain, whole.gain)
	meanAUC, _ := interval.Moments(whole.auc)
	meanAccuracy, _ := interval.Moments(whole.accuracy)
	meanGain, _ := interval.Moments(whole.gain)
	return outcome{fmt.Sprintf("capped against whole negatives: length AUC %.2f against %.2f, accuracy %.3f against %.3f, KL gained %.2f against %.2f",
		meanAUC+auc, meanAUC, meanAccuracy+accuracy, meanAccuracy, meanGain+gain, meanGain),
		auc > 2*aucError && accuracy > 2*accuracyError && gain < -2*gainError}, nil
}
