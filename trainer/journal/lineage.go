package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Lineage is run.json: everything that fixes a run's bits, written before the first stage.
type Lineage struct {
	Format      int               `json:"format"` // 1
	Config      map[string]string `json:"config"` // resolved, by dotted key
	Seed        uint64            `json:"seed"`
	Model       Artefact          `json:"model"`
	Tokenizer   string            `json:"tokenizer_hash"`
	Template    string            `json:"template_hash"`
	Train       Artefact          `json:"train"`
	Eval        *Artefact         `json:"eval,omitempty"`
	Preferences *Artefact         `json:"preferences,omitempty"`
	HeldPairs   *Artefact         `json:"preferences_eval,omitempty"`
	Binary      string            `json:"binary_hash"`
	Kernels     string            `json:"kernels"`                // kernel family of the CPU backend, e.g. avx2
	ChosenBy    string            `json:"kernels_from,omitempty"` // how it was chosen: named, raced or cached
	Precision   string            `json:"precision"`
	CPU         string            `json:"cpu"`
	Build       string            `json:"build"`
	ParentRun   *Parent           `json:"parent_run,omitempty"`
	Started     string            `json:"started"` // RFC 3339
}

// Artefact is a file or directory with its hash.
type Artefact struct {
	Path string `json:"path"`
	Hash string `json:"hash"`
}

// Parent names the run whose policy this run began with.
type Parent struct {
	Path string `json:"path"`
	Hash string `json:"hash"` // of its run.json
}

// ReadLineage reads run.json; ok is false when there is none.
func ReadLineage(f fsys.FS, path string) (l Lineage, ok bool, err error) {
	data, err := fsys.ReadFile(f, path, 16<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return l, false, nil
	}
	if err != nil {
		return l, false, fmt.Errorf("%s: %w", path, err)
	}
	if err := json.Unmarshal(data, &l); err != nil {
		return l, false, fault.Inputf("%s: not a run description: %w; give another output_dir", path, err)
	}
	if l.Format != 1 {
		return l, false, fault.Inputf("%s: format %d, this program reads format 1; use the program that wrote it or another output_dir", path, l.Format)
	}
	return l, true, nil
}

// WriteLineage writes run.json whole or not at all.
func WriteLineage(f fsys.FS, path string, l Lineage) error {
	l.Format = 1
	return fsys.WriteFile(f, path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(l)
	})
}
