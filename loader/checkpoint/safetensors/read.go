// Package safetensors reads and writes safetensors files: a length, a JSON header, and the bytes
// of the tensors. FORMAT.md in the folder above states the rules; whatever breaks one is refused
// with a fault.Input error before anything of a size named by the file is allocated.
//
// Use: Open a file, look at Tensors, and read bytes with Section. A File never changes after Open
// and may be shared by goroutines. Write makes a file.
package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"spar/internal/checked"
	"spar/internal/fault"
	"spar/internal/strictjson"
	"spar/loader/checkpoint/dtype"
)

// Limits of what is accepted.
const (
	MaxHeaderBytes = 32 << 20
	MaxTensors     = 200_000
	MaxNameBytes   = 1024
	MaxRank        = 8
	maxMetadata    = 1 << 20 // bytes of one metadata value
)

// Tensor is one entry of the header.
type Tensor struct {
	Name  string
	DType dtype.Type
	Shape []int
	Begin int64 // first byte, counted from the start of the file
	Bytes int64
}

// File is an open safetensors file.
type File struct {
	Tensors  []Tensor // in order of their bytes
	Metadata map[string]string

	r    io.ReaderAt
	name string
}

// Open checks the header of a file of the given size and everything it says about the body. The
// weights are not read. name is used in errors.
func Open(r io.ReaderAt, size int64, name string) (*File, error) {
	if size < 8 {
		return nil, fault.Inputf("%s: the file has %d bytes, less than the 8 of a safetensors length; it is cut short or not safetensors", name, size)
	}
	var length [8]byte
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, fault.Inputf("%s: the header length cannot be read: %w; check the disk", name, err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	switch {
	case n < 2:
		return nil, fault.Inputf("%s: bytes 0-7: a header of %d bytes cannot be JSON; the file is not safetensors", name, n)
	case n > MaxHeaderBytes:
		return nil, fault.Inputf("%s: bytes 0-7: a header of %d bytes is over the limit of %d; the file is not safetensors or is damaged", name, n, MaxHeaderBytes)
	case n > uint64(size-8):
		return nil, fault.Inputf("%s: bytes 0-7: the header is said to have %d bytes but %d are left; download the file again", name, n, size-8)
	}
	header := make([]byte, n)
	if _, err := r.ReadAt(header, 8); err != nil {
		return nil, fault.Inputf("%s: the header cannot be read: %w; check the disk", name, err)
	}
	f := &File{r: r, name: name}
	if err := f.parseHeader(header); err != nil {
		return nil, err
	}
	return f, f.place(8+int64(n), size)
}

// Section is a reader of a tensor's bytes.
func (f *File) Section(t Tensor) *io.SectionReader {
	return io.NewSectionReader(f.r, t.Begin, t.Bytes)
}

func (f *File) parseHeader(header []byte) error {
	if header[0] != '{' {
		return fault.Inputf("%s: byte 8: the header starts with %q instead of '{'; the file is not safetensors", f.name, header[0])
	}
	header = bytes.TrimRight(header, " ")
	if header[len(header)-1] != '}' {
		return fault.Inputf("%s: byte %d: the header ends with %q; it must end with '}' and spaces", f.name, 7+len(header), header[len(header)-1])
	}
	r, err := strictjson.NewReader(header, f.name+": header", 8)
	if err != nil {
		return err
	}
	err = r.Object(func(key string) error {
		if key == "__metadata__" {
			return f.parseMetadata(r)
		}
		if len(f.Tensors) == MaxTensors {
			return r.Errorf("there are more than %d tensors; split the file", MaxTensors)
		}
		if len(key) == 0 || len(key) > MaxNameBytes {
			return r.Errorf("a tensor name of %d bytes is not allowed; names have 1 to %d", len(key), MaxNameBytes)
		}
		t, err := parseEntry(r, key)
		f.Tensors = append(f.Tensors, t)
		return err
	})
	if err != nil {
		return err
	}
	return r.End()
}

func (f *File) parseMetadata(r *strictjson.Reader) error {
	f.Metadata = map[string]string{}
	return r.Object(func(key string) error {
		value, err := r.String()
		if err != nil {
			return err
		}
		if len(key) > maxMetadata || len(value) > maxMetadata {
			return r.Errorf("a metadata entry has more than %d bytes; remove it", maxMetadata)
		}
		f.Metadata[key] = value
		return nil
	})
}

// parseEntry reads {"dtype":..., "shape":[...], "data_offsets":[begin,end]} and checks the span
// against shape and dtype. Begin is still relative to the body.
func parseEntry(r *strictjson.Reader, name string) (t Tensor, err error) {
	t.Name = name
	start := r.At()
	var shape, offsets []uint64
	seen := 0
	err = r.Object(func(key string) error {
		seen++
		switch key {
		case "dtype":
			t.DType, err = parseType(r, name)
		case "shape":
			shape, err = parseUints(r, name, "shape", MaxRank)
		case "data_offsets":
			offsets, err = parseUints(r, name, "data_offsets", 2)
		default:
			return r.Errorf("tensor %s has the field %s; only dtype, shape and data_offsets are known", strictjson.Quote(name), strictjson.Quote(key))
		}
		return err
	})
	if err != nil {
		return t, err
	}
	if seen != 3 || len(offsets) != 2 {
		return t, r.ErrorAt(start, "tensor %s needs dtype, shape and two data_offsets; write the file again", strictjson.Quote(name))
	}
	if offsets[0] > offsets[1] || offsets[1] > 1<<62 {
		return t, r.ErrorAt(start, "tensor %s has data_offsets %v, which are not a range; write the file again", strictjson.Quote(name), offsets)
	}
	span, ok := spanBytes(shape, t.DType)
	if !ok || span != offsets[1]-offsets[0] {
		return t, r.ErrorAt(start, "tensor %s of dtype %s and shape %v does not take the %d bytes of its data_offsets; write the file again",
			strictjson.Quote(name), t.DType, shape, offsets[1]-offsets[0])
	}
	t.Begin, t.Bytes = int64(offsets[0]), int64(span)
	for _, n := range shape {
		t.Shape = append(t.Shape, int(n))
	}
	return t, nil
}

// spanBytes is the bytes of a tensor. Every dimension must fit an int, whatever the product.
func spanBytes(shape []uint64, d dtype.Type) (uint64, bool) {
	for _, n := range shape {
		if _, ok := checked.Int(n); !ok {
			return 0, false
		}
	}
	elements, ok := checked.Product(shape)
	if !ok {
		return 0, false
	}
	return checked.Mul(elements, uint64(d.Size()))
}

func parseType(r *strictjson.Reader, name string) (dtype.Type, error) {
	text, err := r.String()
	if err != nil {
		return "", err
	}
	t := dtype.Type(text)
	if t.Size() == 0 {
		return "", r.Errorf("tensor %s has dtype %s; supported are %s", strictjson.Quote(name), strictjson.Quote(text), dtype.Supported)
	}
	return t, nil
}

func parseUints(r *strictjson.Reader, name, key string, most int) (list []uint64, err error) {
	err = r.Array(func(i int) error {
		if i == most {
			return r.Errorf("tensor %s has more than %d numbers in %s; write the file again", strictjson.Quote(name), most, key)
		}
		n, err := r.Uint()
		list = append(list, n)
		return err
	})
	return list, err
}

// place checks that the tensors cover the body exactly, and turns offsets into file positions. A
// tensor without elements owns no bytes: its empty range may stand anywhere in the body.
func (f *File) place(start, size int64) error {
	slices.SortStableFunc(f.Tensors, func(a, b Tensor) int {
		if a.Begin != b.Begin {
			return cmp.Compare(a.Begin, b.Begin)
		}
		return cmp.Compare(a.Bytes, b.Bytes)
	})
	body, covered, last := size-start, int64(0), "the header"
	for i := range f.Tensors {
		t := &f.Tensors[i]
		switch end := t.Begin + t.Bytes; {
		case end > body:
			return fault.Inputf("%s: tensor %s ends at byte %d of a body of %d; the file is cut short, download it again", f.name, strictjson.Quote(t.Name), end, body)
		case t.Bytes == 0:
		case t.Begin < covered:
			return fault.Inputf("%s: tensor %s starts at byte %d inside %s; write the file again", f.name, strictjson.Quote(t.Name), t.Begin, last)
		case t.Begin > covered:
			return fault.Inputf("%s: bytes %d to %d of the body belong to no tensor, before %s; write the file again", f.name, covered, t.Begin, strictjson.Quote(t.Name))
		default:
			covered, last = end, fmt.Sprintf("tensor %s", strictjson.Quote(t.Name))
		}
		t.Begin += start
	}
	if covered != body {
		return fault.Inputf("%s: the last %d bytes of the file belong to no tensor; remove them or write the file again", f.name, body-covered)
	}
	return nil
}
