package main

import (
	"context"
	"time"

	"spar/internal/fault"
	"spar/trainer/tool"
	"spar/trainer/verify"
)

type searchCmd struct {
	modelFlags
	profileFlag
	Data         string        `required:"" help:"JSON lines of {prompt}, {prompt_ids} or {messages}; - is standard input." placeholder:"FILE"`
	JSON         bool          `help:"JSON lines (the only form)." default:"true" negatable:""`
	BestOf       int           `help:"Take the best of so many responses." xor:"how" placeholder:"K"`
	Beam         int           `help:"Keep so many beams, step by step." xor:"how" placeholder:"W"`
	Expand       int           `help:"beam: steps drawn after each beam." default:"4"`
	Split        []string      `help:"Text that ends a step; may be given several times. Without it, the end of a line." sep:"none" placeholder:"TEXT"`
	Aggregate    string        `help:"Score of a response: min, prod, last or mean of its steps'." default:"min" enum:"min,prod,last,mean"`
	Verifier     string        `required:"" help:"What scores the steps so far: command, process, likelihood, or any other that needs no answer." placeholder:"NAME"`
	Command      []string      `help:"command, process: the program and its arguments, each in a flag of its own." sep:"none" placeholder:"WORD"`
	Timeout      time.Duration `help:"Of one step where a program runs." default:"10s"`
	JudgeModel   string        `help:"likelihood, process: the model that scores." type:"path" placeholder:"MODEL"`
	Jobs         int           `help:"Steps judged at a time; 0 takes the CPUs that the process may use." default:"0"`
	MaxNewTokens int           `help:"Longest response in tokens." default:"128"`
	Temperature  float64       `help:"0 is greedy." default:"1"`
	TopP         float64       `help:"Smallest set with this share of the probability; 1 is off." default:"1"`
	Seed         uint64        `help:"Seed of the draws." default:"0"`
}

func (c *searchCmd) Run(ctx context.Context, s streams) error {
	if err := c.check(); err != nil {
		return err
	}
	defer c.start()()
	in, err := openInput(c.Data, s.in)
	if err != nil {
		return err
	}
	defer in.Close()
	return tool.Search(ctx, c.options(), c.searchOptions(), in, c.Data, s.out)
}

func (c *searchCmd) check() error {
	if c.BestOf == 0 && c.Beam == 0 {
		return fault.Usagef("give --best-of K or --beam W")
	}
	if c.BestOf < 0 || c.Beam < 0 || c.Expand < 1 {
		return fault.Usagef("--best-of, --beam and --expand must be at least 1")
	}
	settings := sampleCmd{N: 1, MaxNewTokens: c.MaxNewTokens, Temperature: c.Temperature, TopP: c.TopP}
	return settings.check()
}

func (c *searchCmd) searchOptions() tool.SearchOptions {
	o := tool.SearchOptions{
		SampleOptions: tool.SampleOptions{MaxNewTokens: c.MaxNewTokens, Temperature: c.Temperature, TopP: c.TopP, Seed: c.Seed},
		Samples:       c.BestOf, Splitters: c.Split, Aggregate: c.Aggregate, Parallel: c.Jobs,
		Verifier: verify.Spec{Name: c.Verifier, Command: c.Command, Timeout: c.Timeout, Aggregate: "min"},
		Judge:    tool.ModelOptions{Path: c.JudgeModel, Threads: c.Threads, ISA: c.ISA, Library: c.Library},
	}
	if c.Beam > 0 {
		o.Beam, o.Width, o.Samples = true, c.Beam, c.Expand
	}
	if len(o.Splitters) == 0 {
		o.Splitters = []string{"\n"}
	}
	return o
}
