package main

import (
	"context"

	"spar/internal/fault"
	"spar/trainer/tool"
)

type sampleCmd struct {
	modelFlags
	profileFlag
	Data         string   `required:"" help:"JSON lines of {prompt}, {prompt_ids} or {messages}; - is standard input." placeholder:"FILE"`
	JSON         bool     `help:"JSON lines (the only form)." default:"true" negatable:""`
	N            int      `help:"Completions per line." default:"1"`
	MaxNewTokens int      `help:"Longest completion in tokens." default:"128"`
	Temperature  float64  `help:"0 is greedy." default:"1"`
	TopP         float64  `help:"Smallest set with this share of the probability; 1 is off." default:"1"`
	TopK         int      `help:"This many most likely tokens; 0 is off." default:"0"`
	MinP         float64  `help:"Tokens with at least this share of the most likely one's probability; 0 is off." default:"0"`
	Stop         []string `help:"End at this text; may be given several times." sep:"none"`
	Seed         uint64   `help:"Seed of the draws." default:"0"`
	IgnoreEOS    bool     `name:"ignore-eos" help:"Go on after the end-of-sequence token."`
}

func (c *sampleCmd) Run(ctx context.Context, s streams) error {
	if err := c.check(); err != nil {
		return err
	}
	defer c.start()()
	in, err := openInput(c.Data, s.in)
	if err != nil {
		return err
	}
	defer in.Close()
	return tool.Sample(ctx, c.options(), tool.SampleOptions{
		N: c.N, MaxNewTokens: c.MaxNewTokens, Temperature: c.Temperature, TopP: c.TopP, MinP: c.MinP, TopK: c.TopK,
		Stop: c.Stop, Seed: c.Seed, IgnoreEOS: c.IgnoreEOS,
	}, in, c.Data, s.out)
}

func (c *sampleCmd) check() error {
	switch {
	case c.N < 1:
		return fault.Usagef("--n is %d; it must be at least 1", c.N)
	case c.MaxNewTokens < 1:
		return fault.Usagef("--max-new-tokens is %d; it must be at least 1", c.MaxNewTokens)
	case !(c.Temperature >= 0 && c.Temperature <= 100):
		return fault.Usagef("--temperature is %v; it must be between 0 and 100", c.Temperature)
	case !(c.TopP > 0 && c.TopP <= 1):
		return fault.Usagef("--top-p is %v; it must be above 0 and at most 1", c.TopP)
	case !(c.MinP >= 0 && c.MinP <= 1):
		return fault.Usagef("--min-p is %v; it must be between 0 and 1", c.MinP)
	case c.TopK < 0:
		return fault.Usagef("--top-k is %d; it must be 0 or more", c.TopK)
	}
	return nil
}
