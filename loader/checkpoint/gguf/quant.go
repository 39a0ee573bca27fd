package gguf

import (
	"encoding/binary"

	"spar/loader/checkpoint/dtype"
)

// The decoders give the bits of ggml's reference functions. Every product is converted to float32
// before it is added to, so that no compiler fuses the two into one rounding.

func half(src []byte) float32 { return dtype.FromF16(binary.LittleEndian.Uint16(src)) }

// decodeQ4_0: blocks of 32: d (F16), 16 bytes of nibbles, low nibbles first. y = (q-8)*d.
func decodeQ4_0(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[18:] {
		d, y := half(src), dst[:32]
		for j, q := range src[2:18] {
			y[j] = float32(int(q&15)-8) * d
			y[j+16] = float32(int(q>>4)-8) * d
		}
	}
}

// decodeQ4_1: blocks of 32: d, m (F16), 16 bytes of nibbles. y = q*d + m.
func decodeQ4_1(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[20:] {
		d, m, y := half(src), half(src[2:]), dst[:32]
		for j, q := range src[4:20] {
			y[j] = float32(float32(q&15)*d) + m
			y[j+16] = float32(float32(q>>4)*d) + m
		}
	}
}

// decodeQ5_0: blocks of 32: d (F16), 32 fifth bits, 16 bytes of nibbles. y = (q-16)*d.
func decodeQ5_0(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[22:] {
		d, high, y := half(src), binary.LittleEndian.Uint32(src[2:]), dst[:32]
		for j, q := range src[6:22] {
			low5, high5 := fifth(q, high, j)
			y[j] = float32(low5-16) * d
			y[j+16] = float32(high5-16) * d
		}
	}
}

// decodeQ5_1: blocks of 32: d, m (F16), 32 fifth bits, 16 bytes of nibbles. y = q*d + m.
func decodeQ5_1(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[24:] {
		d, m, high, y := half(src), half(src[2:]), binary.LittleEndian.Uint32(src[4:]), dst[:32]
		for j, q := range src[8:24] {
			low5, high5 := fifth(q, high, j)
			y[j] = float32(float32(low5)*d) + m
			y[j+16] = float32(float32(high5)*d) + m
		}
	}
}

// fifth joins the nibbles of byte j with their fifth bits.
func fifth(q byte, high uint32, j int) (low5, high5 int) {
	return int(q&15) | int(high>>j&1)<<4, int(q>>4) | int(high>>(j+16)&1)<<4
}

// decodeQ8_0: blocks of 32: d (F16), 32 signed bytes. y = q*d.
func decodeQ8_0(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[34:] {
		d, y := half(src), dst[:32]
		for j, q := range src[2:34] {
			y[j] = float32(int8(q)) * d
		}
	}
}

// scaleMin unpacks the 6-bit scale and minimum of group g (0..7) from the 12 bytes of Q4_K and Q5_K:
// groups 0-3 in the low 6 bits of bytes g and g+4, groups 4-7 in the nibbles of byte g+4 with their
// two top bits in the tops of bytes g-4 and g.
func scaleMin(g int, s []byte) (scale, low float32) {
	if g < 4 {
		return float32(s[g] & 63), float32(s[g+4] & 63)
	}
	return float32(s[g+4]&15 | s[g-4]>>6<<4), float32(s[g+4]>>4 | s[g]>>6<<4)
}

// decodeQ4_K: blocks of 256: d, dmin (F16), 12 bytes of scales, 128 bytes of nibbles: for every 64
// elements 32 bytes, low nibbles first. y = d*scale*q - dmin*min.
func decodeQ4_K(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[144:] {
		d, dmin, scales := half(src), half(src[2:]), src[4:16]
		for g := 0; g < 8; g += 2 {
			y, q := dst[32*g:32*g+64], src[16+16*g:48+16*g]
			s0, m0 := scaleMin(g, scales)
			s1, m1 := scaleMin(g+1, scales)
			d0, n0, d1, n1 := d*s0, dmin*m0, d*s1, dmin*m1
			for j := range 32 {
				y[j] = float32(d0*float32(q[j]&15)) - n0
				y[j+32] = float32(d1*float32(q[j]>>4)) - n1
			}
		}
	}
}

// decodeQ5_K: blocks of 256: d, dmin (F16), 12 bytes of scales, 32 bytes of fifth bits (bit g of
// byte j belongs to element j of group g), 128 bytes of nibbles as in Q4_K.
func decodeQ5_K(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[176:] {
		d, dmin, scales, high := half(src), half(src[2:]), src[4:16], src[16:48]
		for g := 0; g < 8; g += 2 {
			y, q := dst[32*g:32*g+64], src[48+16*g:80+16*g]
			s0, m0 := scaleMin(g, scales)
			s1, m1 := scaleMin(g+1, scales)
			d0, n0, d1, n1 := d*s0, dmin*m0, d*s1, dmin*m1
			for j := range 32 {
				y[j] = float32(d0*float32(q[j]&15|high[j]>>g&1<<4)) - n0
				y[j+32] = float32(d1*float32(q[j]>>4|high[j]>>(g+1)&1<<4)) - n1
			}
		}
	}
}

// decodeQ6_K: blocks of 256: 128 bytes of low nibbles, 64 bytes of upper two bits, 16 signed scales,
// d (F16). Each half of 128 elements is four runs of 32; run r takes nibbles from byte 32*(r&1)+j
// (upper ones for r >= 2) and bits 2r, 2r+1 of the upper byte j. y = d*scale*(q-32), one scale a 16.
func decodeQ6_K(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[210:] {
		d := half(src[208:])
		for h := range 2 {
			low, high, scales := src[64*h:64*h+64], src[128+32*h:160+32*h], src[192+8*h:200+8*h]
			for r := range 4 {
				y := dst[128*h+32*r : 128*h+32*r+32]
				for j := range y {
					q := low[32*(r&1)+j] >> (4 * (r >> 1)) & 15
					q |= high[j] >> (2 * r) & 3 << 4
					y[j] = float32(d*float32(int8(scales[2*r+j/16]))) * float32(int(q)-32)
				}
			}
		}
	}
}
