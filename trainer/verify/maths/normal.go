package maths

import "math/big"

// normal writes an expression as a quotient of polynomials.
func (f *field) normal(n *node) ratio {
	switch n.op {
	case opNumber:
		if bits(n.number) > maxBits {
			giveUp("a number is too large")
		}
		return rational(n.number)
	case opVar:
		return f.variable(n.name)
	case opConst:
		return f.constant(n.name)
	case opAdd:
		return f.add(f.normal(n.args[0]), f.normal(n.args[1]))
	case opMul:
		return f.mul(f.normal(n.args[0]), f.normal(n.args[1]))
	case opDiv:
		return f.div(f.normal(n.args[0]), f.normal(n.args[1]))
	case opNeg:
		return f.negative(f.normal(n.args[0]))
	case opPow:
		return f.power(f.normal(n.args[0]), f.normal(n.args[1]))
	case opRoot:
		return f.root(f.normal(n.args[0]), f.degreeOf(n.args[1]))
	case opPercent:
		return f.div(f.normal(n.args[0]), integer(100))
	case opDegree:
		return f.mul(f.normal(n.args[0]), f.div(f.constant("pi"), integer(180)))
	case opCall:
		return f.call(n)
	}
	giveUp("it computes with what is no single number: a list, interval, matrix, unit, infinity or word")
	return ratio{}
}

// maxDegree bounds the degree of a root.
const maxDegree = 12

func (f *field) degreeOf(n *node) int {
	r, ok := f.normal(n).rational()
	if !ok || !r.IsInt() || r.Cmp(big.NewRat(2, 1)) < 0 || r.Cmp(big.NewRat(maxDegree, 1)) > 0 {
		giveUp("the degree of a root is not 2 to 12")
	}
	return int(r.Num().Int64())
}

// power is base^exponent.
func (f *field) power(base, exponent ratio) ratio {
	e, ok := exponent.rational()
	switch {
	case ok && e.IsInt():
		return f.integerPower(base, e)
	case ok && e.Denom().Cmp(big.NewInt(maxDegree)) <= 0:
		if r, constant := base.rational(); constant && r.Sign() < 0 {
			giveUp("a negative number has a fractional exponent")
		}
		numerator := new(big.Rat).SetInt(e.Num())
		return f.integerPower(f.root(base, int(e.Denom().Int64())), numerator)
	}
	if r, constant := base.rational(); constant && r.Sign() == 0 {
		giveUp("the base of a power is 0")
	}
	if base.key() == f.constant("e").key() {
		if angle, ok := f.withoutI(exponent); ok {
			return f.add(f.function("cos", angle), f.mul(f.constant("i"), f.function("sin", angle)))
		}
	}
	if c := exponent.num[""]; c != nil && c.IsInt() && exponent.den.isOne() {
		rest := ratio{f.sum(exponent.num, constant(new(big.Rat).Neg(c))), exponent.den}
		return f.mul(f.integerPower(base, c), f.opaquePower(base, rest))
	}
	return f.opaquePower(base, exponent)
}

// withoutI is t where the exponent is i t and t holds no i.
func (f *field) withoutI(exponent ratio) (ratio, bool) {
	real, imaginary := f.split(exponent.num)
	_, below := f.split(exponent.den)
	if len(real) > 0 || len(imaginary) == 0 || len(below) > 0 {
		return ratio{}, false
	}
	return ratio{imaginary, exponent.den}, true
}

// split is the real and the imaginary part of a polynomial, atoms other than i taken as real.
func (f *field) split(p polynomial) (real, imaginary polynomial) {
	real, imaginary = polynomial{}, polynomial{}
	id, used := f.byKey["c i"]
	for m, c := range p {
		rest, found := m, false
		for k := range m.len() {
			if a, _ := m.at(k); used && a == id {
				rest, found = m[:4*k]+m[4*k+4:], true
				break
			}
		}
		if found {
			imaginary[rest] = c
		} else {
			real[rest] = c
		}
	}
	return real, imaginary
}

