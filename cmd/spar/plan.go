package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"spar/internal/fault"
	"spar/trainer"
)

type planCmd struct {
	Config  string `arg:"" help:"YAML config, as for train." type:"path"`
	Program string `help:"Also print the program of a training batch, one op a line: forward or backward." default:"" placeholder:"PART" enum:",forward,backward"`
	JSON    bool   `help:"One JSON object."`
}

// planned is the JSON form of plan, in bytes.
type planned struct {
	Weights   int64 `json:"weights"`
	Packed    int64 `json:"computing_copies"`
	Gradients int64 `json:"gradients"`
	Optimizer int64 `json:"optimizer"`
	Train     int64 `json:"training_batch"`
	Score     int64 `json:"scoring_batch"`
	Sample    int64 `json:"sampler"`
	Peak      int64 `json:"peak"` // the model, the optimizer and the largest phase
	Available int64 `json:"available"`
	Rows      int   `json:"training_rows"`
}

func (c *planCmd) Run(s streams) error {
	config, err := trainer.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	o := trainer.RunOptions{Log: s.err}
	q, tooBig := trainer.Plan(config, o)
	if tooBig != nil && fault.ExitCode(tooBig) != int(fault.Memory) {
		return tooBig
	}
	p := planned{
		Weights: q.WeightBytes, Packed: q.PackedBytes, Gradients: q.GradientBytes, Optimizer: q.OptimizerBytes,
		Train: q.Train, Score: q.Score, Sample: q.Sample, Peak: q.Peak(), Available: q.Available, Rows: q.Workload.Train.Rows,
	}
	if c.JSON {
		if err := json.NewEncoder(s.out).Encode(p); err != nil {
			return err
		}
	} else if err := p.print(s); err != nil {
		return err
	}
	if c.Program == "" || tooBig != nil {
		return tooBig
	}
	text, err := trainer.Program(config, o, c.Program == "backward")
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(s.out, text)
	return err
}

func (p planned) print(s streams) error {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range []struct {
		name  string
		bytes int64
	}{
		{"weights", p.Weights}, {"computing copies", p.Packed}, {"gradients", p.Gradients}, {"optimizer", p.Optimizer},
		{"training batch", p.Train}, {"scoring batch", p.Score}, {"sampler", p.Sample}, {"peak", p.Peak}, {"available", p.Available},
	} {
		fmt.Fprintf(w, "%s\t%.1f MiB\t\n", row.name, mib(row.bytes))
	}
	fmt.Fprintf(w, "rows of a training batch\t%d\t\n", p.Rows)
	return w.Flush()
}
