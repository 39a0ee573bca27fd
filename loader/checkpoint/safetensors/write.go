package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"spar/internal/fault"
	"spar/loader/checkpoint/dtype"
)

// Entry is a tensor to be written.
type Entry struct {
	Name  string
	Shape []int
}

// Elements is the number of elements of the entry.
func (e Entry) Elements() int {
	n := 1
	for _, d := range e.Shape {
		n *= d
	}
	return n
}

// Write writes a file of tensors of one dtype in the order given, the body 8-byte aligned. values
// returns the elements of a tensor; it is called once each, in order. The same input gives the
// same bytes. It is an error when a finite value does not fit the dtype.
func Write(w io.Writer, t dtype.Type, entries []Entry, values func(name string) ([]float32, error)) error {
	if err := writeHeader(w, t, entries); err != nil {
		return err
	}
	buf := make([]byte, 0, 1<<20)
	for _, e := range entries {
		v, err := values(e.Name)
		if err != nil {
			return err
		}
		if len(v) != e.Elements() {
			return fmt.Errorf("tensor %s: %d values given for shape %v", e.Name, len(v), e.Shape)
		}
		if err := writeValues(w, t, buf, e.Name, v); err != nil {
			return err
		}
	}
	return nil
}

func writeHeader(w io.Writer, t dtype.Type, entries []Entry) error {
	var h bytes.Buffer
	h.WriteString(`{"__metadata__":{"format":"pt"}`)
	offset := 0
	for _, e := range entries {
		name, err := json.Marshal(e.Name)
		if err != nil {
			return err
		}
		shape, err := json.Marshal(append([]int{}, e.Shape...))
		if err != nil {
			return err
		}
		end := offset + e.Elements()*t.Size()
		fmt.Fprintf(&h, `,%s:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, name, t, shape, offset, end)
		offset = end
	}
	h.WriteByte('}')
	for h.Len()%8 != 0 {
		h.WriteByte(' ')
	}
	if h.Len() > MaxHeaderBytes {
		return fault.Inputf("the safetensors header would have %d bytes, over the limit of %d; write smaller shards", h.Len(), MaxHeaderBytes)
	}
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(h.Len()))
	if _, err := w.Write(length[:]); err != nil {
		return err
	}
	_, err := w.Write(h.Bytes())
	return err
}

func writeValues(w io.Writer, t dtype.Type, buf []byte, name string, v []float32) error {
	step := cap(buf) / t.Size()
	for first := 0; first < len(v); first += step {
		part := v[first:min(first+step, len(v))]
		out := buf[:len(part)*t.Size()]
		if i := t.Encode(out, part); i >= 0 {
			return fault.Inputf("tensor %s: element %d is %g, which does not fit %s; write BF16 or F32", name, first+i, part[i], t)
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
	}
	return nil
}
