package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"spar/internal/fault"
	"spar/trainer/verify"
	"spar/trainer/verify/jail"
	"spar/trainer/verify/program"
)

// VerifyConfig says how to measure the jail.
type VerifyConfig struct {
	Languages []string // empty: starlark, python and smt
	Workers   int      // programs at a time; 0: the CPUs
	Repeats   int      // timed; 0: 5
	QuietWait time.Duration
	Waiting   func(busy float64)
}

// VerifyRow is the rate of one language: whole verifications, of a right program against five checks or of a
// right term, on a warm pool.
type VerifyRow struct {
	Benchmark  string         `json:"benchmark"` // verify
	Language   string         `json:"language"`
	PerS       float64        `json:"per_s"` // middle
	PerSMin    float64        `json:"per_s_min"`
	PerSMax    float64        `json:"per_s_max"`
	MS         float64        `json:"ms"` // one verification, middle of the last repeat
	Tasks      int            `json:"tasks"`
	Workers    int            `json:"workers"`
	Seconds    []float64      `json:"seconds"` // of every repeat, in order
	Enforced   []jail.Feature `json:"enforced"`
	Quiet      bool           `json:"quiet"`
	OthersBusy float64        `json:"others_busy"`
	WaitedS    float64        `json:"waited_s"`
}

// verifyWork is a program or a term with its tests, and how many of them make a repeat of a second or so.
type verifyWork struct {
	language string
	item     verify.Item
	tasks    int
}

func verifyWorks() []verifyWork {
	const text = `
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
`
	return []verifyWork{
		{program.Starlark, verify.Item{Response: text, Tests: "for n, want in [(1, 0), (2, 1), (7, 16), (27, 111), (97, 118)]:\n    check_equal(collatz(n), want)"}, 1000},
		{program.Python, verify.Item{Response: text, Tests: "for n, want in [(1, 0), (2, 1), (7, 16), (27, 111), (97, 118)]:\n    assert collatz(n) == want"}, 50},
		{"smt", verify.Item{Response: "(+ x x)", Answer: "(* 2 x)", Tests: "(declare-const x Int)"}, 25},
	}
}

// Verify measures each language and hands over its row.
func Verify(ctx context.Context, c VerifyConfig, row func(VerifyRow) error) error {
	if c.Repeats == 0 {
		c.Repeats = defaultRepeats
	}
	if c.Repeats < 0 || c.Workers < 0 {
		return fault.Usagef("repeats is %d and workers %d; neither may be negative", c.Repeats, c.Workers)
	}
	for _, w := range verifyWorks() {
		if len(c.Languages) > 0 && !slices.Contains(c.Languages, w.language) {
			continue
		}
		r, err := c.measure(ctx, w)
		if err != nil {
			return err
		}
		if err := row(r); err != nil {
			return err
		}
	}
	return nil
}

func (c VerifyConfig) measure(ctx context.Context, w verifyWork) (r VerifyRow, err error) {
	pool, err := jail.Open(jail.Options{Workers: c.Workers})
	if err != nil {
		return r, err
	}
	defer pool.Close()
	v, err := program.Opener(func() (*jail.Pool, error) { return pool, nil })(w.language)
	if err != nil {
		return r, err
	}
	r = VerifyRow{Benchmark: "verify", Language: w.language, Tasks: w.tasks, Workers: pool.Workers(), Enforced: jail.Enforced()}
	items := slices.Repeat([]verify.Item{w.item}, w.tasks)
	if _, err := verifyAll(ctx, v, items[:1+w.tasks/5]); err != nil {
		return r, err
	}
	var gate Result
	if err := gate.await(ctx, c.QuietWait, c.Waiting); err != nil {
		return r, err
	}
	r.Quiet, r.OthersBusy, r.WaitedS = gate.Quiet, gate.OthersBusy, gate.WaitedS
	for range c.Repeats {
		begin := time.Now()
		if r.MS, err = verifyAll(ctx, v, items); err != nil {
			return r, err
		}
		r.Seconds = append(r.Seconds, time.Since(begin).Seconds())
	}
	sorted := slices.Sorted(slices.Values(r.Seconds))
	rate := func(i int) float64 { return float64(w.tasks) / sorted[i] }
	r.PerS, r.PerSMin, r.PerSMax = rate(len(sorted)/2), rate(len(sorted)-1), rate(0)
	return r, nil
}

// verifyAll runs a repeat and gives the milliseconds of its middle task.
func verifyAll(ctx context.Context, v verify.Verifier, items []verify.Item) (float64, error) {
	results, err := v.Verify(ctx, items)
	if err != nil {
		return 0, err
	}
	var took []time.Duration
	for _, r := range results {
		if r.Verdict != verify.Pass {
			return 0, fmt.Errorf("bench: a right %s response was given %q (%s)", v.Name(), r.Verdict, r.Detail)
		}
		took = append(took, r.Took)
	}
	slices.Sort(took)
	return 1e3 * took[len(took)/2].Seconds(), nil
}
