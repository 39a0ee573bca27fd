package verify

import (
	"context"
	"encoding/binary"
	"math"
	"sync"

	"spar/internal/rng"
)

// Counts are the audited items: what the verifier said against what the second one, taken as the truth, says.
type Counts struct {
	TruePass, FalsePass int // the verifier passed
	TrueFail, FalseFail int // the verifier failed
	Unstable            int // the verifier changed its verdict when it was asked again; in none of the four
	Unjudged            int // one of the two gave neither pass nor fail; in none of the four
}

// Add returns both counts together.
func (c Counts) Add(d Counts) Counts {
	return Counts{c.TruePass + d.TruePass, c.FalsePass + d.FalsePass, c.TrueFail + d.TrueFail, c.FalseFail + d.FalseFail, c.Unstable + d.Unstable, c.Unjudged + d.Unjudged}
}

// FalsePositive is the share of wrong responses that pass, and how many wrong ones there were.
func (c Counts) FalsePositive() (rate float64, wrong int) {
	return share(c.FalsePass, c.FalsePass+c.TrueFail), c.FalsePass + c.TrueFail
}

// FalseNegative is the share of right responses that fail, and how many right ones there were.
func (c Counts) FalseNegative() (rate float64, right int) {
	return share(c.FalseFail, c.FalseFail+c.TruePass), c.FalseFail + c.TruePass
}

// YoudenJ is 1 less both rates: at 0 the verdicts carry no signal, below it training on them unlearns. NaN when there
// were no right or no wrong responses.
func (c Counts) YoudenJ() float64 {
	fp, _ := c.FalsePositive()
	fn, _ := c.FalseNegative()
	return 1 - fp - fn
}

func share(n, of int) float64 {
	if of == 0 {
		return math.NaN()
	}
	return float64(n) / float64(of)
}

// Audit is a verifier that has a fixed share of its items judged again by a second one. Its outcomes are those of
// the first.
type Audit struct {
	first, second Verifier
	share         float64
	seed          uint64

	mu     sync.Mutex
	counts Counts
}

// NewAudit audits first by second. Whether an item is audited depends on its content and the seed alone, so that
// a response cannot be audited more often by standing in more batches with others. Where the two disagree first is asked
// again, behind its cache.
func NewAudit(first, second Verifier, share float64, seed uint64) *Audit {
	return &Audit{first: first, second: second, share: share, seed: seed}
}

// Name is that of the audited verifier.
func (a *Audit) Name() string { return a.first.Name() }

// Take returns the counts since the last call and begins anew.
func (a *Audit) Take() Counts {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.counts
	a.counts = Counts{}
	return c
}

// Verify judges by the first verifier and audits.
func (a *Audit) Verify(ctx context.Context, batch []Item) ([]Outcome, error) {
	out, err := a.first.Verify(ctx, batch)
	if err != nil {
		return nil, err
	}
	return out, a.Check(ctx, batch, out)
}

// Check audits outcomes that the first verifier gave earlier.
func (a *Audit) Check(ctx context.Context, batch []Item, out []Outcome) error {
	var at []int
	var slice []Item
	for i, it := range batch {
		if a.picks(it) {
			at, slice = append(at, i), append(slice, it)
		}
	}
	if len(slice) == 0 {
		return nil
	}
	truth, err := a.second.Verify(ctx, slice)
	if err != nil {
		return err
	}
	stable, err := a.recheck(ctx, out, truth, at, slice)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, i := range at {
		a.counts.add(out[i].Verdict, truth[k].Verdict, stable[k])
	}
	return nil
}

// picks draws a number from the item's content.
func (a *Audit) picks(it Item) bool {
	h := it.hash()
	return rng.NewStream(a.seed^binary.LittleEndian.Uint64(h[:])).Float64() < a.share
}

// recheck asks the first verifier again where the two disagree, and says whose verdicts stand. A majority cannot be asked about a few of
// its voters; its verdicts stand.
func (a *Audit) recheck(ctx context.Context, out, truth []Outcome, at []int, slice []Item) ([]bool, error) {
	stable := make([]bool, len(at))
	var doubted []int
	var again []Item
	for k, i := range at {
		stable[k] = out[i].Verdict == truth[k].Verdict || a.first.Name() == "majority"
		if !stable[k] {
			doubted, again = append(doubted, k), append(again, slice[k])
		}
	}
	if len(again) == 0 {
		return stable, nil
	}
	second, err := uncached(a.first).Verify(ctx, again)
	if err != nil {
		return nil, err
	}
	for j, k := range doubted {
		stable[k] = second[j].Verdict == out[at[k]].Verdict
	}
	return stable, nil
}

func (c *Counts) add(said, truth Verdict, stable bool) {
	switch {
	case !said.Judged() || !truth.Judged():
		c.Unjudged++
	case !stable:
		c.Unstable++
	case said == Pass && truth == Pass:
		c.TruePass++
	case said == Pass:
		c.FalsePass++
	case truth == Pass:
		c.FalseFail++
	default:
		c.TrueFail++
	}
}
