package trainer

import (
	"errors"
	"io"

	"spar/internal/fsys"
	"spar/loader"
	"spar/loader/pack"
	"spar/trainer/config"
)

// ReadRows encodes a data set as training would, for sequences of up to maxLength tokens: one group for each row, with the
// real (chosen) response. A prompt that fills maxLength is an error; rows that are longer with their response are left out, which
// log is told.
func ReadRows(m *loader.Model, path string, maxLength int, log io.Writer) (gs []pack.Group, err error) {
	c := config.Default(m.Path, "sft", path)
	c.MaxLength, c.LongPrompts = maxLength, "error"
	r := &run{c: c, fs: fsys.OS, model: m, o: RunOptions{Log: log}}
	defer func() { err = errors.Join(err, r.close()) }()
	if r.train, err = r.readCorpus(path, 0, false); err != nil {
		return nil, err
	}
	return dataGroups(r.train), r.announce()
}
