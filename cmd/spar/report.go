package main

import (
	"fmt"
	"path/filepath"

	"spar/internal/fsys"
	"spar/trainer/report"
)

type reportCmd struct {
	Dir string `arg:"" name:"run" help:"Run directory." type:"path"`
}

func (c *reportCmd) Run(s streams) error {
	if err := report.Write(fsys.OS, c.Dir); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out, filepath.Join(c.Dir, "report.html"))
	return err
}
