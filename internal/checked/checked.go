// Package checked does arithmetic on sizes that come from files: a product or a sum that does not
// fit is reported instead of wrapping round. Parsers use it for every size before they allocate.
package checked

import (
	"math"
	"math/bits"
)

// Mul returns a*b, and false when the product needs more than 64 bits.
func Mul(a, b uint64) (uint64, bool) {
	hi, lo := bits.Mul64(a, b)
	return lo, hi == 0
}

// Add returns a+b, and false when the sum needs more than 64 bits.
func Add(a, b uint64) (uint64, bool) {
	sum, carry := bits.Add64(a, b, 0)
	return sum, carry == 0
}

// Product returns the product of all factors, 1 for none. A zero factor makes the product 0 even
// when the others do not fit together.
func Product(factors []uint64) (uint64, bool) {
	product, fits := uint64(1), true
	for _, f := range factors {
		if f == 0 {
			return 0, true
		}
		var ok bool
		product, ok = Mul(product, f)
		fits = fits && ok
	}
	return product, fits
}

// RoundUp returns n rounded up to a multiple of step (a power of two), and false when that does
// not fit.
func RoundUp(n, step uint64) (uint64, bool) {
	sum, ok := Add(n, step-1)
	return sum &^ (step - 1), ok
}

// Int returns n as an int, and false when it does not fit.
func Int(n uint64) (int, bool) {
	return int(n), n <= math.MaxInt
}
