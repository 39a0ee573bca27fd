package fsys

import (
	"errors"
	"io"
	"io/fs"
	"sync"
)

// ErrDropped, returned by the function given to NewFaulty, makes the operation report success without
// being done: a sync that lies, for instance.
var ErrDropped = errors.New("operation dropped by a test")

// faulty asks fail before each operation.
type faulty struct {
	base FS
	fail func(op, name string, n int) error
	mu   sync.Mutex
	n    int
}

// NewFaulty returns base with faults. Before the n-th operation (from 0), fail gets its kind, the name
// it is about and n; a non-nil error is returned in its place. The kinds are those of the methods in
// lower case: create append open rename remove removeall mkdirall readdir stat syncdir lock, and of
// files read readat write fstat sync truncate close. Two errors mean more: io.ErrShortWrite
// on a write puts half of the bytes, and ErrDropped reports success without doing anything (of rename,
// remove, removeall, mkdirall, syncdir, sync, truncate). A failed close still closes.
func NewFaulty(base FS, fail func(op, name string, n int) error) FS {
	return &faulty{base: base, fail: fail}
}

func (f *faulty) ask(op, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	return f.fail(op, name, f.n-1)
}

// do runs an operation unless it is to fail or to be dropped.
func (f *faulty) do(op, name string, run func() error) error {
	switch err := f.ask(op, name); {
	case errors.Is(err, ErrDropped):
		return nil
	case err != nil:
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return run()
}

func (f *faulty) open(op, name string, open func(string) (File, error)) (File, error) {
	var file File
	err := f.do(op, name, func() (err error) { file, err = open(name); return err })
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: file, fs: f}, nil
}

func (f *faulty) Create(name string) (File, error) { return f.open("create", name, f.base.Create) }
func (f *faulty) Append(name string) (File, error) { return f.open("append", name, f.base.Append) }
func (f *faulty) Open(name string) (File, error)   { return f.open("open", name, f.base.Open) }

func (f *faulty) Rename(oldName, newName string) error {
	return f.do("rename", newName, func() error { return f.base.Rename(oldName, newName) })
}

func (f *faulty) Remove(name string) error {
	return f.do("remove", name, func() error { return f.base.Remove(name) })
}

func (f *faulty) RemoveAll(name string) error {
	return f.do("removeall", name, func() error { return f.base.RemoveAll(name) })
}

func (f *faulty) MkdirAll(dir string) error {
	return f.do("mkdirall", dir, func() error { return f.base.MkdirAll(dir) })
}

func (f *faulty) ReadDir(dir string) (entries []fs.DirEntry, err error) {
	err = f.do("readdir", dir, func() (err error) { entries, err = f.base.ReadDir(dir); return err })
	return entries, err
}

func (f *faulty) Stat(name string) (info fs.FileInfo, err error) {
	err = f.do("stat", name, func() (err error) { info, err = f.base.Stat(name); return err })
	return info, err
}

func (f *faulty) SyncDir(dir string) error {
	return f.do("syncdir", dir, func() error { return f.base.SyncDir(dir) })
}

func (f *faulty) Lock(name string) (lock io.Closer, err error) {
	err = f.do("lock", name, func() (err error) { lock, err = f.base.Lock(name); return err })
	return lock, err
}

type faultyFile struct {
	File
	fs *faulty
}

func (f *faultyFile) Read(p []byte) (n int, err error) {
	err = f.fs.do("read", f.Name(), func() (err error) { n, err = f.File.Read(p); return err })
	return n, err
}

func (f *faultyFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.fs.do("readat", f.Name(), func() (err error) { n, err = f.File.ReadAt(p, off); return err })
	return n, err
}

func (f *faultyFile) Write(p []byte) (n int, err error) {
	err = f.fs.do("write", f.Name(), func() (err error) { n, err = f.File.Write(p); return err })
	if errors.Is(err, io.ErrShortWrite) {
		n, writeErr := f.File.Write(p[:len(p)/2])
		return n, errors.Join(err, writeErr)
	}
	return n, err
}

func (f *faultyFile) Stat() (info fs.FileInfo, err error) {
	err = f.fs.do("fstat", f.Name(), func() (err error) { info, err = f.File.Stat(); return err })
	return info, err
}

func (f *faultyFile) Sync() error { return f.fs.do("sync", f.Name(), f.File.Sync) }

func (f *faultyFile) Truncate(size int64) error {
	return f.fs.do("truncate", f.Name(), func() error { return f.File.Truncate(size) })
}

func (f *faultyFile) Close() error {
	err := f.fs.do("close", f.Name(), func() error { return nil })
	return errors.Join(err, f.File.Close())
}
