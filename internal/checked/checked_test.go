package checked

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestProductThatWrapsToFour(t *testing.T) {
	// These three wrap to 4 in 64 bits, which a sign check does not see.
	if n, ok := Product([]uint64{4194305, 4194305, 211106198978564}); ok {
		t.Fatalf("product accepted as %d", n)
	}
	if n, ok := Product([]uint64{1 << 62, 1 << 62, 0}); !ok || n != 0 {
		t.Fatalf("product with a zero = %d, %v", n, ok)
	}
}

func TestAgainstBigIntegers(t *testing.T) {
	limit := new(big.Int).SetUint64(math.MaxUint64)
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")
		x, y := new(big.Int).SetUint64(a), new(big.Int).SetUint64(b)
		check := func(what string, got uint64, ok bool, want *big.Int) {
			if ok != (want.Cmp(limit) <= 0) || (ok && want.Uint64() != got) {
				t.Fatalf("%s(%d, %d) = %d, %v; want %s", what, a, b, got, ok, want)
			}
		}
		p, ok := Mul(a, b)
		check("Mul", p, ok, new(big.Int).Mul(x, y))
		s, ok := Add(a, b)
		check("Add", s, ok, new(big.Int).Add(x, y))
	})
}

func TestRoundUp(t *testing.T) {
	if n, ok := RoundUp(33, 32); n != 64 || !ok {
		t.Errorf("RoundUp(33, 32) = %d, %v", n, ok)
	}
	if n, ok := RoundUp(math.MaxUint64-3, 32); ok {
		t.Errorf("RoundUp near the end of the range = %d", n)
	}
	if _, ok := Int(math.MaxInt + 1); ok {
		t.Error("Int accepted 2^63")
	}
}
