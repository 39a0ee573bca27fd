package shard

import (
	"encoding/binary"
)

const (
	indexMagic   = "SIDX"
	sealMagic    = "SPARSEAL"
	indexHeadLen = 64
	entryLen     = 24
	trailerLen   = 64
)

// Places in the trailer.
const (
	atIndexOff = 8
	atIndexLen = 16
	atRecords  = 24
	atBlocks   = 32
	atPromptN  = 40 // ids in all prompts
	atRespN    = 48 // ids in all responses
	atIndexSum = 56
	atSumTrail = 60
)

// entry locates a record.
type entry struct {
	offset            int64
	prompts, response int
	group             int64
}

// blockEntry locates a block.
type blockEntry struct {
	offset int64
	first  int64
	count  int
}

// index is what the end of a sealed file says.
type index struct {
	entries []entry
	blocks  []blockEntry
}

// encode returns index and trailer for a file whose blocks end at offset.
func (x *index) encode(tag uint32, offset int64) []byte {
	le := binary.LittleEndian
	size := roundUp(indexHeadLen + entryLen*(len(x.entries)+len(x.blocks)))
	b := make([]byte, size+trailerLen)
	copy(b, indexMagic)
	le.PutUint32(b[4:], tag)
	at := indexHeadLen
	var prompts, responses int64
	for _, e := range x.entries {
		le.PutUint64(b[at:], uint64(e.offset))
		le.PutUint32(b[at+8:], uint32(e.prompts))
		le.PutUint32(b[at+12:], uint32(e.response))
		le.PutUint64(b[at+16:], uint64(e.group))
		at += entryLen
		prompts, responses = prompts+int64(e.prompts), responses+int64(e.response)
	}
	for _, k := range x.blocks {
		le.PutUint64(b[at:], uint64(k.offset))
		le.PutUint64(b[at+8:], uint64(k.first))
		le.PutUint64(b[at+16:], uint64(k.count))
		at += entryLen
	}
	t := b[size:]
	copy(t, sealMagic)
	le.PutUint64(t[atIndexOff:], uint64(offset))
	le.PutUint64(t[atIndexLen:], uint64(size))
	le.PutUint64(t[atRecords:], uint64(len(x.entries)))
	le.PutUint64(t[atBlocks:], uint64(len(x.blocks)))
	le.PutUint64(t[atPromptN:], uint64(prompts))
	le.PutUint64(t[atRespN:], uint64(responses))
	le.PutUint32(t[atIndexSum:], checksum(b[:size]))
	le.PutUint32(t[atSumTrail:], checksum(t[:atSumTrail]))
	return b
}

// trailer is the last 64 bytes of a sealed file.
type trailer struct {
	indexOffset, indexLen  int64
	records, blocks        int64
	promptIDs, responseIDs int64
	indexSum               uint32
}

// decodeTrailer reads the trailer of a file of size bytes.
func decodeTrailer(t []byte, name string, size int64) (trailer, error) {
	le := binary.LittleEndian
	at := size - trailerLen
	if string(t[:8]) != sealMagic {
		return trailer{}, damaged(name, at, "the file is not sealed, or its end is missing")
	}
	if checksum(t[:atSumTrail]) != le.Uint32(t[atSumTrail:]) {
		return trailer{}, damaged(name, at, "checksum of the trailer differs")
	}
	x := trailer{
		indexOffset: int64(le.Uint64(t[atIndexOff:])), indexLen: int64(le.Uint64(t[atIndexLen:])),
		records: int64(le.Uint64(t[atRecords:])), blocks: int64(le.Uint64(t[atBlocks:])),
		promptIDs: int64(le.Uint64(t[atPromptN:])), responseIDs: int64(le.Uint64(t[atRespN:])),
		indexSum: le.Uint32(t[atIndexSum:]),
	}
	most := size / entryLen // bounds the products below
	if x.records < 0 || x.records > most || x.blocks < 0 || x.blocks > x.records ||
		x.indexOffset < superblockLen || x.indexOffset > size || x.indexLen > size ||
		x.indexLen != int64(roundUp(int(indexHeadLen+entryLen*(x.records+x.blocks)))) ||
		x.indexOffset+x.indexLen != at {
		return trailer{}, damaged(name, at, "the trailer's sizes do not fit a file of %d bytes", size)
	}
	return x, nil
}

// decodeIndex reads the index b, whose trailer is t, and checks that blocks and records follow each
// other from the superblock to the index.
func decodeIndex(b []byte, name string, t trailer, tag uint32) (*index, error) {
	le := binary.LittleEndian
	if checksum(b) != t.indexSum {
		return nil, damaged(name, t.indexOffset, "checksum of the index differs")
	}
	if string(b[:4]) != indexMagic || le.Uint32(b[4:]) != tag {
		return nil, damaged(name, t.indexOffset, "the index belongs to another file")
	}
	x := &index{entries: make([]entry, t.records), blocks: make([]blockEntry, t.blocks)}
	at := indexHeadLen
	var prompts, responses int64
	for i := range x.entries {
		e := entry{int64(le.Uint64(b[at:])), int(le.Uint32(b[at+8:])), int(le.Uint32(b[at+12:])), int64(le.Uint64(b[at+16:]))}
		x.entries[i] = e
		prompts, responses = prompts+int64(e.prompts), responses+int64(e.response)
		at += entryLen
	}
	for i := range x.blocks {
		x.blocks[i] = blockEntry{int64(le.Uint64(b[at:])), int64(le.Uint64(b[at+8:])), int(le.Uint64(b[at+16:]))}
		at += entryLen
	}
	if prompts != t.promptIDs || responses != t.responseIDs {
		return nil, damaged(name, t.indexOffset, "the index counts %d + %d ids and the trailer %d + %d", prompts, responses, t.promptIDs, t.responseIDs)
	}
	return x, x.check(name, t)
}

// check holds the places of blocks and records against each other.
func (x *index) check(name string, t trailer) error {
	next, record := int64(superblockLen), int64(0)
	for i, k := range x.blocks {
		end := t.indexOffset
		if i+1 < len(x.blocks) {
			end = x.blocks[i+1].offset
		}
		if k.offset != next || end > t.indexOffset || end-k.offset < blockHeaderLen+alignment || end-k.offset > maxBlock+blockHeaderLen ||
			k.first != record || k.count < 1 || int64(k.count) > t.records-record {
			return damaged(name, t.indexOffset, "the index puts block %d at byte %d with records from %d, which does not follow", i, k.offset, k.first)
		}
		at := k.offset + blockHeaderLen + int64(tableLen(k.count))
		for j := range k.count {
			e := x.entries[record+int64(j)]
			if e.offset < at || e.offset%alignment != 0 || e.offset > end-recordHeaderLen {
				return damaged(name, t.indexOffset, "the index puts record %d at byte %d, outside its block", record+int64(j), e.offset)
			}
			at = e.offset + recordHeaderLen
		}
		next, record = end, record+int64(k.count)
	}
	if next != t.indexOffset || record != t.records {
		return damaged(name, t.indexOffset, "the index covers %d records up to byte %d, the file has %d up to %d", record, next, t.records, t.indexOffset)
	}
	return nil
}
