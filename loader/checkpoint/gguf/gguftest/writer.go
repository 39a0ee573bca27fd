// Package gguftest builds GGUF files for tests, good ones and, on purpose, bad ones. It writes what
// it is told without checking anything. A Builder belongs to one goroutine.
package gguftest

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Builder collects the parts of a file. The zero Builder with Version 3 is a good start.
type Builder struct {
	Magic     string // "" : GGUF
	Version   uint32
	Alignment int     // of offsets and data, 0: 32
	Keys      *uint64 // key count instead of the true one
	Count     *uint64 // tensor count instead of the true one
	Tail      []byte  // after the data

	meta    bytes.Buffer
	numKeys uint64
	tensors []Tensor
}

// Tensor is an entry of the tensor table with its data.
type Tensor struct {
	Name   string
	Type   uint32
	Dims   []uint64 // fastest first, as in the file
	Offset *uint64  // instead of the right one
	Data   []byte
}

// Key adds a key with a value of the GGUF type that matches the Go type.
func (b *Builder) Key(name string, value any) *Builder {
	kind, data := encode(value)
	return b.Raw(name, kind, data)
}

// Raw adds a key with any type number and value bytes.
func (b *Builder) Raw(name string, kind uint32, data []byte) *Builder {
	b.numKeys++
	put(&b.meta, uint64(len(name)))
	b.meta.WriteString(name)
	put(&b.meta, kind)
	b.meta.Write(data)
	return b
}

// Add adds a tensor.
func (b *Builder) Add(t Tensor) *Builder {
	b.tensors = append(b.tensors, t)
	return b
}

// Bytes is the file.
func (b *Builder) Bytes() []byte {
	var out, data bytes.Buffer
	align := b.Alignment
	if align == 0 {
		align = 32
	}
	out.WriteString(orDefault(b.Magic, "GGUF"))
	put(&out, b.Version)
	put(&out, valueOr(b.Count, uint64(len(b.tensors))))
	put(&out, valueOr(b.Keys, b.numKeys))
	out.Write(b.meta.Bytes())
	for _, t := range b.tensors {
		put(&out, uint64(len(t.Name)))
		out.WriteString(t.Name)
		put(&out, uint32(len(t.Dims)))
		for _, d := range t.Dims {
			put(&out, d)
		}
		put(&out, t.Type)
		put(&out, valueOr(t.Offset, uint64(data.Len())))
		data.Write(t.Data)
		pad(&data, align)
	}
	pad(&out, align)
	out.Write(data.Bytes())
	out.Write(b.Tail)
	return out.Bytes()
}

// String is the bytes of a GGUF string.
func String(s string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(s))), s...)
}

// Array is the bytes of an array's head, element type and length, before data.
func Array(kind uint32, n uint64, data []byte) []byte {
	head := binary.LittleEndian.AppendUint32(nil, kind)
	return append(binary.LittleEndian.AppendUint64(head, n), data...)
}

func encode(value any) (kind uint32, data []byte) {
	var buf bytes.Buffer
	switch v := value.(type) {
	case uint32:
		put(&buf, v)
		return 4, buf.Bytes()
	case int32:
		put(&buf, v)
		return 5, buf.Bytes()
	case float32:
		put(&buf, v)
		return 6, buf.Bytes()
	case bool:
		put(&buf, v)
		return 7, buf.Bytes()
	case string:
		return 8, String(v)
	case uint64:
		put(&buf, v)
		return 10, buf.Bytes()
	case []string:
		for _, s := range v {
			buf.Write(String(s))
		}
		return 9, Array(8, uint64(len(v)), buf.Bytes())
	case []int32:
		put(&buf, v)
		return 9, Array(5, uint64(len(v)), buf.Bytes())
	case []float32:
		put(&buf, v)
		return 9, Array(6, uint64(len(v)), buf.Bytes())
	}
	panic(fmt.Sprintf("gguftest: no GGUF type for %T", value))
}

// put writes a number or a slice of numbers; a bytes.Buffer takes everything.
func put(w *bytes.Buffer, value any) {
	if err := binary.Write(w, binary.LittleEndian, value); err != nil {
		panic(err)
	}
}

func pad(w *bytes.Buffer, align int) {
	for w.Len()%align != 0 {
		w.WriteByte(0)
	}
}

func valueOr(p *uint64, otherwise uint64) uint64 {
	if p != nil {
		return *p
	}
	return otherwise
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
