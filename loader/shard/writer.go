package shard

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Options tune a writer. The zero value is ready to use.
type Options struct {
	BlockBytes int // records are written when they reach this; 0: 1 MiB; at most 32 MiB
}

// Writer appends records to an unsealed shard. After any error it does nothing more and returns the same
// error; what was synced before is safe.
type Writer struct {
	fs      fsys.FS
	file    fsys.File
	lock    io.Closer
	name    string // final name
	layout  layoutOf
	target  int
	index   index
	offset  int64 // end of the written blocks
	synced  int64 // number of blocks known to be safe
	records int64 // in written blocks
	block   blockBuilder
	pending []entry // of the open block, offsets from the end of its table
	failed  error
}

// Create starts the shard name, which Seal will make appear, by writing name.open. A sealed or unsealed
// shard of that name is an error, and so is another writer at work on it.
func Create(f fsys.FS, name string, h Header, o Options) (*Writer, error) {
	if _, err := f.Stat(name + OpenSuffix); err == nil {
		return nil, fault.Inputf("%s%s exists: continue it with Append, or remove it", name, OpenSuffix)
	}
	w, _, err := Append(f, name, h, o)
	return w, err
}

// Key names a record within a run.
type Key struct{ Group, Sample int }

// Append continues the unsealed shard name, or starts it when there is none, and returns the keys of the
// records that it already holds, in order. Bytes after the last good block, which a crash left, are cut. A header that does
// not match h, or a damaged block that had been synced, is an input error.
func Append(f fsys.FS, name string, h Header, o Options) (*Writer, []Key, error) {
	if err := h.check(); err != nil {
		return nil, nil, err
	}
	if _, err := f.Stat(name); err == nil {
		return nil, nil, fault.Inputf("%s exists already and is sealed: it cannot be written again", name)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	lock, err := f.Lock(name + OpenSuffix)
	if err != nil {
		return nil, nil, err
	}
	w := &Writer{fs: f, lock: lock, name: name, target: o.BlockBytes}
	if w.target <= 0 {
		w.target = blockTarget
	}
	w.target = min(w.target, maxTarget)
	keys, err := w.open(h)
	if err != nil {
		return nil, nil, errors.Join(err, w.Close())
	}
	return w, keys, nil
}

// open takes over an existing file or writes the superblock of a new one.
func (w *Writer) open(h Header) ([]Key, error) {
	open := w.name + OpenSuffix
	var err error
	if w.file, err = w.fs.Append(open); err != nil {
		return nil, err
	}
	rec, err := recoverFile(w.file, open)
	if err != nil {
		return nil, err
	}
	w.offset, w.records, w.index = rec.end, rec.scan.records, rec.scan.index
	w.synced = int64(len(w.index.blocks))
	if w.offset == 0 {
		return nil, w.start(h)
	}
	w.layout = rec.scan.layout
	return rec.keys, rec.header.Match(open, Header{h.TokenizerHash, h.TemplateHash, h.PolicyHash, h.SamplerHash, h.VocabSize, ""})
}

func (w *Writer) start(h Header) error {
	superblock := h.encode()
	_, w.layout, _ = decodeHeader(superblock, w.name, true)
	if _, err := w.file.Write(superblock); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	w.offset = superblockLen
	return w.fs.SyncDir(filepath.Dir(w.name))
}

// Records is the number of records appended so far, those of earlier writers included.
func (w *Writer) Records() int { return int(w.records) + len(w.pending) }

// Append adds a record. It is safe after the next Sync.
func (w *Writer) Append(r *Record) error {
	if w.failed != nil {
		return w.failed
	}
	if err := r.check(w.layout); err != nil {
		return err
	}
	w.pending = append(w.pending, entry{int64(len(w.block.records)), len(r.Prompt), len(r.Response), int64(r.Group)})
	w.block.add(r, w.layout)
	if len(w.block.records) >= w.target {
		return w.flush()
	}
	return nil
}

// fail keeps the first error.
func (w *Writer) fail(err error) error {
	if w.failed == nil {
		w.failed = err
	}
	return w.failed
}

// flush writes the open block with one call.
func (w *Writer) flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	payload := w.block.payload()
	head := blockHead{seq: int64(len(w.index.blocks)), first: w.records, durable: w.synced,
		count: len(w.pending), payload: len(payload), sum: checksum(payload)}
	if _, err := w.file.Write(append(head.encode(w.layout.tag), payload...)); err != nil {
		return w.fail(err)
	}
	start := w.offset + blockHeaderLen + int64(tableLen(len(w.pending)))
	for _, e := range w.pending {
		e.offset += start
		w.index.entries = append(w.index.entries, e)
	}
	w.index.blocks = append(w.index.blocks, blockEntry{w.offset, w.records, len(w.pending)})
	w.offset += blockHeaderLen + int64(len(payload))
	w.records += int64(len(w.pending))
	w.pending = w.pending[:0]
	w.block.reset()
	return nil
}

// Sync makes every appended record safe against a crash. One call for many records is cheap; one for each is not.
func (w *Writer) Sync() error {
	if w.failed != nil {
		return w.failed
	}
	if err := w.flush(); err != nil {
		return err
	}
	if w.synced == int64(len(w.index.blocks)) {
		return nil
	}
	if err := w.file.Sync(); err != nil {
		return w.fail(err)
	}
	w.synced = int64(len(w.index.blocks))
	return nil
}

// Seal writes the index, syncs, and gives the file its final name. The writer is closed, whatever the result.
func (w *Writer) Seal() error { return errors.Join(w.seal(), w.Close()) }

func (w *Writer) seal() error {
	if w.failed != nil {
		return w.failed
	}
	if err := w.flush(); err != nil {
		return err
	}
	if _, err := w.file.Write(w.index.encode(w.layout.tag, w.offset)); err != nil {
		return w.fail(err)
	}
	if err := w.file.Sync(); err != nil {
		return w.fail(err)
	}
	if err := w.fs.Rename(w.name+OpenSuffix, w.name); err != nil {
		return w.fail(err)
	}
	if err := w.fs.SyncDir(filepath.Dir(w.name)); err != nil {
		return w.fail(err)
	}
	w.failed = fault.New(fault.Failed, "%s is sealed and takes no more records", w.name)
	return nil
}

// Close lets go of an unsealed shard. Records that were not synced may be lost.
func (w *Writer) Close() error {
	var err error
	if w.file != nil {
		err = w.file.Close()
		w.file = nil
	}
	if w.lock != nil {
		err = errors.Join(err, w.lock.Close())
		w.lock = nil
	}
	if w.failed == nil {
		w.failed = fault.New(fault.Failed, "%s: the writer is closed", w.name)
	}
	return err
}
