package trainer

import (
	"spar/trainer/learn"
	"spar/trainer/learn/interval"
)

// addGap adds how far the held-out real responses still are from samples of the policy before, by the algorithm's own meter, with its
// 95 % interval.
func (r *run) addGap(t int, chosen, rejected []float64, values map[string]float64) {
	gap := learn.MarginGap(chosen, rejected)
	switch r.c.Algorithm {
	case "chi2":
		gap = learn.ChiSquareGap(chosen, rejected, r.regulariser(t))
	case "space":
		gap = learn.JensenShannonGap(chosen, rejected)
	}
	if len(gap) < 2 {
		return // one pair has no spread
	}
	i := interval.Of(gap, 0.95)
	values["gap"], values["gap_low"], values["gap_high"] = i.Mean, i.Low, i.High
}

// regulariser is chi2's c, given by itself or by the target in nats.
func (r *run) regulariser(t int) float64 {
	if r.c.Tau > 0 {
		return 1 / (r.c.Tau * r.c.Beta.At(t))
	}
	return r.c.C
}

// arrived reports whether iteration t has shown that there is nothing left to imitate, which ends the run if the config says so.
func (r *run) arrived(t int) bool {
	e, evaluated := r.journal.Find(t, "evaluate")
	_, measured := e.Values["gap"]
	if r.c.Limits.Gap == 0 || !evaluated || !measured {
		return false
	}
	gap := interval.Interval{Mean: e.Values["gap"], Low: e.Values["gap_low"], High: e.Values["gap_high"], N: len(r.held.examples)}
	switch learn.Judge(gap, r.c.Limits.Gap) {
	case learn.Reached:
		r.logf("iteration %d: the gap %.4g (%.4g to %.4g) is within limits.gap %v of 0; nothing is left to imitate, the run ends", t, gap.Mean, gap.Low, gap.High, r.c.Limits.Gap)
		return true
	case learn.Unknown:
		r.logf("iteration %d: %d held-out pairs are too few to tell a gap of %v from none (%.4g to %.4g); raise eval.max_prompts", t, gap.N, r.c.Limits.Gap, gap.Low, gap.High)
	}
	return false
}
