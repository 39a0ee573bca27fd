package policy

import (
	"unsafe"

	"spar/loader/pack"
	"spar/native"
)

// The data path must not import the engine, so the segment struct exists on both sides. This line
// does not compile when their fields differ.
var _ = pack.Segment(native.Segment{})

// segmentsOf is the batch's segment array in pack's type: the same memory.
func segmentsOf(b *native.Batch) []pack.Segment {
	return unsafe.Slice((*pack.Segment)(unsafe.SliceData(b.Segment)), len(b.Segment))
}