func (f *field) integerPower(base ratio, e *big.Rat) ratio {
	n := e.Num()
	if n.Sign() == 0 {
		if len(base.num) == 0 {
			giveUp("0^0 has no value")
		}
		return integer(1)
	}
	if !n.IsInt64() || !f.expands(base, max(n.Int64(), -n.Int64())) {
		return f.opaquePower(base, rational(e))
	}
	if n.Sign() < 0 {
		base = f.div(integer(1), base)
	}
	k := int(max(n.Int64(), -n.Int64()))
	return f.ratioOf(f.powerOf(base.num, k), f.powerOf(base.den, k))
}

// expands reports whether base^n, n > 0, is small enough to be written out.
func (f *field) expands(base ratio, n int64) bool {
	for _, p := range []polynomial{base.num, base.den} {
		if len(p) > 1 && n > maxExpanded {
			return false
		}
		for m, c := range p {
			if n > maxBits || bits(c) > 1 && int64(bits(c))*n > maxBits {
				return false
			}
			for i := range m.len() {
				if _, e := m.at(i); int64(e)*n > maxPower {
					return false
				}
			}
		}
	}
	return true
}

// root is the real root of a, for an odd degree also of what is negative; the square root of a negative number is
// a multiple of i.
func (f *field) root(a ratio, degree int) ratio {
	r, ok := a.rational()
	switch {
	case !ok:
		return f.rootAtom(a, degree, false)
	case r.Sign() >= 0:
		return f.rootOfRational(r, degree)
	case degree%2 == 1:
		return f.negative(f.rootOfRational(new(big.Rat).Neg(r), degree))
	case degree == 2:
		return f.mul(f.constant("i"), f.rootOfRational(new(big.Rat).Neg(r), degree))
	}
	giveUp("an even root of a negative number")
	return ratio{}
}

// rootOfRational splits r >= 0 into primes: the root of p/q is that of p q^(k-1), divided by q.
func (f *field) rootOfRational(r *big.Rat, degree int) ratio {
	if bits(r) > 2048 {
		giveUp("a number under a root is too large")
	}
	if r.Sign() == 0 {
		return integer(0)
	}
	k := int64(degree)
	n := new(big.Int).Exp(r.Denom(), big.NewInt(k-1), nil)
	n.Mul(n, r.Num())
	out := rational(new(big.Rat).SetFrac(big.NewInt(1), r.Denom()))
	for _, p := range smallPrimes {
		prime, times := big.NewInt(p), int64(0)
		for quotient, rest := new(big.Int), new(big.Int); ; times++ {
			if quotient.QuoRem(n, prime, rest); rest.Sign() != 0 {
				break
			}
			n.Set(quotient)
		}
		if times == 0 {
			continue
		}
		f.spend(256)
		out = f.mul(out, rational(new(big.Rat).SetInt(new(big.Int).Exp(prime, big.NewInt(times/k), nil))))
		if left := times % k; left > 0 {
			out = f.mul(out, whole(f.powerOf(f.rootAtom(integer(p), degree, degree == 2).num, int(left))))
		}
	}
	return f.mul(out, f.rootOfRest(n, degree))
}

// rootOfRest is the root of n, which no small prime divides.
func (f *field) rootOfRest(n *big.Int, degree int) ratio {
	whole := integerRoot(n, degree)
	if new(big.Int).Exp(whole, big.NewInt(int64(degree)), nil).Cmp(n) == 0 {
		return rational(new(big.Rat).SetInt(whole))
	}
	largest := smallPrimes[len(smallPrimes)-1]
	prime := n.Cmp(big.NewInt(largest*largest)) < 0
	return f.rootAtom(rational(new(big.Rat).SetInt(n)), degree, prime && degree == 2)
}

// smallPrimes are those below 2000.
var smallPrimes = func() []int64 {
	var out []int64
	for n := int64(2); n < 2000; n++ {
		prime := true
		for _, p := range out {
			prime = prime && n%p != 0
		}
		if prime {
			out = append(out, n)
		}
	}
	return out
}()
