package quickstart

import (
	"bufio"
	"encoding/json"
	"io"
	"path/filepath"

	"spar/internal/fsys"
	"spar/internal/rng"
)

// Names of the data sets in the quickstart's data directory.
const (
	dialectFile = "dialect.jsonl"  // what the base is trained on
	realFile    = "real.jsonl"     // p_data: what the arms are trained on
	heldOutFile = "held-out.jsonl" // p_data on prompts that are in no other file
)

// row is a line of a data set, as token ids.
type row struct {
	PromptIDs     []int32 `json:"prompt_ids"`
	CompletionIDs []int32 `json:"completion_ids"`
}

// writeData makes the three data sets.
func writeData(f fsys.FS, dir string, o Options) error {
	if err := fsys.MakeDir(f, dir); err != nil {
		return err
	}
	seen, heldOut := splitSums()
	for i, d := range []struct {
		file     string
		language *Language
		sums     []Sum
		rows     int
	}{
		{dialectFile, Dialect(), seen, o.BaseSteps * baseBatch},
		{realFile, Real(), seen, o.RealPairs},
		{heldOutFile, Real(), heldOut, o.EvalRows},
	} {
		r := rng.NewStream(o.Seed, 0x64617461, uint32(i))
		err := writeRows(f, filepath.Join(dir, d.file), d.rows, func() any {
			s := d.sums[r.IntN(len(d.sums))]
			return row{s.Prompt(), d.language.Sample(s, r)}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// splitSums parts the prompts that may be trained on from the held-out ones.
func splitSums() (seen, heldOut []Sum) {
	for _, s := range AllSums() {
		if s.HeldOut() {
			heldOut = append(heldOut, s)
		} else {
			seen = append(seen, s)
		}
	}
	return seen, heldOut
}

// writeRows writes n rows, each as draw gives it.
func writeRows(f fsys.FS, path string, n int, draw func() any) error {
	return fsys.WriteFile(f, path, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		e := json.NewEncoder(b)
		for range n {
			if err := e.Encode(draw()); err != nil {
				return err
			}
		}
		return b.Flush()
	})
}
