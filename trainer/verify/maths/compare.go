package maths

import "math/big"

// comparison relates two parsed answers.
type comparison struct {
	field   *field
	percent bool
	seed    uint64 // of the points
	note    string // why the last part was unknown
}

// maxElements bounds the lists that are compared in every order.
const maxElements = 64

func (c *comparison) unknown(why string) Relation {
	c.note = why
	return Unknown
}

func (c *comparison) reason(r Relation) string {
	switch {
	case r == Different:
		return "the two differ"
	case r == Unknown && c.note != "":
		return c.note
	case r == Unknown:
		return "it cannot be told whether the two are equal"
	}
	return ""
}

// top relates whole answers: a name before a value is ignored when only one side has it.
func (c *comparison) top(a, b *node) Relation {
	if (a.op == opEquation) != (b.op == opEquation) {
		a, b = a.withoutName(), b.withoutName()
	}
	if (a.op == opRange) != (b.op == opRange) {
		a, b = interval(a), interval(b)
	}
	return c.values(a, b)
}

func interval(n *node) *node {
	if n.op == opRange {
		return n.args[0]
	}
	return n
}

// values relates two parts of the same place.
func (c *comparison) values(a, b *node) Relation {
	if r, done := c.marked(a, b); done {
		return r
	}
	switch {
	case a.op == opText || b.op == opText:
		return c.texts(a, b)
	case isInfinite(a) || isInfinite(b):
		return c.infinities(a, b)
	case unordered(a) && unordered(b):
		return c.collections(a, b)
	case a.op == opTuple || a.op == opInterval:
		return c.tuples(a, b)
	case a.op != b.op && (isStructure(a) || isStructure(b)):
		return c.unknown("one is a list, interval, matrix or equation and the other is not the same")
	case a.op == opUnion:
		return c.inAnyOrder(a.args, b.args, false)
	case a.op == opMatrix:
		return c.inOrder(a.args, b.args)
	case a.op == opEquation:
		return c.equations(a, b)
	case a.op == opRange:
		if a.name != b.name {
			return c.unknown("the two bound different variables")
		}
		return c.values(a.args[0], b.args[0])
	}
	return c.scalars(c.field.normal(a), c.field.normal(b))
}

// marked deals with units, percent and degree signs that only one side may have.
func (c *comparison) marked(a, b *node) (Relation, bool) {
	if a.op == opUnit && b.op == opUnit && a.name != b.name {
		return c.unknown("the units differ"), true
	}
	if a.op == opUnit || b.op == opUnit {
		return c.values(bare(a, opUnit), bare(b, opUnit)), true
	}
	for _, sign := range []op{opPercent, opDegree} {
		if (a.op == sign) == (b.op == sign) || sign == opPercent && !c.percent || isStructure(a) || isStructure(b) {
			continue
		}
		if c.values(bare(a, sign), bare(b, sign)) == Equal {
			return Equal, true
		}
	}
	return Unknown, false
}

func bare(n *node, mark op) *node {
	if n.op == mark {
		return n.args[0]
	}
	return n
}

// isStructure reports what is not a single number.
func isStructure(n *node) bool {
	switch n.op {
	case opList, opSet, opTuple, opInterval, opUnion, opMatrix, opEquation, opRange:
		return true
	}
	return false
}

func unordered(n *node) bool { return n.op == opList || n.op == opSet }

// texts relates words; a single letter may be written as a word on one side.
func (c *comparison) texts(a, b *node) Relation {
	if a.op == opText && b.op == opText {
		if a.name == b.name {
			return Equal
		}
		return Different
	}
	word, other := a, b
	if word.op != opText {
		word, other = b, a
	}
	if (other.op == opVar || other.op == opConst) && len(word.name) == 1 && word.name == squeezeLower(other.name) {
		return Equal
	}
	return c.unknown("one is in words and the other is not")
}

func squeezeLower(s string) string {
	if len(s) == 1 && s[0] >= 'A' && s[0] <= 'Z' {
		return string(s[0] + 'a' - 'A')
	}
	return s
}

