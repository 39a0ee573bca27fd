package main

import (
	"encoding/json"
	"fmt"
	"io"

	"spar/internal/fsys"
	"spar/trainer/diagnose"
)

type diagnoseCmd struct {
	Dir  string `arg:"" name:"run" help:"Run directory." type:"path"`
	JSON bool   `name:"json" help:"One JSON object."`
}

func (c *diagnoseCmd) Run(s streams) error {
	records, err := diagnose.Read(fsys.OS, c.Dir)
	if err != nil {
		return err
	}
	d := diagnose.Of(records)
	if c.JSON {
		return json.NewEncoder(s.out).Encode(d)
	}
	return printDiagnosis(s.out, d)
}

func printDiagnosis(w io.Writer, d diagnose.Diagnosis) error {
	if _, err := fmt.Fprintf(w, "bottleneck: %s\n", d.Bottleneck); err != nil {
		return err
	}
	for _, a := range d.Alarms {
		when := fmt.Sprintf("from iteration %d", a.Iteration)
		if a.Iteration < 0 {
			when = "before training"
		}
		if _, err := fmt.Fprintf(w, "\n%s (%s): %.4g %s, alarm when %s\n  signal: %s\n  %s\n", a.Name, a.Blames, a.Value, when, a.Condition(), a.Signal, a.Advice); err != nil {
			return err
		}
	}
	return nil
}
