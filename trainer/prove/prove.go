// Package prove repeats, in miniature, what papers on self-play claim and what theory predicts. Each claim is a function that runs an
// experiment with the trainer's own objectives, advantages and rewards and compares its figures with a criterion that stands in
// code. A claim that does not hold is reported as such. docs/algorithms.md lists what was found, and whose settings were settled in trials.
//
//	claims, err := prove.Select([]string{"spin-threshold", "10"}, false)
//	err = prove.Run(ctx, claims, prove.Options{}, func(r prove.Result) error { ... })
//
// Experiments are deterministic: every draw comes from a fixed seed. Those over a handful of outcomes compute expectations exactly;
// those with a transformer differ in the last bits between machines, and a figure near its limit may fall on the other side. Claims share
// no state, so Run may be called from any goroutine.
package prove

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"spar/internal/fault"
	"spar/native"
)

// Claim is one statement with the experiment that tests it.
type Claim struct {
	Number   int    // in docs/algorithms.md
	Name     string // what the command line takes, as it does the number
	Source   string // where the claim comes from
	Expected string // what has to come out for it to pass
	Quick    bool   // takes seconds and is known to hold: part of the subset for CI
	Trains   bool   // a transformer: needs Options.Library

	run func(ctx context.Context, o Options) (outcome, error)
}

// outcome is what an experiment found.
type outcome struct {
	figure string // the figures that decide, short
	pass   bool
}

// Result is a claim's line of output.
type Result struct {
	Claim    string  `json:"claim"`
	Expected string  `json:"expected"`
	Figure   string  `json:"figure"`
	Pass     bool    `json:"pass"`
	Seconds  float64 `json:"seconds"`
}

// Print writes the result as a row of a table with its figures below.
func (r Result) Print(w io.Writer) error {
	verdict := "does not hold"
	if r.Pass {
		verdict = "holds"
	}
	_, err := fmt.Fprintf(w, "%-22s %-13s %7.1f s\n    expected  %s\n    figure    %s\n", r.Claim, verdict, r.Seconds, r.Expected, r.Figure)
	return err
}

// Options of a run.
type Options struct {
	Library *native.Library // for the claims that train a transformer
	Threads int             // 0: all that the process may use
}

// Select returns the claims of the given names or numbers in the order given, or all of them; with quick only
// the quick ones of these. An unknown one, or none left, is a usage error.
func Select(names []string, quick bool) ([]Claim, error) {
	all := Claims()
	chosen := all
	if len(names) > 0 {
		chosen = nil
		for _, name := range names {
			before := len(chosen)
			for _, c := range all {
				if c.Name == name || strconv.Itoa(c.Number) == name {
					chosen = append(chosen, c)
				}
			}
			if len(chosen) == before {
				return nil, fault.Usagef("claim: %q is not one of %s", name, strings.Join(known(all), ", "))
			}
		}
	}
	if quick {
		chosen = slices.DeleteFunc(chosen, func(c Claim) bool { return !c.Quick })
		if len(chosen) == 0 {
			return nil, fault.Usagef("claim: there is no quick claim among %s; leave --quick out", strings.Join(names, ", "))
		}
	}
	return chosen, nil
}

// NeedsLibrary tells whether one of the claims trains a transformer.
func NeedsLibrary(claims []Claim) bool {
	return slices.ContainsFunc(claims, func(c Claim) bool { return c.Trains })
}

func known(claims []Claim) []string {
	var names []string
	for _, c := range claims {
		names = append(names, fmt.Sprintf("%d %s", c.Number, c.Name))
	}
	return names
}

// Run tests claims one after the other and hands each result to emit. An error means that an experiment could not be
// run, not that its claim failed.
func Run(ctx context.Context, claims []Claim, o Options, emit func(Result) error) error {
	for _, c := range claims {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c.Trains && o.Library == nil {
			return fault.New(fault.Failed, "claim %s trains a transformer and was given no native library; set Options.Library", c.Name)
		}
		began := time.Now()
		out, err := c.run(ctx, o)
		if err != nil {
			return fmt.Errorf("claim %s: %w", c.Name, err)
		}
		r := Result{Claim: c.Name, Expected: c.Expected, Figure: out.figure, Pass: out.pass, Seconds: time.Since(began).Seconds()}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}
