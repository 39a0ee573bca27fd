package trainer

import (
	"context"
	"fmt"
	"math"

	"spar/internal/fault"
	"spar/trainer/learn"
)

// guard refuses the outcome of an iteration that moved the policy further than the config's limits allow: it is not promoted, so policy/
// stays that of the iteration before, and the run ends.
func (r *run) guard(_ context.Context, t int) error {
	limits := learn.Limits{RealLogpDrop: r.c.Limits.RealLogpDrop, LengthRatio: r.c.Limits.LengthRatio, EntropyLoss: r.c.Limits.EntropyLoss}
	if r.held == nil || limits == (learn.Limits{}) {
		return nil
	}
	drifts := learn.Drifts(r.health(t), r.health(t+1), limits)
	if len(drifts) == 0 {
		return nil
	}
	text := ""
	for _, d := range drifts {
		text += fmt.Sprintf("limits.%s is %.4g, and the policy moved by %.4g; ", limitKeys[d.Name], d.Limit, d.Value)
	}
	kept := "there is no policy/ yet"
	if t > 0 {
		kept = fmt.Sprintf("policy/ stays that of iteration %d", t-1)
	}
	return fault.New(fault.NonFinite, "iteration %d is taken back: %s%s; lower learning_rate or max_steps in another output_dir, or raise the limit", t, text, kept)
}

// limitKeys are the config's names of what may drift.
var limitKeys = map[string]string{"real_logp": "real_logp_drop", "length": "length_ratio", "entropy": "entropy_loss"}

// health is what the evaluation of a policy says, by its count; see evalStage. The entropy is the mean surprise of its own samples, which equals it
// for draws at temperature 1.
func (r *run) health(index int) learn.Health {
	iteration, stage := evalStage(index)
	e, done := r.journal.Find(iteration, stage)
	if !done {
		return learn.Health{RealLogp: math.NaN(), Length: math.NaN(), Entropy: math.NaN()}
	}
	v := e.Values
	return learn.Health{RealLogp: -v["loss"], Length: v["length/generated"], Entropy: -v["logps/generated"] / v["length/generated"]}
}
