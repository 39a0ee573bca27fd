package shard

import (
	"encoding/binary"
	"math"
	"strconv"

	"spar/internal/fault"
)

const (
	recordHeaderLen = 64
	maxIDs          = 1 << 24
	maxMeta         = 16 << 20
	maxRecord       = 64 << 20
)

// Places in a record's header.
const (
	atLength   = 0 // u32, a multiple of 64
	atPrompts  = 4
	atResponse = 8
	atFlags    = 12
	atGroup    = 16 // i64
	atSample   = 24 // i32
	atReward   = 28 // f32
	atFinish   = 32
	atVerdict  = 33
	atMetaLen  = 36
	atSumRec   = 60
)

// Flags of a record: which columns it has.
const (
	hasLogp    = 1
	hasRef     = 2
	hasMask    = 4
	knownFlags = hasLogp | hasRef | hasMask
)

// columns are the offsets of a record's columns from its start, and its end.
type columns struct{ logp, ref, prompt, response, mask, meta, end int }

// place lays a record out: log-probs on 64 bytes for vector loads, ids on 4, metadata on 8. The counts
// are at most maxIDs and maxMeta, so no sum overflows.
func place(prompts, responses, flags, meta, width int) columns {
	var c columns
	at := recordHeaderLen
	floats := func(flag int) int {
		start := roundUp(at)
		if flags&flag != 0 {
			at = start + 4*responses
		}
		return start
	}
	c.logp = floats(hasLogp)
	c.ref = floats(hasRef)
	c.prompt = at
	c.response = (c.prompt + width*prompts + 3) &^ 3
	c.mask = (c.response + width*responses + 3) &^ 3
	c.meta = c.mask
	if flags&hasMask != 0 {
		c.meta += (responses + 7) / 8
	}
	c.meta = (c.meta + 7) &^ 7
	c.end = roundUp(c.meta + meta)
	return c
}

func (r *Record) flags() int {
	flags := 0
	if r.Logp != nil {
		flags |= hasLogp
	}
	if r.RefLogp != nil {
		flags |= hasRef
	}
	if r.Mask != nil {
		flags |= hasMask
	}
	return flags
}

// check says what is wrong with a record that is to be written.
func (r *Record) check(l layoutOf) error {
	bad := func(format string, args ...any) error {
		return fault.Inputf("record (group %d, sample %d): "+format, append([]any{r.Group, r.Sample}, args...)...)
	}
	if len(r.Prompt) > maxIDs || len(r.Response) > maxIDs || len(r.Meta) > maxMeta {
		return bad("%d prompt ids, %d response ids and %d bytes of metadata: at most %d, %d and %d fit",
			len(r.Prompt), len(r.Response), len(r.Meta), maxIDs, maxIDs, maxMeta)
	}
	if r.Sample < math.MinInt32 || r.Sample > math.MaxInt32 {
		return bad("the sample number does not fit 32 bits")
	}
	for what, n := range map[string]int{"log-probs": optional(r.Logp, r.Response), "reference log-probs": optional(r.RefLogp, r.Response),
		"mask entries": optional(r.Mask, r.Response)} {
		if n != len(r.Response) {
			return bad("%d %s for %d response ids", n, what, len(r.Response))
		}
	}
	if size := place(len(r.Prompt), len(r.Response), r.flags(), len(r.Meta), l.width).end; size > maxRecord {
		return bad("%d bytes: at most %d fit", size, maxRecord)
	}
	if why := r.meaning(l.vocab); why != "" {
		return bad("%s", why)
	}
	return nil
}

// optional is the length of a column, or that of the response when the column is absent.
func optional[T any](column []T, response []int32) int {
	if column == nil {
		return len(response)
	}
	return len(column)
}

// meaning checks values, whoever wrote them: "" when all are possible.
func (r *Record) meaning(vocab int) string {
	for _, ids := range [][]int32{r.Prompt, r.Response} {
		for _, id := range ids {
			if uint32(id) >= uint32(vocab) {
				return "id " + itoa(int(id)) + " is outside the vocabulary of " + itoa(vocab)
			}
		}
	}
	for _, logp := range [][]float32{r.Logp, r.RefLogp} {
		for i, v := range logp {
			// Written so that NaN fails.
			if !(v <= 0 && v >= -math.MaxFloat32) {
				return "log-prob " + formatFloat(v) + " of response token " + itoa(i) + " is not a finite number of at most 0"
			}
		}
	}
	for _, m := range r.Mask {
		if m > 1 {
			return "mask entry " + itoa(int(m)) + ": want 0 or 1"
		}
	}
	if math.Float32bits(r.Reward)>>23&0xff == 0xff {
		return "the reward is not finite"
	}
	if int(r.Finish) >= len(finishNames) || int(r.Verdict) >= len(verdictNames) {
		return "finish reason " + itoa(int(r.Finish)) + " or verdict " + itoa(int(r.Verdict)) + " is unknown"
	}
	return ""
}

// appendTo appends the record's bytes; r passed check.
func (r *Record) appendTo(dst []byte, l layoutOf) []byte {
	le := binary.LittleEndian
	c := place(len(r.Prompt), len(r.Response), r.flags(), len(r.Meta), l.width)
	start := len(dst)
	dst = append(dst, make([]byte, c.end)...)
	b := dst[start:]
	le.PutUint32(b[atLength:], uint32(c.end))
	le.PutUint32(b[atPrompts:], uint32(len(r.Prompt)))
	le.PutUint32(b[atResponse:], uint32(len(r.Response)))
	le.PutUint32(b[atFlags:], uint32(r.flags()))
	le.PutUint64(b[atGroup:], uint64(r.Group))
	le.PutUint32(b[atSample:], uint32(r.Sample))
	le.PutUint32(b[atReward:], math.Float32bits(r.Reward))
	b[atFinish], b[atVerdict] = r.Finish, r.Verdict
	le.PutUint32(b[atMetaLen:], uint32(len(r.Meta)))
	putFloats(b[c.logp:], r.Logp)
	putFloats(b[c.ref:], r.RefLogp)
	putIDs(b[c.prompt:], r.Prompt, l.width)
	putIDs(b[c.response:], r.Response, l.width)
	for i, m := range r.Mask {
		b[c.mask+i/8] |= m << (i % 8)
	}
	copy(b[c.meta:], r.Meta)
	le.PutUint32(b[atSumRec:], recordSum(b))
	return dst
}

// recordSum is the checksum of a whole record but for the place that holds it.
func recordSum(b []byte) uint32 {
	return updateSum(checksum(b[:atSumRec]), b[recordHeaderLen:])
}

func putFloats(b []byte, v []float32) {
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
	}
}

func putIDs(b []byte, ids []int32, width int) {
	for i, id := range ids {
		if width == 2 {
			binary.LittleEndian.PutUint16(b[2*i:], uint16(id))
		} else {
			binary.LittleEndian.PutUint32(b[4*i:], uint32(id))
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

func formatFloat(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }
