package shard

import (
	"errors"
	"io"

	"spar/internal/fsys"
)

// scanner walks the blocks of a file from the front, checking everything.
type scanner struct {
	file    fsys.File
	layout  layoutOf
	offset  int64 // of the next block
	limit   int64 // end of the part to scan
	seq     int64
	records int64
	payload []byte
	index   index
}

func newScanner(file fsys.File, l layoutOf, limit int64) *scanner {
	return &scanner{file: file, layout: l, offset: superblockLen, limit: limit}
}

// flaw is why a scan stopped: the first byte that is not as a whole block has it.
type flaw struct {
	offset int64
	why    string
}

// block checks the next block and gives its records to visit, which may be nil. It returns nil, nil after a
// good block, a flaw for bytes that are not one, or an error of the file system or of visit.
func (s *scanner) block(visit func(r *Record) error) (*flaw, error) {
	head, why, err := s.head(s.offset)
	if why != "" || err != nil {
		return s.flawed(0, why), err
	}
	if head.seq != s.seq || head.first != s.records || head.durable < 0 || head.durable > s.seq {
		return s.flawed(0, "the block is number "+itoa(int(head.seq))+", want "+itoa(int(s.seq))), nil
	}
	if int64(head.payload) > s.limit-s.offset-blockHeaderLen {
		return s.flawed(0, "the block is cut off"), nil
	}
	s.payload = resize(s.payload, head.payload)
	if why, err := readFull(s.file, s.payload, s.offset+blockHeaderLen); why != "" || err != nil {
		return s.flawed(0, why), err
	}
	if checksum(s.payload) != head.sum {
		return s.flawed(blockHeaderLen, "checksum of the block differs"), nil
	}
	if f, err := s.visitRecords(head, visit); f != nil || err != nil {
		return f, err
	}
	s.index.blocks = append(s.index.blocks, blockEntry{s.offset, head.first, head.count})
	s.offset += blockHeaderLen + int64(head.payload)
	s.seq++
	s.records += int64(head.count)
	return nil, nil
}

func (s *scanner) flawed(at int64, why string) *flaw {
	if why == "" {
		return nil
	}
	return &flaw{s.offset + at, why}
}

// head reads the block header at an offset.
func (s *scanner) head(offset int64) (h blockHead, why string, err error) {
	var b [blockHeaderLen]byte
	if s.limit-offset < blockHeaderLen {
		return h, "a block header is cut off", nil
	}
	if why, err := readFull(s.file, b[:], offset); why != "" || err != nil {
		return h, why, err
	}
	h, why = decodeBlock(b[:], s.layout.tag)
	return h, why, nil
}

func (s *scanner) visitRecords(head blockHead, visit func(r *Record) error) (*flaw, error) {
	var r Record
	var bad *flaw
	entries := s.index.entries
	why, err := eachRecord(s.payload, head.count, s.layout, func(at int, h recordHead) error {
		if bad != nil {
			return nil
		}
		if why := r.decode(s.payload[at:], s.layout); why != "" {
			bad = s.flawed(blockHeaderLen+int64(at), why)
			return nil
		}
		entries = append(entries, entry{s.offset + blockHeaderLen + int64(at), h.prompts, h.response, int64(h.group)})
		if visit == nil {
			return nil
		}
		return visit(&r)
	})
	if err != nil {
		return nil, err
	}
	if bad == nil {
		bad = s.flawed(blockHeaderLen, why)
	}
	if bad == nil {
		s.index.entries = entries
	}
	return bad, nil
}

// readFull fills b from offset. why is set when the file ends first.
func readFull(file fsys.File, b []byte, offset int64) (why string, err error) {
	n, err := file.ReadAt(b, offset)
	if n == len(b) {
		return "", nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return "the file ends early", nil
	}
	return "", err
}

// syncedLater reports whether a whole block header after the flaw says that more blocks had been synced than
// the scan could read. Then a block that was safe is damaged, which a crash alone does not do.
func (s *scanner) syncedLater() (bool, error) {
	buf := make([]byte, 1<<20)
	for at := s.offset; at < s.limit; at += int64(len(buf)) {
		n := int(min(int64(len(buf)), s.limit-at))
		if why, err := readFull(s.file, buf[:n], at); why != "" || err != nil {
			return false, err
		}
		for i := 0; i+blockHeaderLen <= n; i += alignment {
			if h, why := decodeBlock(buf[i:i+blockHeaderLen], s.layout.tag); why == "" && h.durable > s.seq {
				return true, nil
			}
		}
	}
	return false, nil
}