func isInfinite(n *node) bool {
	return n.op == opInfinity || n.op == opNeg && n.args[0].op == opInfinity
}

func (c *comparison) infinities(a, b *node) Relation {
	switch {
	case isInfinite(a) && isInfinite(b) && a.op == b.op:
		return Equal
	case isInfinite(a) && isInfinite(b):
		return Different
	case isStructure(a), isStructure(b):
		return c.unknown("one is infinite and the other a list")
	}
	finite := a
	if isInfinite(a) {
		finite = b
	}
	c.field.normal(finite)
	return Different
}

// collections relates lists without brackets and sets: a set knows no repetition.
func (c *comparison) collections(a, b *node) Relation {
	return c.inAnyOrder(a.args, b.args, a.op == opSet || b.op == opSet)
}

// inAnyOrder pairs the parts of two collections; with repeats, several may pair with the same one.
func (c *comparison) inAnyOrder(as, bs []*node, repeats bool) Relation {
	if len(as) > maxElements || len(bs) > maxElements {
		return c.unknown("a list has more than 64 parts")
	}
	if !repeats && len(as) != len(bs) {
		return Different
	}
	result := Equal
	taken := make([]bool, len(bs))
	for _, a := range as {
		found := Different
		for j, b := range bs {
			if taken[j] && !repeats {
				continue
			}
			r := c.values(a, b)
			if r == Equal {
				found, taken[j] = Equal, true
				if !repeats {
					break
				}
			} else if r == Unknown && found == Different {
				found = Unknown
			}
		}
		result = both(result, found)
	}
	for _, t := range taken {
		if !t {
			result = both(result, Different)
		}
	}
	return result
}

// both is Equal when a and b are; Unknown when one is.
func both(a, b Relation) Relation {
	switch {
	case a == Equal:
		return b
	case b == Equal:
		return a
	}
	return min(a, b)
}

// tuples relates tuples and intervals: (1, 2) may be either.
func (c *comparison) tuples(a, b *node) Relation {
	switch {
	case b.op != opTuple && b.op != opInterval:
		return c.unknown("one is a tuple or interval and the other is not")
	case a.name != b.name && len(a.args) != 2:
		return c.unknown("the brackets differ")
	case a.name != b.name:
		return Different
	}
	return c.inOrder(a.args, b.args)
}

func (c *comparison) inOrder(as, bs []*node) Relation {
	if len(as) != len(bs) {
		return Different
	}
	result := Equal
	for i := range as {
		r := c.values(as[i], bs[i])
		if r == Different {
			return Different
		}
		result = both(result, r)
	}
	return result
}

// equations relates "y = ..." with the same name by their right sides, others by left less right up to a factor.
func (c *comparison) equations(a, b *node) Relation {
	if a.name == b.name && a.name != "" {
		return c.values(a.args[1], b.args[1])
	}
	for _, n := range []*node{a.args[0], a.args[1], b.args[0], b.args[1]} {
		if isStructure(n) || n.op == opText {
			return c.unknown("the equations are of different names")
		}
	}
	p, q := c.zeroForm(a), c.zeroForm(b)
	if len(p) == 0 || len(q) == 0 || len(p) != len(q) {
		return c.unknown("the equations are not multiples of each other")
	}
	m := p.monomials()[0]
	if q[m] == nil {
		return c.unknown("the equations are not multiples of each other")
	}
	factor := new(big.Rat).Quo(p[m], q[m])
	if c.field.scale(q, factor).key() != p.key() {
		return c.unknown("the equations are not multiples of each other")
	}
	return Equal
}

// zeroForm is left less right of an equation between polynomials.
func (c *comparison) zeroForm(n *node) polynomial {
	left, right := c.field.normal(n.args[0]), c.field.normal(n.args[1])
	if !left.den.isOne() || !right.den.isOne() {
		giveUp("an equation has fractions with variables")
	}
	return c.field.difference(left, right)
}
