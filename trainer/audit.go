package trainer

import (
	"context"
	"math"

	"spar/trainer/verify"
)

// addAudit has a second verifier look again at a fixed share of verdicts, and adds the rates of the first one's errors. The share is picked by
// content, so it is the same when a run is resumed.
func (r *run) addAudit(ctx context.Context, c *corpus, rollouts records, v map[string]float64) error {
	settings := r.c.Verifier
	if settings.Audit == "" {
		return nil
	}
	var total verify.Counts
	votes := 0.0
	for _, x := range c.examples {
		name := r.verifierOf(x.task)
		items, outcomes := r.judged(x, rollouts)
		audit := verify.NewAudit(r.verifiers[name], r.verifiers[settings.Audit], settings.AuditShare, r.c.Seed)
		if err := audit.Check(ctx, items, outcomes); err != nil {
			return err
		}
		total = total.Add(audit.Take())
		if name == "majority" {
			votes++
		}
	}
	if rate, wrong := total.FalsePositive(); wrong > 0 {
		v["audit/false_positive"] = rate
	}
	if rate, right := total.FalseNegative(); right > 0 {
		v["audit/false_negative"] = rate
	}
	if j := total.YoudenJ(); !math.IsNaN(j) {
		v["audit/youden_j"] = j
	}
	if passed := total.TruePass + total.FalsePass; passed > 0 && votes == float64(len(c.examples)) {
		v["majority/agreement"], v["majority/audited_accuracy"] = v["verify/pass_rate"], float64(total.TruePass)/float64(passed)
	}
	return nil
}

// judged are a task's responses with the verdicts that they got.
func (r *run) judged(x example, rollouts records) (items []verify.Item, outcomes []verify.Outcome) {
	for _, rec := range rollouts[x.key] {
		items = append(items, r.item(x.task, rec.Response))
		outcomes = append(outcomes, verify.Outcome{Verdict: verdictOf(rec.Verdict), Score: float64(rec.Reward)})
	}
	return items, outcomes
}

// verdictOf is the verifier's verdict that a shard stores.
func verdictOf(stored uint8) verify.Verdict {
	for verdict, as := range verdicts {
		if as == stored {
			return verdict
		}
	}
	return 0
}
