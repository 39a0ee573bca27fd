package maths

import (
	"math"
	"math/big"
	"sync"
)

// Inside this file numbers are big integers in units of 2^-working.
const working = precision + guard

var unity = new(big.Int).Lsh(big.NewInt(1), working)

// inverseSeries is atan(1/k), or atanh(1/k) when alternate is false.
func inverseSeries(k int64, alternate bool) *big.Int {
	square := big.NewInt(k * k)
	term := new(big.Int).Quo(unity, big.NewInt(k))
	sum := new(big.Int).Set(term)
	for n := int64(3); term.Sign() != 0; n += 2 {
		term.Quo(term, square)
		part := new(big.Int).Quo(term, big.NewInt(n))
		if alternate && n%4 == 3 {
			part.Neg(part)
		}
		sum.Add(sum, part)
	}
	return sum
}

// combine is the sum of weights times values.
func combine(weights []int64, values ...*big.Int) *big.Int {
	sum := new(big.Int)
	for i, v := range values {
		sum.Add(sum, new(big.Int).Mul(v, big.NewInt(weights[i])))
	}
	return sum
}

// piFixed is by Machin's formula, ln2Fixed by three inverse hyperbolic tangents.
var (
	piFixed = sync.OnceValue(func() *big.Int {
		return combine([]int64{16, -4}, inverseSeries(5, true), inverseSeries(239, true))
	})
	ln2Fixed = sync.OnceValue(func() *big.Int {
		return combine([]int64{18, -2, 8}, inverseSeries(26, false), inverseSeries(4801, false), inverseSeries(8749, false))
	})
)

// narrowed turns a working value into a ball; the series above lose far less than the guard bits.
func narrowed(n *big.Int) *big.Int { return new(big.Int).Rsh(n, guard) }

func piBall() ball { return ball{narrowed(piFixed()), big.NewInt(2)} }

// nearest is x/unit rounded to a whole number.
func nearest(x, unit *big.Int) *big.Int {
	n := new(big.Int).Lsh(x, 1)
	n.Add(n, unit)
	return n.Div(n, new(big.Int).Lsh(unit, 1))
}

const halvings = 16 // of the argument of exp, undone by squaring

// expFixed is e^x for |x| < 64: x = n ln 2 + t, the Taylor series of t/2^16, squared 16 times.
func expFixed(x *big.Int) *big.Int {
	n := nearest(x, ln2Fixed())
	t := new(big.Int).Sub(x, new(big.Int).Mul(n, ln2Fixed()))
	t.Rsh(t, halvings)
	sum, term := new(big.Int).Set(unity), new(big.Int).Set(unity)
	for k := int64(1); term.Sign() != 0; k++ {
		term.Mul(term, t)
		term.Quo(term.Quo(term, unity), big.NewInt(k))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
		sum.Rsh(sum, working)
	}
	if shift := n.Int64(); shift < 0 {
		return sum.Rsh(sum, uint(-shift))
	}
	return sum.Lsh(sum, uint(n.Int64()))
}

// exp is e^a; unclear beyond 2^±64.
func (a ball) exp() (ball, status) {
	limit := new(big.Int).Lsh(big.NewInt(44), precision)
	if a.mid.CmpAbs(limit) > 0 || a.rad.BitLen() > precision-16 {
		return a, unclear
	}
	m := narrowed(expFixed(new(big.Int).Lsh(a.mid, guard)))
	r := new(big.Int).Mul(m, a.rad)
	r.Rsh(r, precision-1)
	r.Add(r, new(big.Int).Rsh(m, working-24)) // the squarings lose 24 bits
	return ball{m, widened(r, 4)}, known
}

