package shard

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

func updateSum(sum uint32, b []byte) uint32 { return crc32.Update(sum, castagnoli, b) }

// recordHead is the part of a record that an index repeats.
type recordHead struct {
	length            int
	prompts, response int
	group, sample     int
}

// readHead reads the fixed part at the start of b and checks that the record fits into b. why is "" when it does.
func readHead(b []byte, width int) (h recordHead, c columns, why string) {
	le := binary.LittleEndian
	if len(b) < recordHeaderLen {
		return h, c, "a record is cut off"
	}
	h = recordHead{length: int(le.Uint32(b[atLength:])), prompts: int(le.Uint32(b[atPrompts:])), response: int(le.Uint32(b[atResponse:])),
		group: int(int64(le.Uint64(b[atGroup:]))), sample: int(int32(le.Uint32(b[atSample:])))}
	flags, meta := int(le.Uint32(b[atFlags:])), int(le.Uint32(b[atMetaLen:]))
	if h.prompts > maxIDs || h.response > maxIDs || meta > maxMeta || flags&^knownFlags != 0 {
		return h, c, "a record has impossible counts or unknown columns"
	}
	c = place(h.prompts, h.response, flags, meta, width)
	if c.end != h.length || c.end > len(b) {
		return h, c, "a record of " + itoa(h.length) + " bytes should have " + itoa(c.end)
	}
	return h, c, ""
}

// decode fills r from the record at the start of b, reusing r's slices. why is "" when all is well.
func (r *Record) decode(b []byte, l layoutOf) (why string) {
	le := binary.LittleEndian
	head, c, why := readHead(b, l.width)
	if why != "" {
		return why
	}
	b = b[:c.end]
	if got, want := recordSum(b), le.Uint32(b[atSumRec:]); got != want {
		return "checksum of the record differs"
	}
	flags := int(le.Uint32(b[atFlags:]))
	r.Group, r.Sample = head.group, head.sample
	r.Reward = math.Float32frombits(le.Uint32(b[atReward:]))
	r.Finish, r.Verdict = b[atFinish], b[atVerdict]
	r.Prompt = getIDs(r.Prompt, b[c.prompt:], head.prompts, l.width)
	r.Response = getIDs(r.Response, b[c.response:], head.response, l.width)
	r.Logp = getFloats(r.Logp, b[c.logp:], head.response, flags&hasLogp != 0)
	r.RefLogp = getFloats(r.RefLogp, b[c.ref:], head.response, flags&hasRef != 0)
	r.Mask = getMask(r.Mask, b[c.mask:], head.response, flags&hasMask != 0)
	r.Meta = resize(r.Meta, int(le.Uint32(b[atMetaLen:])))
	copy(r.Meta, b[c.meta:])
	return r.meaning(l.vocab)
}

// resize returns a slice of n elements, s's array when it is large enough, and never nil.
func resize[T any](s []T, n int) []T {
	if s == nil || cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func getIDs(dst []int32, b []byte, n, width int) []int32 {
	dst = resize(dst, n)
	if width == 2 {
		b = b[:2*n]
		for i := range dst {
			dst[i] = int32(binary.LittleEndian.Uint16(b[2*i:]))
		}
		return dst
	}
	b = b[:4*n]
	for i := range dst {
		dst[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return dst
}

func getFloats(dst []float32, b []byte, n int, has bool) []float32 {
	if !has {
		return nil
	}
	dst = resize(dst, n)
	b = b[:4*n]
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return dst
}

func getMask(dst []byte, b []byte, n int, has bool) []byte {
	if !has {
		return nil
	}
	dst = resize(dst, n)
	for i := range dst {
		dst[i] = b[i/8] >> (i % 8) & 1
	}
	return dst
}
