package maths

import (
	"math/big"
	"strconv"
)

// atomKind is what an atom stands for.
type atomKind uint8

const (
	atomVar   atomKind = iota // a variable
	atomConst                 // pi, e or i
	atomRoot                  // the degree-th root of arg
	atomCall                  // the function name of arg
	atomPower                 // arg to the power of exponent
)

// atom is what polynomials are written in.
type atom struct {
	kind          atomKind
	name          string
	degree        int        // of a root and of i
	relation      polynomial // what its degree-th power is; nil: nothing is known
	arg, exponent ratio
	independent   bool // no polynomial relation with other independent atoms is possible but its own
}

// ratio is a quotient of polynomials; num and den are not reduced to lowest terms.
type ratio struct{ num, den polynomial }

// field interns the atoms of one comparison, so that equal expressions on both sides become equal polynomials.
type field struct {
	atoms []*atom
	byKey map[string]int
	work  int
}

func newField() *field { return &field{byKey: map[string]int{}} }

// maxAtoms bounds the atoms of a comparison.
const maxAtoms = 256

// intern returns the polynomial that is the one atom with that key.
func (f *field) intern(key string, a *atom) polynomial {
	id, known := f.byKey[key]
	if !known {
		if id = len(f.atoms); id >= maxAtoms {
			giveUp("it holds more than 256 different roots, functions and variables")
		}
		f.atoms = append(f.atoms, a)
		f.byKey[key] = id
	}
	return polynomial{power(id, 1): one}
}

func (f *field) variable(name string) ratio {
	return whole(f.intern("v "+name, &atom{kind: atomVar, name: name, independent: true}))
}

func (f *field) constant(name string) ratio {
	a := &atom{kind: atomConst, name: name, independent: true}
	if name == "i" {
		a.degree, a.relation = 2, constant(big.NewRat(-1, 1))
	}
	return whole(f.intern("c "+name, a))
}

func (f *field) function(name string, arg ratio) ratio {
	return whole(f.intern("f "+name+" "+arg.key(), &atom{kind: atomCall, name: name, arg: arg}))
}

func (f *field) opaquePower(base, exponent ratio) ratio {
	return whole(f.intern("p "+base.key()+"^"+exponent.key(), &atom{kind: atomPower, arg: base, exponent: exponent}))
}

// rootAtom is the degree-th root of arg as an atom.
func (f *field) rootAtom(arg ratio, degree int, independent bool) ratio {
	a := &atom{kind: atomRoot, degree: degree, arg: arg, independent: independent}
	if arg.den.isOne() {
		a.relation = arg.num
	}
	return whole(f.intern("r "+strconv.Itoa(degree)+" "+arg.key(), a))
}

func whole(p polynomial) ratio { return ratio{p, constant(one)} }

func rational(r *big.Rat) ratio { return whole(constant(r)) }

func integer(n int64) ratio { return rational(big.NewRat(n, 1)) }

func (r ratio) key() string { return "(" + r.num.key() + "/" + r.den.key() + ")" }

// rational is the value of a ratio without atoms.
func (r ratio) rational() (*big.Rat, bool) {
	if !r.den.isOne() {
		return nil, false
	}
	return r.num.rational()
}

// ratioOf scales the quotient so that the first coefficient of den is 1.
func (f *field) ratioOf(num, den polynomial) ratio {
	if len(den) == 0 {
		giveUp("it divides by zero")
	}
	lead := den[den.monomials()[0]]
	if lead.Cmp(one) == 0 {
		return ratio{num, den}
	}
	inverse := new(big.Rat).Inv(lead)
	return ratio{f.scale(num, inverse), f.scale(den, inverse)}
}

func (f *field) add(a, b ratio) ratio {
	if a.den.key() == b.den.key() {
		return ratio{f.sum(a.num, b.num), a.den}
	}
	return f.ratioOf(f.sum(f.product(a.num, b.den), f.product(b.num, a.den)), f.product(a.den, b.den))
}

func (f *field) mul(a, b ratio) ratio {
	return f.ratioOf(f.product(a.num, b.num), f.product(a.den, b.den))
}

func (f *field) div(a, b ratio) ratio {
	return f.ratioOf(f.product(a.num, b.den), f.product(a.den, b.num))
}

func (f *field) negative(a ratio) ratio { return ratio{f.scale(a.num, big.NewRat(-1, 1)), a.den} }

// difference is the numerator of a - b over the common denominator.
func (f *field) difference(a, b ratio) polynomial {
	return f.sum(f.product(a.num, b.den), f.scale(f.product(b.num, a.den), big.NewRat(-1, 1)))
}
