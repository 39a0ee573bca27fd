package gguf

import (
	"fmt"
	"io"

	"spar/internal/fault"
	"spar/loader/checkpoint/dtype"
)

// Type is the number format of a tensor, numbered as in the file.
type Type uint32

// The formats that can be read.
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q5_0 Type = 6
	Q5_1 Type = 7
	Q8_0 Type = 8
	Q4_K Type = 12
	Q5_K Type = 13
	Q6_K Type = 14
	BF16 Type = 30
)

// SupportedTypes names the formats for error messages.
const SupportedTypes = "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K"

// kind is what is known of a type: its name, elements and bytes of a block, and the decoder of
// whole blocks.
type kind struct {
	name   string
	block  int
	bytes  int
	decode func(dst []float32, src []byte)
}

var kinds = map[Type]kind{
	F32:  {"F32", 1, 4, dtype.F32.Decode},
	F16:  {"F16", 1, 2, dtype.F16.Decode},
	BF16: {"BF16", 1, 2, dtype.BF16.Decode},
	Q4_0: {"Q4_0", 32, 18, decodeQ4_0},
	Q4_1: {"Q4_1", 32, 20, decodeQ4_1},
	Q5_0: {"Q5_0", 32, 22, decodeQ5_0},
	Q5_1: {"Q5_1", 32, 24, decodeQ5_1},
	Q8_0: {"Q8_0", 32, 34, decodeQ8_0},
	Q4_K: {"Q4_K", 256, 144, decodeQ4_K},
	Q5_K: {"Q5_K", 256, 176, decodeQ5_K},
	Q6_K: {"Q6_K", 256, 210, decodeQ6_K},
}

// unread names the formats that exist and cannot be read; a number that is not here is reserved or
// was taken out of the format.
var unread = map[Type]string{
	9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL",
	21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}

func unreadName(t Type) string {
	if name := unread[t]; name != "" {
		return " (" + name + ")"
	}
	return ""
}

// String is the name of the format, as Q4_K.
func (t Type) String() string {
	if k, ok := kinds[t]; ok {
		return k.name
	}
	return fmt.Sprintf("type %d%s", uint32(t), unreadName(t))
}

// Section is a reader of a tensor's stored bytes.
func (f *File) Section(t Tensor) *io.SectionReader {
	return io.NewSectionReader(f.r, t.Begin, t.Bytes)
}

// Read dequantises a whole tensor into dst, which must have as many elements.
func (f *File) Read(t Tensor, dst []float32) error {
	if len(dst) != t.Elements() {
		return fmt.Errorf("tensor %s has %d elements, the destination %d", t.Name, t.Elements(), len(dst))
	}
	k := kinds[t.Type]
	blocks := len(dst) / k.block
	step := max(1, (1<<18)/k.bytes)
	buf := make([]byte, min(step, blocks)*k.bytes)
	for first := 0; first < blocks; first += step {
		n := min(step, blocks-first)
		src := buf[:n*k.bytes]
		if _, err := f.r.ReadAt(src, t.Begin+int64(first)*int64(k.bytes)); err != nil {
			return fault.Inputf("%s: tensor %s cannot be read: %w; the file changed or the disk failed", f.name, t.Name, err)
		}
		k.decode(dst[first*k.block:(first+n)*k.block], src)
	}
	return nil
}
