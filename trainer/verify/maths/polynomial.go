package maths

import (
	"encoding/binary"
	"math/big"
	"slices"
	"strings"
)

// monomial is a product of atoms: pairs of atom and exponent, two bytes each, in the order of atoms.
type monomial string

const maxPower = 1<<16 - 1

func power(atom, exponent int) monomial {
	var b [4]byte
	binary.BigEndian.PutUint16(b[:], uint16(atom))
	binary.BigEndian.PutUint16(b[2:], uint16(exponent))
	return monomial(b[:])
}

// at is the i-th pair.
func (m monomial) at(i int) (atom, exponent int) {
	b := []byte(m[4*i : 4*i+4])
	return int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:]))
}

func (m monomial) len() int { return len(m) / 4 }

// times is the product of two monomials, before relations are applied.
func (m monomial) times(o monomial) monomial {
	var out strings.Builder
	i, j := 0, 0
	for i < m.len() || j < o.len() {
		var a, ea, b, eb int
		if i < m.len() {
			a, ea = m.at(i)
		}
		if j < o.len() {
			b, eb = o.at(j)
		}
		switch {
		case j == o.len() || i < m.len() && a < b:
			out.WriteString(string(power(a, ea)))
			i++
		case i == m.len() || b < a:
			out.WriteString(string(power(b, eb)))
			j++
		default:
			if ea+eb > maxPower {
				giveUp("a power is too large")
			}
			out.WriteString(string(power(a, ea+eb)))
			i, j = i+1, j+1
		}
	}
	return monomial(out.String())
}

// polynomial maps monomials to coefficients that are not zero. Polynomials do not change once they are made.
type polynomial map[monomial]*big.Rat

// Budgets of a comparison: what a polynomial may grow to, and the products of terms in all.
const (
	maxTerms = 2048
	maxBits  = 1 << 15 // of a coefficient
	maxWork  = 200_000
)

func constant(r *big.Rat) polynomial {
	if r.Sign() == 0 {
		return polynomial{}
	}
	return polynomial{"": r}
}

// rational is the value of a polynomial without atoms.
func (p polynomial) rational() (*big.Rat, bool) {
	switch {
	case len(p) == 0:
		return new(big.Rat), true
	case len(p) == 1 && p[""] != nil:
		return p[""], true
	}
	return nil, false
}

func (p polynomial) isOne() bool { r, ok := p.rational(); return ok && r.Cmp(one) == 0 }

// monomials are in one fixed order.
func (p polynomial) monomials() []monomial {
	out := make([]monomial, 0, len(p))
	for m := range p {
		out = append(out, m)
	}
	slices.Sort(out)
	return out
}

// key is the same for the same polynomial of one field.
func (p polynomial) key() string {
	var b strings.Builder
	for _, m := range p.monomials() {
		b.WriteString(string(m))
		b.WriteString(":")
		b.WriteString(p[m].RatString())
		b.WriteString(";")
	}
	return b.String()
}

func (p polynomial) add(m monomial, c *big.Rat) {
	if old := p[m]; old != nil {
		c = new(big.Rat).Add(old, c)
	}
	if c.Sign() == 0 {
		delete(p, m)
		return
	}
	if len(p) >= maxTerms {
		giveUp("it expands to more than 2048 terms")
	}
	p[m] = c
}

func bits(r *big.Rat) int { return max(r.Num().BitLen(), r.Denom().BitLen()) }

func (f *field) sum(a, b polynomial) polynomial {
	out := make(polynomial, len(a)+len(b))
	for m, c := range a {
		out[m] = c
	}
	for m, c := range b {
		f.spend(bits(c))
		out.add(m, c)
	}
	return out
}

func (f *field) scale(p polynomial, by *big.Rat) polynomial {
	out := make(polynomial, len(p))
	for m, c := range p {
		out[m] = f.multiply(c, by)
	}
	return out
}

func (f *field) multiply(a, b *big.Rat) *big.Rat {
	size := bits(a) + bits(b)
	f.spend(size)
	if size > 2*maxBits {
		giveUp("a number is too large")
	}
	return new(big.Rat).Mul(a, b)
}

// spend takes one step, or more for large numbers, from the budget.
func (f *field) spend(size int) {
	if f.work += 1 + size/256; f.work > maxWork {
		giveUp("it takes too many steps to expand")
	}
}

// product multiplies and applies the relations of atoms, such as sqrt(2)^2 = 2.
func (f *field) product(a, b polynomial) polynomial {
	out := polynomial{}
	for ma, ca := range a {
		for mb, cb := range b {
			f.reduce(out, ma.times(mb), f.multiply(ca, cb))
		}
	}
	return out
}

// reduce adds c m to out once every power that a relation replaces is gone.
func (f *field) reduce(out polynomial, m monomial, c *big.Rat) {
	for i := range m.len() {
		id, exponent := m.at(i)
		a := f.atoms[id]
		if a.relation == nil || exponent < a.degree {
			continue
		}
		rest := m[:4*i] + m[4*i+4:]
		if left := exponent % a.degree; left > 0 {
			rest = rest.times(power(id, left))
		}
		for mr, cr := range f.powerOf(a.relation, exponent/a.degree) {
			f.reduce(out, rest.times(mr), f.multiply(c, cr))
		}
		return
	}
	out.add(m, c)
}

// maxExpanded bounds the exponent of a sum; a single term may have a larger one.
const maxExpanded = 256

// powerOf is p^n by squaring, n >= 0.
func (f *field) powerOf(p polynomial, n int) polynomial {
	if len(p) > 1 && n > maxExpanded {
		giveUp("a power of a sum is too large")
	}
	for _, c := range p {
		if bits(c) > 1 && bits(c)*n > maxBits {
			giveUp("a power is too large")
		}
	}
	out := constant(one)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			out = f.product(out, p)
		}
		if n > 1 {
			p = f.product(p, p)
		}
	}
	return out
}
