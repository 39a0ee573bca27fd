package main

import (
	"context"
	"encoding/json"
	"fmt"

	"spar/internal/fault"
	"spar/trainer"
)

type stepCmd struct {
	Config string `arg:"" help:"YAML config, as for train; nothing is sampled and nothing is written." type:"path"`
	Steps  int    `help:"Optimizer steps." default:"1"`
	JSON   bool   `help:"One JSON object a step."`
}

func (c *stepCmd) Run(ctx context.Context, s streams) error {
	if c.Steps < 1 {
		return fault.Usagef("--steps is %d; it must be at least 1", c.Steps)
	}
	config, err := trainer.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(s.out)
	return trainer.Steps(ctx, config, c.Steps, trainer.RunOptions{Log: s.err}, func(r trainer.StepReport) error {
		if c.JSON {
			return enc.Encode(r)
		}
		_, err := fmt.Fprintf(s.out, "step %d  loss %.6f  learning rate %.3g  gradient norm %.4g  %d sequences  mean log-prob %.4f -> %.4f\n",
			r.Step, r.Loss, r.LearningRate, r.GradNorm, len(r.Logp), mean(r.Logp), mean(r.LogpAfter))
		return err
	})
}

func mean(v []float64) float64 {
	total := 0.0
	for _, x := range v {
		total += x
	}
	return total / float64(max(1, len(v)))
}
