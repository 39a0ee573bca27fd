// Package gguf reads GGUF files, versions 2 and 3, little-endian: metadata, the tensor table, and
// tensors dequantised to float32 with the bits that ggml gives. FORMAT.md in the folder above
// states the rules; whatever breaks one is refused with a fault.Input error that says file and
// byte, before anything of a size named by the file is allocated.
//
// Use: Open a file, ask for metadata with String, Uint and so on, look at Tensors, and Read one.
// A File never changes after Open and may be shared by goroutines.
package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf8"

	"spar/internal/checked"
	"spar/internal/fault"
	"spar/internal/strictjson"
)

// Limits of what is accepted.
const (
	MaxKeys         = 65_536
	MaxKeyBytes     = 65_535
	MaxTensors      = 200_000
	MaxNameBytes    = 1024
	MaxStringBytes  = 16 << 20
	MaxArrayLength  = 64 << 20
	MaxDims         = 4
	MaxAlignment    = 64 << 10
	minKeyBytes     = 8 + 4 + 1         // length, type, value
	minTensorBytes  = 8 + 4 + 8 + 4 + 8 // name length, dims, one dim, type, offset
	defaultAlign    = 32
	alignmentKey    = "general.alignment"
	splitCountKey   = "split.count"
	architectureKey = "general.architecture"
)

// Tensor is one entry of the tensor table.
type Tensor struct {
	Name  string
	Type  Type
	Shape []int // row-major, the slowest dimension first: the reverse of the file's order
	Begin int64 // first byte, counted from the start of the file
	Bytes int64
}

// Elements is the number of elements.
func (t Tensor) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// File is an open GGUF file.
type File struct {
	Version int
	Keys    []string // in file order
	Tensors []Tensor // in file order

	values map[string]Value
	r      io.ReaderAt
	name   string
}

// Open checks the metadata and the tensor table of a file of the given size. The weights are not
// read. name is used in errors.
func Open(r io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{values: map[string]Value{}, r: r, name: name}
	c := &cursor{name: name, size: size, in: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<16)}
	tensors, keys := f.preamble(c)
	for i := uint64(0); i < keys && c.err == nil; i++ {
		f.readKey(c)
	}
	alignment := f.alignment(c)
	if c.err == nil && f.values[splitCountKey].bits > 1 {
		c.fail(0, "the model is split into %d files; join them first with gguf-split --merge", f.values[splitCountKey].bits)
	}
	seen := map[string]struct{}{}
	for i := uint64(0); i < tensors && c.err == nil; i++ {
		f.readTensor(c, seen)
	}
	f.place(c, alignment)
	if c.err != nil {
		return nil, c.err
	}
	return f, nil
}

// preamble reads magic, version and counts, and compares the counts with the size of the file.
func (f *File) preamble(c *cursor) (tensors, keys uint64) {
	if magic := c.bytes(4); c.err == nil && string(magic) != "GGUF" {
		c.fail(0, "the file starts with %q instead of \"GGUF\"; it is not a GGUF file", magic)
	}
	version := c.u32()
	switch {
	case c.err != nil:
		return 0, 0
	case version&0xffff == 0 && version != 0:
		c.fail(4, "the file is big-endian; convert it to little-endian")
	case version != 2 && version != 3:
		c.fail(4, "GGUF version %d is not supported; supported are 2 and 3", version)
	}
	f.Version = int(version)
	tensors, keys = c.u64(), c.u64()
	if c.err != nil {
		return 0, 0
	}
	left := uint64(c.size - c.pos)
	switch {
	case keys > MaxKeys || keys > left/minKeyBytes:
		c.fail(16, "%d metadata keys are more than the file can hold or the limit of %d; the file is damaged", keys, MaxKeys)
	case tensors > MaxTensors || tensors > left/minTensorBytes:
		c.fail(8, "%d tensors are more than the file can hold or the limit of %d; the file is damaged", tensors, MaxTensors)
	}
	return tensors, keys
}

func (f *File) readKey(c *cursor) {
	at := c.pos
	key := c.string("a metadata key", MaxKeyBytes)
	if c.err == nil && !printable(key) {
		c.fail(at, "the metadata key %s is empty or holds bytes that are not text; the file is damaged", strictjson.Quote(key))
	}
	if _, twice := f.values[key]; twice && c.err == nil {
		c.fail(at, "the metadata key %s comes twice; write the file again", strictjson.Quote(key))
	}
	v := c.value(key)
	if c.err == nil {
		v.at = at
		f.Keys = append(f.Keys, key)
		f.values[key] = v
	}
}

func (f *File) alignment(c *cursor) uint64 {
	v, given := f.values[alignmentKey]
	if !given || c.err != nil {
		return defaultAlign
	}
	if v.Kind != Uint32 || v.bits == 0 || v.bits&(v.bits-1) != 0 || v.bits > MaxAlignment {
		c.fail(v.at, "%s is %s; it must be a UINT32, a power of two up to %d", alignmentKey, v, MaxAlignment)
	}
	return v.bits
}

