package main

import (
	"context"
	"time"

	"spar/trainer/tool"
	"spar/trainer/verify"
)

type verifyCmd struct {
	engineFlags
	profileFlag
	Data      string        `arg:"" help:"JSON lines of {problem, response, answer, tests, steps}; - is standard input." placeholder:"FILE"`
	Verifier  string        `required:"" help:"exact, numeric, maths, choice, regex, majority, command, likelihood, process, starlark, python or smt." placeholder:"NAME" enum:"exact,numeric,maths,choice,regex,majority,command,likelihood,process,starlark,python,smt"`
	JSON      bool          `help:"JSON lines (the only form)." default:"true" negatable:""`
	Jobs      int           `help:"Rows judged at once; 0 takes the CPUs that the process may use." default:"0"`
	Pattern   string        `help:"regex: what to find; its first group must be the answer. Without it the answer is the pattern." placeholder:"REGEXP"`
	Tolerance float64       `help:"numeric: relative to the answer." default:"0"`
	Command   []string      `help:"command, process: the program and its arguments, each in a flag of its own." sep:"none" placeholder:"WORD"`
	Timeout   time.Duration `help:"Of one row where a program runs." default:"10s"`
	MemoryMB  int           `name:"memory-mb" help:"Of that program; 0: 256 in the jail, no limit for a command." default:"0"`
	Model     string        `help:"likelihood, process: the model that scores, a Hugging Face directory or GGUF file." type:"path" placeholder:"MODEL"`
	Precision string        `help:"fp32 or bf16; empty follows the stored weights." default:"" placeholder:"PRECISION" enum:",fp32,bf16"`
	Splitter  string        `help:"process: the regular expression between steps." default:"\\n" placeholder:"REGEXP"`
	Aggregate string        `help:"process: min, prod, last or mean of the steps' scores." default:"min" enum:"min,prod,last,mean"`
	Threshold float64       `help:"command, likelihood, process: the score that passes." default:"0.5"`
}

func (c *verifyCmd) Run(ctx context.Context, s streams) error {
	defer c.start()()
	in, err := openInput(c.Data, s.in)
	if err != nil {
		return err
	}
	defer in.Close()
	return tool.Verify(ctx, c.options(), in, c.Data, s.out)
}

func (c *verifyCmd) options() tool.VerifyOptions {
	return tool.VerifyOptions{
		Spec: verify.Spec{
			Name: c.Verifier, Pattern: c.Pattern, Tolerance: c.Tolerance, Command: c.Command, Timeout: c.Timeout, MemoryMB: c.MemoryMB,
			Splitter: c.Splitter, Aggregate: c.Aggregate, Threshold: c.Threshold,
		},
		Parallel: c.Jobs,
		Model:    tool.ModelOptions{Path: c.Model, Precision: c.Precision, Threads: c.Threads, ISA: c.ISA, Library: c.Library},
	}
}
