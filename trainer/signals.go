package trainer

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"spar/loader"
	"spar/trainer/learn"
	"spar/trainer/objective"
	"spar/trainer/selfplay/measure"
)

// signals are an update's numbers for spar diagnose, written once it is done: what it trained on, and what it did to the weights.
func (u *updating) signals() error {
	visible, err := u.visible()
	if err != nil {
		return err
	}
	v := map[string]float64{
		"update/visible_share": visible.Share(), "update/moved_share": visible.MovedShare(),
	}
	if len(u.r.train.examples) > 0 {
		v["data/duplicate_rate"] = u.r.train.duplicates()
	}
	if u.objective.Needs().Generated {
		v["pair/length_auc"], v["pair/ending_auc"] = u.material.shortcuts(u.r.stopIDs())
	}
	return u.r.metrics.Append(u.record(v))
}

// visible compares the weights with those that the update began with, read again from where they came, a tensor at a time.
func (u *updating) visible() (total learn.Visible, err error) {
	source := u.r.model
	if u.path != "" { // an earlier update may have made what is in memory of something else
		if source, err = loader.Open(u.path); err != nil {
			return total, err
		}
		defer func() { err = errors.Join(err, source.Close()) }()
	}
	var before []float32
	for _, t := range u.policy.Tensors() {
		before = slices.Grow(before[:0], len(t.Data))[:len(t.Data)]
		if err := source.Read(t.Name, before); err != nil {
			return total, fmt.Errorf("weights before the update: %w", err)
		}
		total.Add(learn.VisibleOf(before, t.Data))
	}
	return total, nil
}

// duplicates is the share of rows that repeat an earlier row.
func (c *corpus) duplicates() float64 {
	texts := map[string]bool{}
	for _, x := range c.examples {
		text := fmt.Sprint(x.prompt, x.chosen, x.rejected)
		if x.task != nil {
			text += fmt.Sprintf("%q %q", x.task.answer, x.task.tests)
		}
		texts[text] = true
	}
	return 1 - float64(len(texts))/float64(len(c.examples))
}

// shortcuts are how well two features that have nothing to do with meaning tell the first response of a pair from the second: the length, and whether
// the last token is one that ends a response. Each is the area under the ROC curve, turned so that it is at least 1/2.
func (m material) shortcuts(stops []int32) (length, ending float64) {
	var real, generated []float64
	ended := [2]float64{}
	for _, g := range m.groups {
		if len(g.Responses) < 2 {
			continue
		}
		for side, response := range g.Responses[:2] {
			if slices.Contains(stops, response[len(response)-1]) {
				ended[side]++
			}
		}
		real, generated = append(real, float64(len(g.Responses[0]))), append(generated, float64(len(g.Responses[1])))
	}
	if len(real) == 0 {
		return 0.5, 0.5
	}
	return shortcut(real, generated), 0.5 + math.Abs(ended[0]-ended[1])/float64(2*len(real))
}

// shortcut is how well a feature tells the two sides apart, whichever way round: the area under the curve, at least 1/2.
func shortcut(real, generated []float64) float64 {
	positive := make([]bool, len(real)+len(generated))
	for i := range real {
		positive[i] = true
	}
	share := measure.AUC(slices.Concat(real, generated), positive)
	return max(share, 1-share)
}

// startGap is how far an example's log-probs lie from the reference's, in nats a token: 0 at the first step of an update whose
// reference is the policy itself.
func startGap(e objective.Example) float64 {
	tokens := e.LenReal + e.LenGen
	if tokens == 0 {
		return 0
	}
	gap := math.Abs(e.LpReal - e.RefReal)
	if e.LenGen > 0 {
		gap += math.Abs(e.LpGen - e.RefGen)
	}
	return gap / float64(tokens)
}
