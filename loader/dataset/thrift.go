package dataset

import "encoding/binary"

// thriftWalk passes over a value in Thrift's compact protocol and checks that every length and count
// fits the bytes that are there, without allocating anything.
type thriftWalk struct {
	b   []byte
	at  int
	why string // the first thing that is wrong
}

const (
	maxThriftDepth = 24
	maxThriftItems = 1 << 20
)

// Types of the compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

func (w *thriftWalk) bad(why string) bool {
	if w.why == "" {
		w.why = why
	}
	return false
}

func (w *thriftWalk) uvarint() (uint64, bool) {
	v, n := binary.Uvarint(w.b[w.at:])
	if n <= 0 {
		return 0, w.bad("a number is cut off")
	}
	w.at += n
	return v, true
}

func (w *thriftWalk) skip(n uint64) bool {
	if n > uint64(len(w.b)-w.at) {
		return w.bad("a length goes past the end")
	}
	w.at += int(n)
	return true
}

// structure walks the fields of a struct at a depth.
func (w *thriftWalk) structure(depth int) bool {
	if depth >= maxThriftDepth {
		return w.bad("structures are nested too deep")
	}
	for {
		if !w.skip(1) {
			return false
		}
		head := w.b[w.at-1]
		if head == 0 {
			return true
		}
		if head>>4 == 0 { // the field's number follows in full
			if _, ok := w.uvarint(); !ok {
				return false
			}
		}
		kind := head & 15
		if kind == thriftTrue || kind == thriftFalse {
			continue // the value is in the type
		}
		if !w.value(kind, depth) {
			return false
		}
	}
}

func (w *thriftWalk) value(kind byte, depth int) bool {
	switch {
	case kind <= thriftByte && kind > 0:
		return w.skip(1)
	case kind <= thriftI64 && kind > 0:
		_, ok := w.uvarint()
		return ok
	}
	switch kind {
	case thriftDouble:
		return w.skip(8)
	case thriftBinary:
		n, ok := w.uvarint()
		return ok && w.skip(n)
	case thriftList, thriftSet:
		return w.list(depth)
	case thriftStruct:
		return w.structure(depth + 1)
	}
	return w.bad("a field has an unknown type") // maps too: Parquet has none
}

func (w *thriftWalk) list(depth int) bool {
	if !w.skip(1) {
		return false
	}
	head := w.b[w.at-1]
	n, kind := uint64(head>>4), head&15
	if n == 15 {
		var ok bool
		if n, ok = w.uvarint(); !ok {
			return false
		}
	}
	if n > maxThriftItems || n > uint64(len(w.b)-w.at) {
		return w.bad("a list claims more items than there can be")
	}
	for range n {
		if !w.value(kind, depth) {
			return false
		}
	}
	return true
}

// checkFooter walks a file's metadata: "" when its lengths fit.
func checkFooter(b []byte) string {
	w := thriftWalk{b: b}
	w.structure(0)
	return w.why
}
