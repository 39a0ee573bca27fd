package shard

import (
	"fmt"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Verify checks every byte of the sealed shard name: checksums, the order of blocks, the values of every record,
// and that the index says what the blocks hold. The error names the file and the first bad byte.
func Verify(f fsys.FS, name string) (Stats, error) {
	r, err := Open(f, name)
	if err != nil {
		return Stats{}, err
	}
	defer r.Close()
	file, err := f.Open(name)
	if err != nil {
		return Stats{}, err
	}
	defer file.Close()
	return r.stats, r.verifyAll(file)
}

func (r *Reader) verifyAll(file fsys.File) error {
	end := int64(superblockLen)
	if n := len(r.index.blocks); n > 0 {
		end = r.blockEnd(n - 1)
	}
	s := newScanner(file, r.layout, end)
	for s.offset < end {
		flaw, err := s.block(nil)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if flaw != nil {
			return damaged(r.name, flaw.offset, "%s", flaw.why)
		}
	}
	return r.compare(s)
}

// compare holds what the blocks hold against what the index says.
func (r *Reader) compare(s *scanner) error {
	if len(s.index.blocks) != len(r.index.blocks) || len(s.index.entries) != len(r.index.entries) {
		return damaged(r.name, s.limit, "the index has %d records in %d blocks, the file %d in %d",
			len(r.index.entries), len(r.index.blocks), len(s.index.entries), len(s.index.blocks))
	}
	for i, e := range s.index.entries {
		if e != r.index.entries[i] {
			return damaged(r.name, e.offset, "record %d is not as the index has it", i)
		}
	}
	return nil
}

// ReadHeader returns the header of a sealed or unsealed shard.
func ReadHeader(f fsys.FS, name string) (Header, error) {
	file, err := f.Open(name)
	if err != nil {
		return Header{}, err
	}
	defer file.Close()
	b := make([]byte, superblockLen)
	why, err := readFull(file, b, 0)
	if err != nil {
		return Header{}, fmt.Errorf("%s: %w", name, err)
	}
	if why != "" {
		return Header{}, fault.Inputf("%s: not a shard: the file is shorter than a header", name)
	}
	h, _, err := decodeHeader(b, name, false)
	return h, err
}
