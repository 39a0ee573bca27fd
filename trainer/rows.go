package trainer

import (
	"errors"

	"spar/internal/fsys"
	"spar/loader"
	"spar/loader/pack"
	"spar/trainer/config"
)

// ReadRows encodes a data set as training would, for sequences of up to maxLength tokens: one group for each row, with the
// real (chosen) response. A prompt that fills maxLength is an error; rows that are longer with their response are left out, which
// the notes say.
func ReadRows(m *loader.Model, path string, maxLength int) (gs []pack.Group, notes []string, err error) {
	c := config.Default(m.Path, "sft", path)
	c.MaxLength, c.LongPrompts = maxLength, "error"
	r := &run{c: c, fs: fsys.OS, model: m}
	defer func() { err = errors.Join(err, r.close()) }()
	rows, err := r.readCorpus(path, 0, false)
	if err != nil {
		return nil, nil, err
	}
	return dataGroups(rows), rows.notes, nil
}
