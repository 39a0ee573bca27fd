package diagnose

import (
	"path/filepath"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/trainer/journal"
	"spar/trainer/metrics"
)

// Records are what a diagnosis looks at.
type Records struct {
	Config    map[string]string // resolved, by dotted key
	Precision string            // bf16 or fp32
	Metrics   []metrics.Record  // oldest first
}

// Read gathers a run directory's records. The run may still go on.
func Read(f fsys.FS, runDir string) (Records, error) {
	lineage, ok, err := journal.ReadLineage(f, filepath.Join(runDir, "run.json"))
	if err != nil {
		return Records{}, err
	}
	if !ok {
		return Records{}, fault.Inputf("%s: there is no run here (no run.json); give a run's output_dir", runDir)
	}
	records, err := metrics.Read(f, runDir)
	if err != nil {
		return Records{}, err
	}
	return Records{Config: lineage.Config, Precision: lineage.Precision, Metrics: records}, nil
}
