package main

import (
	"context"
	"encoding/json"
	"io"

	"spar/native"
	"spar/trainer/quickstart"
)

type quickstartCmd struct {
	profileFlag
	OutputDir   string `help:"Run directory; the same command continues a stopped run." default:"runs/quickstart" type:"path"`
	Seed        uint64 `help:"Seed of model, data and draws." default:"0"`
	Threads     int    `help:"Threads; 0 takes what the process may use." default:"0"`
	Chi2        bool   `name:"chi2" help:"Add an arm of chi-squared self-play."`
	Preferences bool   `help:"Add arms with preference pairs: 5 and 20 % of them mixed into SPIN, DPO after SPIN, DPO alone."`
	Play        bool   `help:"Instead: a policy that sets itself sums and solves them, healthy and with one role broken."`
	Short       bool   `help:"Everything tiny: seconds, to see that it runs. The figures then say nothing."`
	JSON        bool   `help:"The table as one JSON object."`
}

func (c *quickstartCmd) Run(ctx context.Context, s streams) error {
	defer c.start()()
	lib, err := native.Open(native.Options{})
	if err != nil {
		return err
	}
	o := quickstart.Options{
		Dir: c.OutputDir, Seed: c.Seed, Threads: c.Threads, Chi2: c.Chi2, Preferences: c.Preferences, Library: lib, Log: s.err, Terminal: isTerminal(s.err),
	}
	if c.Short {
		o = o.Short()
	}
	if c.Play {
		result, err := quickstart.RunPlay(ctx, o)
		return c.show(s, result, err)
	}
	result, err := quickstart.Run(ctx, o)
	return c.show(s, result, err)
}

// table is what a quickstart ends with.
type table interface{ Print(io.Writer) error }

func (c *quickstartCmd) show(s streams, result table, err error) error {
	switch {
	case err != nil:
		return runFailure(s, err)
	case c.JSON:
		return json.NewEncoder(s.out).Encode(result)
	}
	return result.Print(s.out)
}
