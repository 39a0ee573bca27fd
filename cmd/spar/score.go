package main

import (
	"context"

	"spar/trainer/tool"
)

type scoreCmd struct {
	modelFlags
	profileFlag
	Data string `required:"" help:"JSON lines of {prompt, response}, {prompt_ids, response_ids} or {messages}; - is standard input." placeholder:"FILE"`
	JSON bool   `help:"JSON lines (the only form)." default:"true" negatable:""`
}

func (c *scoreCmd) Run(ctx context.Context, s streams) error {
	defer c.start()()
	in, err := openInput(c.Data, s.in)
	if err != nil {
		return err
	}
	defer in.Close()
	return tool.Score(ctx, c.options(), in, c.Data, s.out)
}
