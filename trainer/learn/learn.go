// Package learn says when self-play should stop, when an iteration should be taken back, and whether an update can be seen at all in
// the precision that computes with it.
//
//	gap := interval.Of(learn.MarginGap(chosen, rejected), 0.95)     // held-out pairs with fresh samples
//	if learn.Judge(gap, 0.05) == learn.Reached { ... }              // nothing is left to imitate
//	if d := learn.Drifts(before, after, limits); len(d) > 0 { ... } // roll back
//	v := learn.VisibleOf(weightsBefore, weightsAfter)               // v.Share() of the bf16 copies changed
//
// Its folders: ledger remembers every task's solve rate, observer measures what there is to learn in an iteration's data, interval gives means
// their confidence intervals. Functions are pure.
package learn
