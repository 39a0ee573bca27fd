package shard

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"sort"
	"sync/atomic"

	"github.com/edsrzf/mmap-go"
	"golang.org/x/sys/unix"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Reader reads a sealed shard through a memory map. Every block's checksum is verified before the first
// record of it is returned, and every record's each time. Records are copied out of the map, so they
// outlive the reader.
type Reader struct {
	name     string
	header   Header
	layout   layoutOf
	index    *index
	stats    Stats
	data     []byte
	unmap    func() error
	verified []atomic.Bool // by block
}

// Stats are the counts of a shard.
type Stats struct {
	Records     int   `json:"records"`
	Blocks      int   `json:"blocks"`
	PromptIDs   int64 `json:"prompt_ids"`
	ResponseIDs int64 `json:"response_ids"`
	Bytes       int64 `json:"bytes"`
}

// Open maps the sealed shard name and checks its header, trailer and index. A file that is not sealed, of
// another format version, or damaged is an input error.
func Open(f fsys.FS, name string) (*Reader, error) {
	data, unmap, err := mapFile(f, name)
	if err != nil {
		return nil, err
	}
	r := &Reader{name: name, data: data, unmap: unmap}
	if err := r.guard(r.load); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Reader) load() (err error) {
	if r.header, r.layout, err = decodeHeader(r.data, r.name, false); err != nil {
		return err
	}
	size := int64(len(r.data))
	if size < superblockLen+indexHeadLen+trailerLen {
		return damaged(r.name, size, "the file is not sealed, or its end is missing")
	}
	t, err := decodeTrailer(r.data[size-trailerLen:], r.name, size)
	if err != nil {
		return err
	}
	if r.index, err = decodeIndex(r.data[t.indexOffset:t.indexOffset+t.indexLen], r.name, t, r.layout.tag); err != nil {
		return err
	}
	r.verified = make([]atomic.Bool, t.blocks)
	r.stats = Stats{int(t.records), int(t.blocks), t.promptIDs, t.responseIDs, size}
	return nil
}

// openNamed opens a file that a caller named; one that is absent is an input error, with the remedy.
func openNamed(f fsys.FS, name, remedy string) (fsys.File, error) {
	file, err := f.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Inputf("%s: there is no such file; %s", name, remedy)
	}
	return file, err
}

// mapFile maps name, or reads it when its file system has no descriptors.
func mapFile(f fsys.FS, name string) (data []byte, unmap func() error, err error) {
	file, err := openNamed(f, name, "give a sealed shard, a file ending in "+Suffix)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	if info.Size() < superblockLen {
		return nil, nil, damaged(name, info.Size(), "the file ends inside its first %d bytes", superblockLen)
	}
	if file.Fd() == fsys.NoFd {
		data = make([]byte, info.Size())
		if why, err := readFull(file, data, 0); why != "" || err != nil {
			return nil, nil, errors.Join(err, damaged(name, 0, "the file ends early"))
		}
		return data, func() error { return nil }, nil
	}
	m, err := mapDescriptor(file.Fd(), name)
	if err != nil {
		return nil, nil, fault.New(fault.Failed, "%s: cannot map the file into memory: %w", name, err)
	}
	return m, m.Unmap, nil
}

// mapDescriptor maps through a duplicate, because the mapping library wants an os.File to own.
func mapDescriptor(fd uintptr, name string) (mmap.MMap, error) {
	own, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(own), name)
	m, err := mmap.Map(file, mmap.RDONLY, 0)
	return m, errors.Join(err, file.Close())
}

// guard runs read, which touches the map, and turns the fault of a page that is gone (the file was cut
// or its disk failed) into an error.
func (r *Reader) guard(read func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		p := recover()
		if p == nil {
			return
		}
		if _, memory := p.(interface{ Addr() uintptr }); !memory {
			panic(p) // a bug of ours, not the file's
		}
		err = fault.Inputf("%s: the file changed or its disk failed while it was being read: restore a copy or make it again", r.name)
	}()
	return read()
}

// Header returns what made the shard.
func (r *Reader) Header() Header { return r.header }

// Stats returns the counts of the shard.
func (r *Reader) Stats() Stats { return r.stats }

// Len is the number of records.
func (r *Reader) Len() int { return len(r.index.entries) }

// Lengths returns the number of prompt and response ids of record i, from the index alone.
func (r *Reader) Lengths(i int) (prompt, response int) {
	return r.index.entries[i].prompts, r.index.entries[i].response
}

// Group returns the group of record i, from the index alone.
func (r *Reader) Group(i int) int { return int(r.index.entries[i].group) }

// Read fills dst with record i, reusing its slices. dst is undefined after an error.
func (r *Reader) Read(i int, dst *Record) error {
	if i < 0 || i >= r.Len() {
		return fault.New(fault.Failed, "%s: record %d of %d", r.name, i, r.Len())
	}
	return r.guard(func() error { return r.read(i, dst) })
}

func (r *Reader) read(i int, dst *Record) error {
	k := sort.Search(len(r.index.blocks), func(k int) bool { return r.index.blocks[k].first > int64(i) }) - 1
	if !r.verified[k].Load() {
		if err := r.verify(k); err != nil {
			return err
		}
		r.verified[k].Store(true)
	}
	e := r.index.entries[i]
	if why := dst.decode(r.data[e.offset:r.blockEnd(k)], r.layout); why != "" {
		return damaged(r.name, e.offset, "record %d: %s", i, why)
	}
	if dst.Group != int(e.group) || len(dst.Prompt) != e.prompts || len(dst.Response) != e.response {
		return damaged(r.name, e.offset, "record %d is not the one that the index has there", i)
	}
	return nil
}

func (r *Reader) blockEnd(k int) int64 {
	if k+1 < len(r.index.blocks) {
		return r.index.blocks[k+1].offset
	}
	return r.stats.Bytes - trailerLen - int64(roundUp(indexHeadLen+entryLen*(r.stats.Records+r.stats.Blocks)))
}

// verify checks header and payload of block k against the index.
func (r *Reader) verify(k int) error {
	b := r.index.blocks[k]
	bytes := r.data[b.offset:r.blockEnd(k)]
	head, why := decodeBlock(bytes[:blockHeaderLen], r.layout.tag)
	payload := bytes[blockHeaderLen:]
	switch {
	case why != "":
	case head.seq != int64(k) || head.first != b.first || head.count != b.count || head.payload != len(payload):
		why = "the block is not the one that the index has there"
	case checksum(payload) != head.sum:
		why = "checksum of the block differs"
	default:
		return nil
	}
	return damaged(r.name, b.offset, "%s", why)
}

// Close unmaps the file. No Read may be running or follow.
func (r *Reader) Close() error {
	if r.unmap == nil {
		return nil
	}
	err := r.unmap()
	r.unmap, r.data = nil, nil
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	return nil
}
