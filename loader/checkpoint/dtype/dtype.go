// Package dtype holds the three number formats that weights are stored in, and the conversions
// between their little-endian bytes and float32. Decoding is exact. Encoding rounds to nearest,
// ties to even, as IEEE 754 does. All functions are pure.
package dtype

import (
	"encoding/binary"
	"math"
)

// Type is the safetensors name of a number format.
type Type string

// The formats that spar reads and writes.
const (
	F32  Type = "F32"
	F16  Type = "F16"
	BF16 Type = "BF16"
)

// Supported names the formats for error messages.
const Supported = "F32, F16 and BF16"

// Size is the number of bytes of an element, 0 for a format that is not supported.
func (t Type) Size() int {
	switch t {
	case F32:
		return 4
	case F16, BF16:
		return 2
	}
	return 0
}

// Torch is the name in config.json: float32, float16 or bfloat16.
func (t Type) Torch() string {
	return map[Type]string{F32: "float32", F16: "float16", BF16: "bfloat16"}[t]
}

// Decode converts len(dst) elements of src to float32.
func (t Type) Decode(dst []float32, src []byte) {
	switch t {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = FromF16(binary.LittleEndian.Uint16(src[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = FromBF16(binary.LittleEndian.Uint16(src[2*i:]))
		}
	}
}

// Encode converts src to len(src)*Size bytes of dst. It returns the index of the first finite
// value that became infinite, or -1.
func (t Type) Encode(dst []byte, src []float32) int {
	overflow := -1
	for i, x := range src {
		var y float32
		switch t {
		case F32:
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
			continue
		case F16:
			h := ToF16(x)
			binary.LittleEndian.PutUint16(dst[2*i:], h)
			y = FromF16(h)
		case BF16:
			h := ToBF16(x)
			binary.LittleEndian.PutUint16(dst[2*i:], h)
			y = FromBF16(h)
		}
		if overflow < 0 && math.IsInf(float64(y), 0) && !math.IsInf(float64(x), 0) {
			overflow = i
		}
	}
	return overflow
}

// FromBF16 widens the upper half of a float32.
func FromBF16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// ToBF16 rounds to the nearest bfloat16, ties to even. NaN stays a quiet NaN.
func ToBF16(x float32) uint16 {
	b := math.Float32bits(x)
	if x != x {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// FromF16 widens an IEEE 754 half.
func FromF16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent, fraction := uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch {
	case exponent == 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	case exponent != 0:
		return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
	}
	// Zero or denormal: fraction * 2^-24 is exact in float32.
	return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
}

// ToF16 rounds to the nearest IEEE 754 half, ties to even; values past the range become infinite.
func ToF16(x float32) uint16 {
	b := math.Float32bits(x)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // NaN, kept quiet
		return sign | 0x7e00 | uint16(b>>13&0x1ff)
	case b >= 0x47800000: // 2^16 and above, infinity included
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: a multiple of 2^-24; the float add does the rounding
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-math.Float32bits(0.5))
	}
	b += 0xfff + b>>13&1
	return sign | uint16((b-0x38000000)>>13)
}
