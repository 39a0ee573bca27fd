package shard

import (
	"path/filepath"
	"strings"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Listed is a shard of a directory.
type Listed struct {
	Name   string `json:"name"` // with the directory
	Sealed bool   `json:"sealed"`
	Header Header `json:"header"`
	Stats  Stats  `json:"stats"` // of an unsealed shard, Bytes alone
	Error  string `json:"error,omitempty"`
}

// List describes the shards in dir, sealed or not, in order of name, from their headers and indexes. A bad
// shard is listed with its error.
func List(f fsys.FS, dir string) ([]Listed, error) {
	entries, err := f.ReadDir(dir)
	if err != nil {
		return nil, fault.Inputf("%w; give a directory with shards", err)
	}
	var list []Listed
	for _, e := range entries {
		sealed := strings.HasSuffix(e.Name(), Suffix)
		if !sealed && !strings.HasSuffix(e.Name(), Suffix+OpenSuffix) {
			continue
		}
		one := Listed{Name: filepath.Join(dir, e.Name()), Sealed: sealed}
		if err := one.describe(f); err != nil {
			one.Error = err.Error()
		}
		list = append(list, one)
	}
	return list, nil
}

func (l *Listed) describe(f fsys.FS) (err error) {
	if l.Sealed {
		r, err := Open(f, l.Name)
		if err != nil {
			return err
		}
		l.Header, l.Stats = r.header, r.stats
		return r.Close()
	}
	if l.Header, err = ReadHeader(f, l.Name); err != nil {
		return err
	}
	info, err := f.Stat(l.Name)
	if err != nil {
		return err
	}
	l.Stats.Bytes = info.Size()
	return nil
}