// ln is the natural logarithm of positive numbers: a = f 2^k with f in [1/2, 1), then Newton steps of third order.
func (a ball) ln() (ball, status) {
	low := new(big.Int).Sub(a.mid, a.rad)
	if low.Sign() <= 0 {
		if new(big.Int).Add(a.mid, a.rad).Sign() < 0 {
			return a, undefined
		}
		return a, unclear
	}
	k := a.mid.BitLen() - precision
	f := new(big.Int).Lsh(a.mid, guard)
	if k > 0 {
		f.Rsh(f, uint(k))
	} else {
		f.Lsh(f, uint(-k))
	}
	first, _ := new(big.Float).SetMantExp(new(big.Float).SetInt(f), -working).Float64()
	y, _ := new(big.Float).SetMantExp(big.NewFloat(math.Log(first)), working).Int(nil)
	for range 4 {
		e := expFixed(y)
		step := new(big.Int).Sub(f, e)
		step.Lsh(step, working+1)
		y.Add(y, step.Quo(step, e.Add(e, f)))
	}
	y.Add(y, new(big.Int).Mul(big.NewInt(int64(k)), ln2Fixed()))
	r := new(big.Int).Lsh(a.rad, precision)
	return ball{narrowed(y), widened(r.Quo(r, low), 4)}, known
}

// sinCos are the sine and the cosine; unclear beyond 2^32.
func (a ball) sinCos() (sin, cos ball, s status) {
	if a.mid.BitLen() > precision+32 {
		return a, a, unclear
	}
	x := new(big.Int).Lsh(a.mid, guard)
	quarter := new(big.Int).Rsh(piFixed(), 1)
	k := nearest(x, quarter)
	t := x.Sub(x, new(big.Int).Mul(k, quarter))
	parts := [2]*big.Int{new(big.Int), new(big.Int)} // the even and the odd terms
	term := new(big.Int).Set(unity)
	for n := int64(0); term.Sign() != 0; n++ {
		signed := new(big.Int).Set(term)
		if n%4 >= 2 {
			signed.Neg(signed)
		}
		parts[n%2].Add(parts[n%2], signed)
		term.Mul(term, t)
		term.Quo(term.Quo(term, unity), big.NewInt(n+1))
	}
	turn := int(new(big.Int).And(k, big.NewInt(3)).Int64())
	r := widened(new(big.Int).Set(a.rad), 4)
	c, d := ball{narrowed(parts[0]), r}, ball{narrowed(parts[1]), r}
	switch turn {
	case 0:
		return d, c, known
	case 1:
		return c, d.neg(), known
	case 2:
		return d.neg(), c.neg(), known
	}
	return c.neg(), d, known
}

// atan halves the angle eight times, then sums the Taylor series.
func (a ball) atan() ball {
	x := new(big.Int).Lsh(new(big.Int).Abs(a.mid), guard)
	beyond := x.Cmp(unity) > 0
	if beyond {
		x.Quo(new(big.Int).Lsh(unity, working), x)
	}
	for range 8 {
		root := new(big.Int).Mul(x, x)
		root.Sqrt(root.Add(root, new(big.Int).Lsh(unity, working)))
		x.Quo(x.Lsh(x, working), root.Add(root, unity))
	}
	square := new(big.Int).Mul(x, x)
	square.Rsh(square, working)
	sum, term := new(big.Int).Set(x), new(big.Int).Set(x)
	for n := int64(3); term.Sign() != 0; n += 2 {
		term.Mul(term, square)
		term.Neg(term.Rsh(term, working))
		if term.CmpAbs(big.NewInt(1)) <= 0 {
			break
		}
		sum.Add(sum, new(big.Int).Quo(term, big.NewInt(n)))
	}
	sum.Lsh(sum, 8)
	if beyond {
		sum.Sub(new(big.Int).Rsh(piFixed(), 1), sum)
	}
	if a.mid.Sign() < 0 {
		sum.Neg(sum)
	}
	return ball{narrowed(sum), widened(new(big.Int).Set(a.rad), 4)}
}

// asin is twice the arc tangent of x / (1 + sqrt(1 - x^2)).
func (a ball) asin() (ball, status) {
	unit := exactly(new(big.Int).Lsh(big.NewInt(1), precision))
	root, s := unit.sub(a.mul(a)).root(2)
	if s != known {
		return a, s
	}
	half := a.quo(unit.add(root)).atan()
	return half.add(half), known
}
