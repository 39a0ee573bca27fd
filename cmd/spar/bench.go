package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"spar/bench"
	"spar/loader"
	"spar/native"
	"spar/trainer/policy"
	"spar/trainer/tool"
)

type benchCmd struct {
	Ops     benchOpsCmd     `cmd:"" help:"Every op of the engine against the machine's limits."`
	Update  benchUpdateCmd  `cmd:"" help:"One SPIN update: forward, objective, backward, AdamW step, stored reference."`
	Rollout benchRolloutCmd `cmd:"" help:"Sampling at temperature 1."`
	Score   benchScoreCmd   `cmd:"" help:"Log-probs of both responses of every pair."`
	Loader  benchLoaderCmd  `cmd:"" help:"Tokenizing, ordering and packing, without the engine."`
	Verify  benchVerifyCmd  `cmd:"" help:"Verifications of programs in the jail."`
}

// benchFlags are those of every benchmark.
type benchFlags struct {
	engineFlags
	profileFlag
	Model          string        `help:"Hugging Face directory, GGUF file or, with --random-weights, a config." type:"path" default:".deps/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"`
	Precision      string        `help:"fp32 or bf16; empty follows the stored weights." default:"" placeholder:"PRECISION" enum:",fp32,bf16"`
	RandomWeights  bool          `help:"Take the config only and draw the weights."`
	Workload       string        `help:"JSON file with the workload; see docs/formats.md." type:"path" placeholder:"FILE"`
	TokensPerBatch int           `help:"Rows of a micro-batch; 0: the whole workload." default:"0"`
	Repeats        int           `help:"Timed runs after one to warm up." default:"5"`
	QuietWait      time.Duration `help:"How long to wait for other processes to be quiet; 0: not at all." default:"2m"`
	Ops            bool          `help:"Also where the time goes: one more run, op by op."`
	Seed           uint64        `help:"Seed of the random ids." default:"0"`
	JSON           bool          `help:"One JSON object."`
}

type (
	benchUpdateCmd  struct{ benchFlags }
	benchRolloutCmd struct{ benchFlags }
	benchScoreCmd   struct{ benchFlags }
	benchLoaderCmd  struct{ benchFlags }
)

type engineBench func(context.Context, *native.Library, bench.Config) (*bench.Result, error)

func (c *benchUpdateCmd) Run(ctx context.Context, s streams) error {
	return c.measure(ctx, s, bench.Update)
}

func (c *benchRolloutCmd) Run(ctx context.Context, s streams) error {
	return c.measure(ctx, s, bench.Rollout)
}

func (c *benchScoreCmd) Run(ctx context.Context, s streams) error {
	return c.measure(ctx, s, bench.Score)
}

func (c *benchLoaderCmd) Run(ctx context.Context, s streams) error {
	return c.measure(ctx, s, func(ctx context.Context, _ *native.Library, bc bench.Config) (*bench.Result, error) {
		return bench.Loader(ctx, bc)
	})
}

func (f benchFlags) measure(ctx context.Context, s streams, run engineBench) error {
	defer f.start()()
	m, err := tool.ModelOptions{Path: f.Model, RandomWeights: f.RandomWeights}.Load()
	if err != nil {
		return err
	}
	defer m.Close()
	lib, err := native.Open(native.Options{Path: f.Library})
	if err != nil {
		return err
	}
	c, err := f.config(m)
	if err != nil {
		return err
	}
	c.Waiting = waitingNote(s, f.QuietWait)
	r, err := run(ctx, lib, c)
	if err != nil {
		return err
	}
	if f.JSON {
		return json.NewEncoder(s.out).Encode(r)
	}
	return printBench(s, r)
}

func (f benchFlags) config(m *loader.Model) (bench.Config, error) {
	precision, err := policy.PrecisionOf(f.Precision, m.Config)
	if err != nil {
		return bench.Config{}, err
	}
	c := bench.Config{
		Model: m, Policy: policy.Options{Precision: precision, Threads: f.Threads, ISA: f.ISA, RandomSeed: f.Seed},
		TokensPerBatch: f.TokensPerBatch, Seed: f.Seed, Repeats: f.Repeats, QuietWait: oneLook(f.QuietWait), Ops: f.Ops,
	}
	if f.Workload != "" {
		c.Workload, err = bench.ReadWorkload(f.Workload)
	}
	return c, err
}

func printBench(s streams, r *bench.Result) error {
	w := s.out
	fmt.Fprintf(w, "%s  %s  %s %s, %d threads\n", r.Benchmark, r.Model, r.ISA, r.Precision, r.Threads)
	fmt.Fprintf(w, "logical    %8.1f tok/s   (%.1f to %.1f over %d runs of %d tokens)\n", r.TokS, r.TokSMin, r.TokSMax, len(r.Seconds), r.LogicalTokens)
	fmt.Fprintf(w, "processed  %8.1f tok/s   (%d rows)\n", r.ProcessedTokS, r.Processed)
	if r.PeakShare > 0 {
		fmt.Fprintf(w, "share      %8.1f %%       of %.0f GFLOP/s %s, probed in the same minute; memory %.1f GB/s read, %.1f copy, %.1f update\n",
			100*r.PeakShare, r.ProbeGFlopS, r.PeakOf, r.ProbeGBS, r.ProbeCopyGBS, r.ProbeUpdateGBS)
	}
	fmt.Fprintf(w, "memory     %8.0f MiB     peak resident; plan %.0f MiB\n", r.RSSMB, r.PlanMB)
	if !r.Quiet {
		fmt.Fprintf(w, "the machine was not quiet: others used %.0f %% of it after %.0f s of waiting\n", 100*r.OthersBusy, r.WaitedS)
	}
	for _, op := range r.Ops {
		if err := printOp(s, op); err != nil {
			return err
		}
	}
	return nil
}
