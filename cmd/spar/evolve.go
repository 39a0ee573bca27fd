package main

import (
	"context"
	"encoding/json"

	"spar/internal/fsys"
	"spar/trainer/evolve"
)

type evolveCmd struct {
	profileFlag
	Config string `arg:"" help:"YAML config; docs/algorithms.md lists its keys." placeholder:"CONFIG"`
}

func (c *evolveCmd) Run(ctx context.Context, s streams) error {
	defer c.start()()
	config, err := evolve.ReadConfig(fsys.OS, c.Config)
	if err != nil {
		return err
	}
	summary, err := evolve.Launch(ctx, config, s.err)
	if err != nil {
		return err
	}
	out := json.NewEncoder(s.out)
	out.SetEscapeHTML(false)
	return out.Encode(summary)
}
