package maths

import (
	"math/big"

	"spar/internal/rng"
)

// point gives every variable a value, and so every atom that has a real one.
type point struct {
	f      *field
	stream *rng.Stream
	signed bool // variables may be negative
	values map[int]value
}

type value struct {
	ball
	status
}

// point is the k-th of the points that the seed gives: variables are rationals from 1/2 to 2, negative at random
// from the seventh point on.
func (f *field) point(seed uint64, k int) *point {
	return &point{f: f, stream: rng.NewStream(seed, uint32(k)), signed: k >= 6, values: map[int]value{}}
}

func (p *point) draw() value {
	const unit = 1 << 20
	n := int64(unit/2 + p.stream.IntN(3*unit/2))
	if p.signed && p.stream.IntN(2) == 1 {
		n = -n
	}
	return value{ballOf(big.NewRat(n, unit)), known}
}

// atom is the value of an atom; what is beyond 2^64 or below 2^-64 is unclear.
func (p *point) atom(id int) value {
	if v, ok := p.values[id]; ok {
		return v
	}
	v := p.evaluate(p.f.atoms[id])
	if v.status == known && (v.isLarge() || v.sign() != 0 && v.below(64)) {
		v.status = unclear
	}
	p.values[id] = v
	return v
}

func (p *point) evaluate(a *atom) value {
	p.f.spend(16 * 256)
	switch a.kind {
	case atomVar:
		return p.draw()
	case atomConst:
		return constantValue(a.name)
	case atomRoot:
		x := p.real(a.arg)
		if x.status == known {
			x.ball, x.status = x.root(a.degree)
		}
		return x
	case atomPower:
		return p.power(a)
	}
	x := p.real(a.arg)
	if x.status != known {
		return x
	}
	return apply(a.name, x.ball)
}

func constantValue(name string) value {
	switch name {
	case "pi":
		return value{piBall(), known}
	case "e":
		b, s := ballOf(one).exp()
		return value{b, s}
	}
	return value{ballOf(new(big.Rat)), unclear} // i is split off before
}

func (p *point) power(a *atom) value {
	base, exponent := p.real(a.arg), p.real(a.exponent)
	if base.status != known {
		return base
	}
	if exponent.status != known {
		return exponent
	}
	log, s := base.ln()
	if s != known {
		return value{log, s}
	}
	b, s := exponent.mul(log).exp()
	return value{b, s}
}

// apply is a function of a real number.
func apply(name string, x ball) (v value) {
	switch name {
	case "sin":
		v.ball, _, v.status = x.sinCos()
	case "cos":
		_, v.ball, v.status = x.sinCos()
	case "ln":
		v.ball, v.status = x.ln()
	case "arctan":
		v.ball = x.atan()
	case "arcsin":
		v.ball, v.status = x.asin()
	case "arccos":
		v.ball, v.status = x.asin()
		quarter := piBall()
		quarter.mid.Rsh(quarter.mid, 1)
		v.ball = quarter.sub(v.ball)
	case "abs":
		v.ball = ball{new(big.Int).Abs(x.mid), x.rad}
	case "floor", "ceil":
		v.ball, v.status = x.whole(name == "ceil")
	default:
		v = value{x, unclear}
	}
	return v
}

// whole is the floor or the ceiling; unclear when the ball holds an integer.
func (a ball) whole(up bool) (ball, status) {
	low, high := new(big.Int).Sub(a.mid, a.rad), new(big.Int).Add(a.mid, a.rad)
	low.Rsh(low, precision)
	high.Rsh(high, precision)
	if low.Cmp(high) != 0 || a.rad.Sign() == 0 {
		return a, unclear
	}
	if up {
		low.Add(low, big.NewInt(1))
	}
	return exactly(low.Lsh(low, precision)), known
}

// real is the value of a quotient without i.
func (p *point) real(r ratio) value {
	re, im := p.f.split(r.num)
	reDen, imDen := p.f.split(r.den)
	num, den := p.polynomial(re), p.polynomial(reDen)
	s := max(worse(num.status, den.status), known)
	if len(im) > 0 || len(imDen) > 0 || s == known && den.sign() == 0 {
		s = worse(s, unclear)
	}
	if s != known {
		return value{num.ball, s}
	}
	return value{num.quo(den.ball), known}
}

// worse prefers undefined: a part without a value leaves the whole without one.
func worse(a, b status) status {
	if a == undefined || b == undefined {
		return undefined
	}
	return max(a, b)
}

// polynomial is the value of a polynomial without i.
func (p *point) polynomial(q polynomial) value {
	sum := value{exactly(new(big.Int)), known}
	for _, m := range q.monomials() {
		t := p.term(m, q[m])
		sum.status = worse(sum.status, t.status)
		if sum.status == known {
			sum.ball = sum.add(t.ball)
		}
	}
	return sum
}

// term is unclear when it is too large, or so small that its size may hide.
func (p *point) term(m monomial, c *big.Rat) value {
	out, nonzero := value{ballOf(c), known}, true
	for i := range m.len() {
		id, exponent := m.at(i)
		v := p.atom(id)
		nonzero = nonzero && v.sign() != 0
		out.status = worse(out.status, v.status)
		for factor := v.ball; exponent > 0 && out.status == known; exponent >>= 1 {
			p.f.spend(256)
			if exponent&1 == 1 {
				out.ball = out.mul(factor)
			}
			if factor = factor.mul(factor); factor.isLarge() && exponent > 1 || out.isLarge() {
				out.status = unclear
			}
		}
	}
	if out.status == known && (out.isLarge() || nonzero && out.below(200)) {
		out.status = unclear
	}
	return out
}
