package maths

import (
	"hash/fnv"
	"math/big"
)

// Points that an agreement by numbers needs, and those that are tried.
const (
	wantedPoints = 6
	triedPoints  = 16
	maxNumber    = 128 // bits of a coefficient where the agreement rests on numbers
)

// scalars relates two expressions.
func (c *comparison) scalars(a, b ratio) Relation {
	difference := c.field.difference(a, b)
	switch {
	case len(difference) == 0:
		return c.identical(a, b)
	case c.field.independent(difference):
		return Different
	}
	return c.numerically(a, b, difference)
}

// independent reports whether a polynomial that is not zero is no zero number either: its atoms are variables,
// square roots of primes, i, and one of pi and e.
func (f *field) independent(p polynomial) bool {
	constants := map[string]bool{}
	for m := range p {
		for i := range m.len() {
			id, _ := m.at(i)
			a := f.atoms[id]
			if !a.independent {
				return false
			}
			if a.kind == atomConst && a.name != "i" {
				constants[a.name] = true
			}
		}
	}
	return len(constants) < 2
}

// identical relates expressions whose difference is zero in form: they are equal unless a denominator is zero too.
func (c *comparison) identical(a, b ratio) Relation {
	f := c.field
	for _, den := range []polynomial{a.den, b.den} {
		if f.independent(den) {
			continue
		}
		re, im := f.split(den)
		p := f.point(c.seed, 0)
		if x, y := p.polynomial(re), p.polynomial(im); worse(x.status, y.status) == known && x.sign() == 0 && y.sign() == 0 {
			return c.unknown("a denominator may be zero")
		}
	}
	return Equal
}

// seedOf makes the points depend on both texts, so that no answer can be made to fit them.
func seedOf(answer, response string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(answer))
	h.Write([]byte{0})
	h.Write([]byte(response))
	return h.Sum64()
}

// numerically relates two expressions by enclosures at points.
func (c *comparison) numerically(a, b ratio, difference polynomial) Relation {
	f := c.field
	agreed := 0
	wanted, tried := wantedPoints, triedPoints
	if !f.hasVariables(a) && !f.hasVariables(b) {
		wanted, tried = 1, 1
	}
	for k := range tried {
		p := f.point(c.seed, k)
		sa, sb := p.side(a), p.side(b)
		if sa != sb && (sa == undefined || sb == undefined) && max(sa, sb) != unclear {
			return c.unknown("only one of the two is defined for some values")
		}
		if sa != known || sb != known {
			continue
		}
		re, im := f.split(difference)
		x, y := p.polynomial(re), p.polynomial(im)
		switch {
		case worse(x.status, y.status) != known:
		case x.sign() != 0 || y.sign() != 0:
			return Different
		case x.sharp() && y.sharp():
			agreed++
		}
	}
	if agreed < wanted {
		return c.unknown("they are neither proven equal nor told apart by numbers")
	}
	if !f.moderate(a) || !f.moderate(b) {
		return c.unknown("they agree to 2^-256, but hold numbers too long for that to mean much")
	}
	return Equal
}

// side reports whether a side has a value at the point, with a denominator that is surely not zero.
func (p *point) side(r ratio) status {
	s := known
	var den [2]value
	for i, q := range []polynomial{r.num, r.den} {
		re, im := p.f.split(q)
		x, y := p.polynomial(re), p.polynomial(im)
		s = worse(s, worse(x.status, y.status))
		if i == 1 {
			den = [2]value{x, y}
		}
	}
	if s == known && (den[0].sign() == 0 || den[0].below(64)) && (den[1].sign() == 0 || den[1].below(64)) {
		return unclear
	}
	return s
}

// every visits the polynomials of r and of the arguments of its atoms until use returns true.
func (f *field) every(r ratio, use func(polynomial) bool) bool {
	for _, p := range []polynomial{r.num, r.den} {
		if use(p) {
			return true
		}
		for m := range p {
			for i := range m.len() {
				id, _ := m.at(i)
				f.spend(1)
				if a := f.atoms[id]; f.every(a.arg, use) || f.every(a.exponent, use) {
					return true
				}
			}
		}
	}
	return false
}

func (f *field) hasVariables(r ratio) bool {
	return f.every(r, func(p polynomial) bool {
		for m := range p {
			for i := range m.len() {
				if id, _ := m.at(i); f.atoms[id].kind == atomVar {
					return true
				}
			}
		}
		return false
	})
}

func (f *field) moderate(r ratio) bool {
	return !f.every(r, func(p polynomial) bool {
		for _, c := range p {
			if bits(c) > maxNumber {
				return true
			}
		}
		return false
	})
}

// number is the value of an expression without variables and without i.
func (f *field) number(r ratio) *big.Rat {
	if exact, ok := r.rational(); ok {
		return exact
	}
	if f.hasVariables(r) {
		giveUp("it is no number: it has a variable in it")
	}
	v := f.point(0, 0).real(r)
	if v.status != known || !v.sharp() {
		giveUp("it is no real number that can be computed")
	}
	return new(big.Rat).SetFrac(v.mid, new(big.Int).Lsh(big.NewInt(1), precision))
}
