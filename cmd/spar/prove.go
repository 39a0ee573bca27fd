package main

import (
	"context"
	"encoding/json"
	"fmt"

	"spar/internal/fault"
	"spar/native"
	"spar/trainer/prove"
)

type proveCmd struct {
	profileFlag
	Claim   []string `arg:"" optional:"" help:"Names or numbers of claims; all when none is given."`
	Quick   bool     `help:"Only claims that take seconds and are known to hold, for CI."`
	Threads int      `help:"Threads; 0 takes what the process may use." default:"0"`
	JSON    bool     `help:"One JSON object a line."`
}

func (c *proveCmd) Run(ctx context.Context, s streams) error {
	defer c.start()()
	claims, err := prove.Select(c.Claim, c.Quick)
	if err != nil {
		return err
	}
	o := prove.Options{Threads: c.Threads}
	if prove.NeedsLibrary(claims) {
		if o.Library, err = native.Open(native.Options{}); err != nil {
			return err
		}
	}
	lines := json.NewEncoder(s.out)
	lines.SetEscapeHTML(false)
	failed := 0
	err = prove.Run(ctx, claims, o, func(r prove.Result) error {
		if !r.Pass {
			failed++
		}
		if c.JSON {
			return lines.Encode(r)
		}
		return r.Print(s.out)
	})
	if err != nil {
		return err
	}
	if failed > 0 {
		return fault.New(fault.Failed, "%d of %d claims did not hold", failed, len(claims))
	}
	if !c.JSON {
		_, err = fmt.Fprintf(s.out, "%d claims hold\n", len(claims))
	}
	return err
}
