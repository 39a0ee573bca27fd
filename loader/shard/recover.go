package shard

import (
	"encoding/binary"
	"fmt"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Recovered says what an unsealed shard holds.
type Recovered struct {
	Header  Header
	Keys    []Key // of its records, in order
	Bytes   int64 // of the good part
	Dropped int64 // bytes that were cut off
}

// Recover cuts the unsealed shard called open after its last good block and says what is left. Calling it
// again changes nothing. A file without even a header is left alone, with no bytes reported. Do not
// use it on a shard that is being written.
func Recover(f fsys.FS, open string) (Recovered, error) {
	lock, err := f.Lock(open)
	if err != nil {
		return Recovered{}, err
	}
	defer lock.Close()
	file, err := f.Append(open)
	if err != nil {
		return Recovered{}, err
	}
	defer file.Close()
	rec, err := recoverFile(file, open)
	if err != nil {
		return Recovered{}, err
	}
	return Recovered{rec.header, rec.keys, rec.end, rec.dropped}, nil
}

// recovery is a scan of an unsealed file whose bad end has been cut.
type recovery struct {
	header  Header
	keys    []Key
	scan    *scanner
	end     int64 // size of the file now; 0: there was no header
	dropped int64
}

func recoverFile(file fsys.File, name string) (*recovery, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	rec := &recovery{scan: newScanner(file, layoutOf{}, size)}
	head := make([]byte, superblockLen)
	why, err := readFull(file, head, 0)
	if err != nil {
		return nil, err
	}
	if why == "" {
		rec.header, rec.scan.layout, err = decodeHeader(head, name, true)
	}
	// Blocks are written only after the header was synced, so a file that is no longer than
	// a header and has missing sectors is what a crash left of a start.
	if size <= superblockLen && !headerHolds(head[:size]) && isTorn(head[:size]) {
		return rec, rec.cut(file, name, size)
	}
	if why != "" {
		return nil, fault.Inputf("%s: not a shard, and it is in the way of one: move it", name)
	}
	if err != nil {
		return nil, err
	}
	if err := rec.walk(name); err != nil {
		return nil, err
	}
	rec.end = rec.scan.offset
	return rec, rec.cut(file, name, size)
}

// headerHolds reports whether b is a superblock with the right checksum.
func headerHolds(b []byte) bool {
	return len(b) == superblockLen && checksum(b[:atSumSB]) == binary.LittleEndian.Uint32(b[atSumSB:])
}

// isTorn reports whether b may be the first bytes of a superblock of which some sectors never reached the disk.
func isTorn(b []byte) bool {
	missing := len(b) < superblockLen
	for at := 0; at < len(b); at += 512 {
		empty := isZero(b[at:min(at+512, len(b))])
		missing = missing || empty
		if at == 0 && !empty && string(b[:min(len(b), len(magic))]) != magic[:min(len(b), len(magic))] {
			return false // some other file
		}
	}
	return missing
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func (rec *recovery) walk(name string) error {
	for rec.scan.offset < rec.scan.limit {
		flaw, err := rec.scan.block(func(r *Record) error {
			rec.keys = append(rec.keys, Key{r.Group, r.Sample})
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if flaw == nil {
			continue
		}
		rec.keys = rec.keys[:rec.scan.records]
		safe, err := rec.scan.syncedLater()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if safe {
			return damaged(name, flaw.offset, "%s, and later blocks say that this one was safe", flaw.why)
		}
		return nil
	}
	return nil
}

func (rec *recovery) cut(file fsys.File, name string, size int64) error {
	rec.dropped = size - rec.end
	if rec.dropped == 0 {
		return nil
	}
	if err := file.Truncate(rec.end); err != nil {
		return fault.New(fault.Failed, "%s: cannot cut the bytes after the last good block: %w", name, err)
	}
	return file.Sync()
}
