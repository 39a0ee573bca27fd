package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"spar/bench"
)

type benchVerifyCmd struct {
	Language  []string      `help:"starlark, python or smt; all when not given." enum:"starlark,python,smt" placeholder:"NAME"`
	Workers   int           `help:"Programs at a time; 0: as many as CPUs." default:"0"`
	Repeats   int           `help:"Timed runs after one to warm up." default:"5"`
	QuietWait time.Duration `help:"How long to wait for other processes to be quiet; 0: not at all." default:"2m"`
	JSON      bool          `help:"One JSON object a line."`
}

// Help is the long text of spar bench verify --help.
func (c *benchVerifyCmd) Help() string {
	return `Whole verifications a second of a right program against five checks, in jailed processes that are warm. A Python
verification takes two fresh interpreters, which start while others run. smt: of a right term, two questions to a solver.`
}

func (c *benchVerifyCmd) Run(ctx context.Context, s streams) error {
	o := bench.VerifyConfig{Languages: c.Language, Workers: c.Workers, Repeats: c.Repeats, QuietWait: oneLook(c.QuietWait), Waiting: waitingNote(s, c.QuietWait)}
	return bench.Verify(ctx, o, func(r bench.VerifyRow) error {
		if c.JSON {
			return json.NewEncoder(s.out).Encode(r)
		}
		if !r.Quiet {
			fmt.Fprintf(s.out, "the machine was not quiet: others used %.0f %% of it after %.0f s of waiting\n", 100*r.OthersBusy, r.WaitedS)
		}
		_, err := fmt.Fprintf(s.out, "%-9s %8.1f verifications/s   (%.1f to %.1f over %d runs of %d), %.2f ms each, %d workers\n",
			r.Language, r.PerS, r.PerSMin, r.PerSMax, len(r.Seconds), r.Tasks, r.MS, r.Workers)
		return err
	})
}
