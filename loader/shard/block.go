package shard

import (
	"encoding/binary"
)

const (
	blockMagic     = "SBLK"
	blockHeaderLen = 64
	blockTarget    = 1 << 20 // a block is written when its records reach this
	maxTarget      = 32 << 20
	maxBlock       = 128 << 20 // more than the greatest target, record and table together
)

// Places in a block's header.
const (
	atTag     = 4  // u32, the superblock's checksum
	atSeq     = 8  // u64, from 0
	atFirst   = 16 // u64, number of the first record
	atCount   = 24 // u32, records
	atPayload = 28 // u32, bytes after the header, a multiple of 64
	atDurable = 32 // u64, blocks that were synced before this one was written
	atSumPay  = 56
	atSumBlk  = 60
)

// blockHead is a block's header.
type blockHead struct {
	seq, first, durable int64
	count, payload      int
	sum                 uint32 // of the payload
}

func (h blockHead) encode(tag uint32) []byte {
	b := make([]byte, blockHeaderLen)
	le := binary.LittleEndian
	copy(b, blockMagic)
	le.PutUint32(b[atTag:], tag)
	le.PutUint64(b[atSeq:], uint64(h.seq))
	le.PutUint64(b[atFirst:], uint64(h.first))
	le.PutUint32(b[atCount:], uint32(h.count))
	le.PutUint32(b[atPayload:], uint32(h.payload))
	le.PutUint64(b[atDurable:], uint64(h.durable))
	le.PutUint32(b[atSumPay:], h.sum)
	le.PutUint32(b[atSumBlk:], checksum(b[:atSumBlk]))
	return b
}

// decodeBlock reads a block's header from b, which has blockHeaderLen bytes. why is "" when it is sound.
func decodeBlock(b []byte, tag uint32) (h blockHead, why string) {
	le := binary.LittleEndian
	if string(b[:4]) != blockMagic {
		return h, "no block starts here"
	}
	if checksum(b[:atSumBlk]) != le.Uint32(b[atSumBlk:]) {
		return h, "checksum of the block header differs"
	}
	if le.Uint32(b[atTag:]) != tag {
		return h, "the block belongs to another file"
	}
	h = blockHead{
		seq: int64(le.Uint64(b[atSeq:])), first: int64(le.Uint64(b[atFirst:])), durable: int64(le.Uint64(b[atDurable:])),
		count: int(le.Uint32(b[atCount:])), payload: int(le.Uint32(b[atPayload:])), sum: le.Uint32(b[atSumPay:]),
	}
	if h.payload > maxBlock || h.payload%alignment != 0 || h.count < 1 || tableLen(h.count) > h.payload {
		return h, "the block has impossible sizes"
	}
	return h, ""
}

// tableLen is the room of a block's table of record offsets. The count is below 2^32, so it fits an int.
func tableLen(count int) int { return roundUp(4 * count) }

// blockBuilder gathers records into a block.
type blockBuilder struct {
	offsets []uint32 // of records, from the end of the table
	records []byte
}

func (b *blockBuilder) add(r *Record, l layoutOf) {
	b.offsets = append(b.offsets, uint32(len(b.records)))
	b.records = r.appendTo(b.records, l)
}

// payload returns table and records as they follow the block header.
func (b *blockBuilder) payload() []byte {
	table := tableLen(len(b.offsets))
	out := make([]byte, table, table+len(b.records))
	for i, offset := range b.offsets {
		binary.LittleEndian.PutUint32(out[4*i:], uint32(table)+offset)
	}
	return append(out, b.records...)
}

func (b *blockBuilder) reset() { b.offsets, b.records = b.offsets[:0], b.records[:0] }

// eachRecord calls visit with the place in the payload of each record of a block whose checksum holds, after
// checking that table and records cover the payload without gap.
func eachRecord(payload []byte, count int, l layoutOf, visit func(at int, h recordHead) error) (why string, err error) {
	next := tableLen(count)
	for i := range count {
		at := int(binary.LittleEndian.Uint32(payload[4*i:]))
		if at != next {
			return "the block's table says that record " + itoa(i) + " is at " + itoa(at) + ", not " + itoa(next), nil
		}
		head, _, why := readHead(payload[at:], l.width)
		if why != "" {
			return why, nil
		}
		if err := visit(at, head); err != nil {
			return "", err
		}
		next += head.length
	}
	if next != len(payload) {
		return "the block's records end at " + itoa(next) + " of " + itoa(len(payload)), nil
	}
	return "", nil
}
