package maths

import "math/big"

// precision is the number of fractional bits of a ball, guard that of the extra bits inside a series.
const (
	precision = 768
	guard     = 64
)

// ball is a real number known to lie within rad of mid, both in units of 2^-precision.
type ball struct{ mid, rad *big.Int }

// status says whether a value could be found.
type status uint8

const (
	known     status = iota
	undefined        // outside the domain: no real value
	unclear          // too large or too small, or the enclosure is too wide to tell
)

func exactly(n *big.Int) ball { return ball{n, new(big.Int)} }

func ballOf(r *big.Rat) ball {
	m := new(big.Int).Lsh(r.Num(), precision)
	rest := new(big.Int)
	m.DivMod(m, r.Denom(), rest)
	return ball{m, big.NewInt(int64(rest.Sign()))}
}

// isLarge reports that a value is beyond 2^64, where balls are not used.
func (a ball) isLarge() bool {
	return a.mid.BitLen() > precision+64 || a.rad.BitLen() > precision
}

// sign is that of every number in the ball; 0 when it holds 0.
func (a ball) sign() int {
	if a.mid.CmpAbs(a.rad) <= 0 {
		return 0
	}
	return a.mid.Sign()
}

// below reports |a| < 2^-n for the middle.
func (a ball) below(n int) bool { return a.mid.BitLen() <= precision-n }

// sharp reports an enclosure narrower than 2^-256.
func (a ball) sharp() bool { return a.rad.BitLen() <= precision-256 }

func (a ball) neg() ball { return ball{new(big.Int).Neg(a.mid), a.rad} }

func (a ball) add(b ball) ball {
	return ball{new(big.Int).Add(a.mid, b.mid), new(big.Int).Add(a.rad, b.rad)}
}

func (a ball) sub(b ball) ball { return a.add(b.neg()) }

func (a ball) mul(b ball) ball {
	m := new(big.Int).Mul(a.mid, b.mid)
	m.Rsh(m, precision)
	r := new(big.Int).Mul(new(big.Int).Abs(a.mid), b.rad)
	r.Add(r, new(big.Int).Mul(new(big.Int).Abs(b.mid), a.rad))
	r.Add(r, new(big.Int).Mul(a.rad, b.rad))
	return ball{m, widened(r.Rsh(r, precision), 2)}
}

func widened(r *big.Int, by int64) *big.Int { return r.Add(r, big.NewInt(by)) }

// quo is a/b; b must not hold 0.
func (a ball) quo(b ball) ball {
	m := new(big.Int).Lsh(a.mid, precision)
	m.Quo(m, b.mid)
	size := new(big.Int).Abs(b.mid)
	r := new(big.Int).Mul(a.rad, size)
	r.Add(r, new(big.Int).Mul(new(big.Int).Abs(a.mid), b.rad))
	r.Lsh(r, precision)
	r.Quo(r, new(big.Int).Mul(size, new(big.Int).Sub(size, b.rad)))
	return ball{m, widened(r, 2)}
}

// root is the real root of the given degree, of negative numbers for odd degrees only.
func (a ball) root(degree int) (ball, status) {
	low, high := new(big.Int).Sub(a.mid, a.rad), new(big.Int).Add(a.mid, a.rad)
	if degree%2 == 0 {
		if high.Sign() < 0 {
			return a, undefined
		}
		if low.Sign() < 0 {
			low.SetInt64(0)
		}
	}
	low, high = scaledRoot(low, degree), scaledRoot(high, degree)
	m := new(big.Int).Add(low, high)
	m.Rsh(m, 1)
	return ball{m, widened(high.Sub(high, low), 2)}, known
}

// scaledRoot is the root of n 2^-precision in the same units, within 1.
func scaledRoot(n *big.Int, degree int) *big.Int {
	shifted := new(big.Int).Lsh(new(big.Int).Abs(n), uint(precision*(degree-1)))
	r := integerRoot(shifted, degree)
	if n.Sign() < 0 {
		r.Neg(r)
	}
	return r
}

// integerRoot is the largest r >= 0 with r^degree <= n, for n >= 0, by Newton's method from above.
func integerRoot(n *big.Int, degree int) *big.Int {
	if degree == 2 {
		return new(big.Int).Sqrt(n)
	}
	if n.Sign() == 0 {
		return new(big.Int)
	}
	k := big.NewInt(int64(degree))
	less := big.NewInt(int64(degree - 1))
	x := new(big.Int).Lsh(big.NewInt(1), uint((n.BitLen()+degree-1)/degree))
	for {
		y := new(big.Int).Exp(x, less, nil)
		y.Quo(n, y)
		y.Add(y, new(big.Int).Mul(x, less))
		y.Quo(y, k)
		if y.Cmp(x) >= 0 {
			return x
		}
		x = y
	}
}
