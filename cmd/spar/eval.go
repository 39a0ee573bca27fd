package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"spar/internal/fault"
	"spar/trainer/tool"
)

type evalCmd struct {
	modelFlags
	profileFlag
	Data         string `required:"" help:"Held-out rows, in any shape that train reads." type:"path" placeholder:"FILE"`
	Reference    string `help:"Model to compare with: margin and accuracy of real responses against its samples." type:"path" placeholder:"MODEL"`
	MaxLength    int    `help:"Longest prompt and response together, in tokens; 0: 1024, or the model's own limit where that is less." default:"0"`
	MaxNewTokens int    `help:"Longest fresh sample in tokens; 0 draws none." default:"0"`
	Seed         uint64 `help:"Seed of the draws." default:"0"`
	JSON         bool   `help:"One JSON object."`
}

func (c *evalCmd) Run(ctx context.Context, s streams) error {
	if c.MaxLength < 0 || c.MaxLength == 1 || c.MaxNewTokens < 0 {
		return fault.Usagef("--max-length %d --max-new-tokens %d: give at least 2 tokens, or 0 for the default, and at least 0", c.MaxLength, c.MaxNewTokens)
	}
	defer c.start()()
	e, err := tool.Eval(ctx, c.options(), tool.EvalOptions{
		Reference: c.Reference, MaxLength: c.MaxLength, MaxNewTokens: c.MaxNewTokens, Seed: c.Seed, Log: s.err,
	}, c.Data)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(e)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "rows\t%d with %d response tokens, %.1f each\n", e.Rows, e.Tokens, e.Length)
	fmt.Fprintf(w, "likelihood\t%.4f nats a token, perplexity %.3f, %.2f nats a response\n", e.NLL, e.Perplexity, e.Logp)
	fmt.Fprintf(w, "entropy\t%.4f nats a token\n", e.Entropy)
	if e.Fresh != nil {
		fmt.Fprintf(w, "samples\t%.1f tokens, %.0f %% ended by themselves, %.2f nats each\n", e.Fresh.Length, 100*e.Ended, e.Fresh.Logp)
	}
	if e.Margin != nil {
		fmt.Fprintf(w, "against %s\tmargin %.3f nats, accuracy %.3f\n", c.Reference, e.Margin.Margin, e.Accuracy)
	}
	return w.Flush()
}
