package trainer

import (
	"errors"
	"io/fs"
	"path/filepath"

	"spar/internal/fsys"
	"spar/loader/shard"
)

// syncEvery is how many records may be lost to a kill, besides those that wait for an earlier one.
const syncEvery = 64

// shardWriter appends records in order to a shard that an interrupted try may have begun, or sealed.
type shardWriter struct {
	w     *shard.Writer // nil: sealed already
	count int           // records in the shard
}

// createShard opens a shard for appending. A sealed one of the same making is taken as it is; one that is not readable, or was made
// with other inputs, is put aside under the suffix .old.
func (r *run) createShard(name string, h shard.Header) (*shardWriter, error) {
	path := r.path(name)
	if err := fsys.MakeDir(r.fs, filepath.Dir(path)); err != nil {
		return nil, err
	}
	if _, err := r.fs.Stat(path); err == nil {
		all, err := r.readRecords(name, h)
		if err == nil {
			return &shardWriter{count: len(all)}, nil
		}
		if err := r.putAside(path, err); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	w, keys, err := shard.Append(r.fs, path, h, shard.Options{})
	if err != nil {
		if err := r.putAside(path+shard.OpenSuffix, err); err != nil {
			return nil, err
		}
		w, keys, err = shard.Append(r.fs, path, h, shard.Options{})
	}
	return &shardWriter{w: w, count: len(keys)}, err
}

// putAside moves a file that cannot be used, for the reason given, out of the way.
func (r *run) putAside(path string, why error) error {
	r.logf("%v; moved to %s.old", why, path)
	if err := r.fs.Rename(path, path+".old"); err != nil {
		return errors.Join(why, err)
	}
	return nil
}

func (s *shardWriter) append(rec shard.Record) error {
	if err := s.w.Append(&rec); err != nil {
		return err
	}
	s.count++
	if s.count%syncEvery == 0 {
		return s.w.Sync()
	}
	return nil
}

// seal gives the shard its name.
func (s *shardWriter) seal() error {
	w := s.w
	s.w = nil
	if w == nil {
		return nil
	}
	return w.Seal()
}

// abandon closes a shard that was not sealed; what it holds is kept for the next try.
func (s *shardWriter) abandon() error {
	if s.w == nil {
		return nil
	}
	return errors.Join(s.w.Sync(), s.w.Close())
}

// readShard reads a sealed shard whose header is as wanted.
func (r *run) readShard(name string, want shard.Header) (m records, err error) {
	all, err := r.readRecords(name, want)
	if err != nil {
		return nil, err
	}
	return grouped(all), nil
}

// readRecords reads the records of a sealed shard in the order of the file.
func (r *run) readRecords(name string, want shard.Header) (all []shard.Record, err error) {
	reader, err := shard.Open(r.fs, r.path(name))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	if err := reader.Header().Match(r.path(name), want); err != nil {
		return nil, err
	}
	all = make([]shard.Record, reader.Len())
	for i := range all {
		if err := reader.Read(i, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}
