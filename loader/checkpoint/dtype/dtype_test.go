package dtype

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestHalfRoundTripsEveryValue(t *testing.T) {
	for h := 0; h < 1<<16; h++ {
		x := FromF16(uint16(h))
		if x != x {
			if y := FromF16(ToF16(x)); y == y {
				t.Fatalf("%04x: NaN became %g", h, y)
			}
			continue
		}
		if got := ToF16(x); got != uint16(h) {
			t.Fatalf("%04x became %g became %04x", h, x, got)
		}
		if b := FromBF16(uint16(h)); b == b && ToBF16(b) != uint16(h) {
			t.Fatalf("bf16 %04x became %g became %04x", h, b, ToBF16(b))
		}
	}
}

func TestKnownValues(t *testing.T) {
	for _, c := range []struct {
		h uint16
		x float32
	}{{0x3c00, 1}, {0xc000, -2}, {0x7bff, 65504}, {0x0400, 0x1p-14}, {0x0001, 0x1p-24}, {0x03ff, 1023 * 0x1p-24}, {0x3555, 0.333251953125}} {
		if x := FromF16(c.h); x != c.x {
			t.Errorf("FromF16(%04x) = %g, want %g", c.h, x, c.x)
		}
	}
}

// The chosen half is at least as near as both neighbours, and even on a tie.
func TestRoundingIsNearestEven(t *testing.T) {
	check := func(t *rapid.T, x float32, to func(float32) uint16, from func(uint16) float32) {
		h := to(x)
		got := math.Abs(float64(from(h)) - float64(x))
		for _, n := range []uint16{h - 1, h + 1} {
			near := math.Abs(float64(from(n)) - float64(x))
			if near < got || (near == got && h&1 == 1) {
				t.Fatalf("%g became %04x (%g), but %04x (%g) is nearer or even", x, h, from(h), n, from(n))
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, rapid.Float32Range(0x1p-23, 65000).Draw(t, "half"), ToF16, FromF16)
		check(t, rapid.Float32Range(1e-30, 1e30).Draw(t, "bf16"), ToBF16, FromBF16)
	})
	for x, want := range map[float32]uint16{65519: 0x7bff, 65520: 0x7c00, 0x1p-25: 0, 0x1.8p-25: 1, 2049: 0x6800, 2051: 0x6802} {
		if got := ToF16(x); got != want {
			t.Errorf("ToF16(%g) = %04x, want %04x", x, got, want)
		}
	}
}

func TestEncodeReportsOverflow(t *testing.T) {
	src := []float32{1, float32(math.Inf(1)), 70000, 1e9}
	if i := F16.Encode(make([]byte, 8), src); i != 2 {
		t.Errorf("overflow at %d, want 2", i)
	}
	if i := BF16.Encode(make([]byte, 8), src); i != -1 {
		t.Errorf("bf16 overflow at %d", i)
	}
	buf, dst := make([]byte, 16), make([]float32, 4)
	F32.Encode(buf, src)
	F32.Decode(dst, buf)
	for i := range src {
		if dst[i] != src[i] {
			t.Errorf("element %d: %g, want %g", i, dst[i], src[i])
		}
	}
}
