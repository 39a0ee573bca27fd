package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"spar/bench"
	"spar/native"
)

type benchOpsCmd struct {
	engineFlags
	Filter    string        `help:"Only rows with this in their name, which is like SmolLM2-135M/bf16/decode m=8/linear_forward." default:"" placeholder:"TEXT"`
	Repeats   int           `help:"Timed runs after one to warm up." default:"5"`
	QuietWait time.Duration `help:"How long to wait for other processes to be quiet, before each table; 0: not at all." default:"2m"`
	JSON      bool          `help:"One JSON object a line."`
}

// Help is the long text of spar bench ops --help.
func (c *benchOpsCmd) Help() string {
	return `Every op of the CPU table inside the programs of a training step (256 and 1792 rows) and of a decode step (1, 8 and 32
rows), at the shapes of SmolLM2-135M, Qwen2.5-0.5B and Llama-3.2-1B with as many layers as hold 32 M parameters, in both
precisions. Each rate stands beside the nearer limit, probed before and after: fp32 or bf16 products, or the read, copy or
update rate of memory. The largest shape needs about 8 GB.`
}

func (c *benchOpsCmd) Run(ctx context.Context, s streams) error {
	lib, err := native.Open(native.Options{Path: c.Library})
	if err != nil {
		return err
	}
	o := bench.OpsConfig{Filter: c.Filter, Threads: c.Threads, ISA: c.ISA, Repeats: c.Repeats, QuietWait: oneLook(c.QuietWait), Waiting: waitingNote(s, c.QuietWait)}
	lines, table := json.NewEncoder(s.out), ""
	return bench.Ops(ctx, lib, o, func(r bench.OpRow) error {
		if c.JSON {
			return lines.Encode(r)
		}
		if name := fmt.Sprintf("%s %s, %s of %d rows", r.Model, r.Precision, r.Phase, r.Rows); name != table {
			table = name
			fmt.Fprintf(s.out, "\n%s  (%s, %d threads)\n", table, r.ISA, r.Threads)
			if !r.Quiet {
				fmt.Fprintf(s.out, "the machine was not quiet: others used %.0f %% of it\n", 100*r.OthersBusy)
			}
		}
		return printOp(s, r.OpRate)
	})
}

// printOp is one line: median (min to max), share of the limit, part of the time.
func printOp(s streams, r bench.OpRate) error {
	unit := "GB/s"
	if r.Limit == "fp32" || r.Limit == "bf16" {
		unit = "GFLOP/s"
	}
	_, err := fmt.Fprintf(s.out, "%-24s %8.1f %-7s (%.1f to %.1f)  %4.0f %% of %.0f %s   %9.3f ms in %d calls, %4.1f %% of the time\n",
		r.Op, r.Rate, unit, r.RateMin, r.RateMax, 100*r.Share, r.Peak, r.Limit, 1e3*r.Seconds, r.Calls, 100*r.Part)
	return err
}

// oneLook turns the flag's 0 into the benchmark's "do not wait".
func oneLook(wait time.Duration) time.Duration {
	if wait == 0 {
		return -1
	}
	return wait
}

// waitingNote tells that the machine is not quiet.
func waitingNote(s streams, wait time.Duration) func(float64) {
	return func(busy float64) {
		fmt.Fprintf(s.err, "other processes use %.0f %% of the machine; waiting up to %v for quiet (--quiet-wait)\n", 100*busy, wait)
	}
}