// readTensor reads one entry; Begin is still relative to the data section.
func (f *File) readTensor(c *cursor, seen map[string]struct{}) {
	at := c.pos
	t := Tensor{Name: c.string("a tensor name", MaxNameBytes)}
	quoted := strictjson.Quote(t.Name)
	if _, twice := seen[t.Name]; c.err == nil && (twice || !printable(t.Name)) {
		c.fail(at, "the tensor name %s comes twice, is empty or is not text; write the file again", quoted)
	}
	seen[t.Name] = struct{}{}
	n := c.u32()
	if c.err == nil && (n < 1 || n > MaxDims) {
		c.fail(at, "tensor %s has %d dimensions; allowed are 1 to %d", quoted, n, MaxDims)
	}
	if c.err != nil {
		return
	}
	dims := make([]uint64, n)
	for i := range dims {
		dims[i] = c.u64()
	}
	t.Type = Type(c.u32())
	offset := c.u64()
	if c.err != nil {
		return
	}
	bytes, problem := tensorBytes(dims, t.Type)
	if problem != "" {
		c.fail(at, "tensor %s with dimensions %v: %s", quoted, dims, problem)
		return
	}
	if offset > 1<<62 || bytes > 1<<62 {
		c.fail(at, "tensor %s has offset %d and %d bytes, past the end of any file; the file is damaged", quoted, offset, bytes)
		return
	}
	t.Begin, t.Bytes = int64(offset), int64(bytes)
	for i := range dims {
		t.Shape = append(t.Shape, int(dims[len(dims)-1-i]))
	}
	f.Tensors = append(f.Tensors, t)
}

// tensorBytes is the size of a tensor, or what is wrong with it.
func tensorBytes(dims []uint64, t Type) (bytes uint64, problem string) {
	k, ok := kinds[t]
	if !ok {
		return 0, fmt.Sprintf("type %d%s is not supported; supported are %s", t, unreadName(t), SupportedTypes)
	}
	for _, d := range dims {
		if d == 0 {
			return 0, "a dimension is 0; write the file again"
		}
	}
	elements, ok := checked.Product(dims)
	if _, fits := checked.Int(elements); !ok || !fits {
		return 0, "the number of elements does not fit 63 bits; the file is damaged"
	}
	if dims[0]%uint64(k.block) != 0 {
		return 0, fmt.Sprintf("rows of %d elements are not whole blocks of %d (%s); write the file again", dims[0], k.block, k.name)
	}
	bytes, ok = checked.Mul(elements/uint64(k.block), uint64(k.bytes))
	if !ok {
		return 0, "the number of bytes does not fit 64 bits; the file is damaged"
	}
	return bytes, ""
}

// place checks that the tensors follow one another from the start of the data section, each at the
// next multiple of the alignment, and that the file ends with the last one or its padding.
func (f *File) place(c *cursor, alignment uint64) {
	if c.err != nil {
		return
	}
	start, ok := checked.RoundUp(uint64(c.pos), alignment)
	expected, end := uint64(0), start
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if !ok || uint64(t.Begin) != expected {
			c.fail(c.pos, "tensor %s has offset %d where %d is expected; write the file again", strictjson.Quote(t.Name), t.Begin, expected)
			return
		}
		end, ok = checked.Add(start+expected, uint64(t.Bytes))
		if !ok || end > uint64(c.size) {
			c.fail(c.pos, "tensor %s ends after byte %d, the end of the file; the file is cut short, download it again", strictjson.Quote(t.Name), c.size)
			return
		}
		t.Begin += int64(start)
		expected, ok = checked.RoundUp(expected+uint64(t.Bytes), alignment)
	}
	padded := start + expected
	if len(f.Tensors) > 0 && uint64(c.size) > padded {
		c.fail(int64(padded), "the last %d bytes of the file belong to no tensor; remove them or write the file again", uint64(c.size)-padded)
	}
}

// printable reports whether a name is valid UTF-8 without control characters, and not empty.
func printable(s string) bool {
	for _, c := range s {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return s != "" && utf8.ValidString(s)
}

// cursor reads the file from the front and keeps the first error.
type cursor struct {
	in   *bufio.Reader
	name string
	pos  int64
	size int64
	err  error
}

func (c *cursor) fail(at int64, format string, args ...any) {
	if c.err == nil {
		c.err = fault.Inputf("%s: byte %d: %s", c.name, at, fmt.Sprintf(format, args...))
	}
}

// need checks that n more bytes are there.
func (c *cursor) need(n uint64) bool {
	if c.err == nil && n > uint64(c.size-c.pos) {
		c.fail(c.pos, "%d bytes are needed and %d are left; the file is cut short, download it again", n, c.size-c.pos)
	}
	return c.err == nil
}

// bytes returns the next n bytes in a new slice, nil after an error.
func (c *cursor) bytes(n uint64) []byte {
	if !c.need(n) {
		return nil
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.in, b); err != nil {
		c.fail(c.pos, "the file cannot be read (%v); check the disk", err)
		return nil
	}
	c.pos += int64(n)
	return b
}

func (c *cursor) uint(n uint64) uint64 {
	var b [8]byte
	if !c.need(n) {
		return 0
	}
	if _, err := io.ReadFull(c.in, b[:n]); err != nil {
		c.fail(c.pos, "the file cannot be read (%v); check the disk", err)
		return 0
	}
	c.pos += int64(n)
	return binary.LittleEndian.Uint64(b[:])
}

func (c *cursor) u32() uint32 { return uint32(c.uint(4)) }
func (c *cursor) u64() uint64 { return c.uint(8) }

func (c *cursor) string(what string, most uint64) string {
	at := c.pos
	n := c.u64()
	if c.err == nil && n > most {
		c.fail(at, "%s of %d bytes is over the limit of %d; the file is damaged", what, n, most)
	}
	return string(c.bytes(n))
}
