package maths

import "math/big"

// sum reads terms joined by +, - and ±.
func (p *parser) sum() *node {
	p.enter()
	defer p.leave()
	left := p.signed()
	for {
		switch {
		case p.accept("+"):
			left = plus(left, p.product())
		case p.accept("-"):
			left = plus(left, negated(p.product()))
		case p.accept("±"):
			left = plusMinus(left, p.product())
		default:
			return left
		}
	}
}

// signed reads a first term with its signs.
func (p *parser) signed() *node {
	switch {
	case p.accept("-"):
		return negated(p.again(p.signed))
	case p.accept("+"):
		return p.again(p.signed)
	case p.accept("±"):
		return plusMinus(number(0), p.product())
	}
	return p.product()
}

// again calls read one level deeper.
func (p *parser) again(read func() *node) *node {
	p.enter()
	defer p.leave()
	return read()
}

func negated(n *node) *node {
	if n.op == opUnit || n.op == opPercent || n.op == opDegree {
		return &node{op: n.op, name: n.name, args: []*node{negated(n.args[0])}}
	}
	return &node{op: opNeg, args: []*node{n}}
}

func plus(left, right *node) *node { return &node{op: opAdd, args: []*node{left, right}} }

func plusMinus(left, right *node) *node { return &node{op: opPlusMinus, args: []*node{left, right}} }

// product reads factors joined by * and / or by nothing, and the unit after them.
func (p *parser) product() *node {
	if t := p.peek(); t.kind == words && t.text == "$" {
		p.at++
		return p.unitAfter(&node{op: opUnit, name: "$", args: []*node{p.again(p.product)}})
	}
	left := p.first()
	for {
		switch {
		case p.accept("*"):
			left = &node{op: opMul, args: []*node{left, p.factor()}}
		case p.accept("/"):
			left = &node{op: opDiv, args: []*node{left, p.factor()}}
		case p.startsFactor():
			left = &node{op: opMul, args: []*node{left, p.power()}}
		case p.peek().kind == numeral:
			giveUp("a number follows without an operator")
		default:
			return p.unitAfter(left)
		}
	}
}

// factor reads a factor after an operator; it may have a sign.
func (p *parser) factor() *node {
	if p.accept("-") {
		return negated(p.again(p.factor))
	}
	return p.power()
}

// first reads the first factor of a product: a mixed number such as 1 1/2 or 1\frac{1}{2}, or any other.
func (p *parser) first() *node {
	whole := p.peek()
	n := p.power()
	if whole.kind != numeral || !whole.integer || n.op != opNumber {
		return n
	}
	switch next := p.peek(); {
	case p.isCommand("frac"):
		return p.mixed(n, p.power())
	case next.kind == numeral && next.integer && next.spaced && p.ahead(1).text == "/" && p.ahead(2).kind == numeral && p.ahead(2).integer:
		p.at += 3
		return p.mixed(n, &node{op: opDiv, args: []*node{literal(next), literal(p.tokens[p.at-1])}})
	}
	return n
}

func literal(t token) *node { return &node{op: opNumber, number: t.number} }

// mixed joins a whole number and what follows it: as a sum when that is a proper fraction of whole numbers.
func (p *parser) mixed(whole, part *node) *node {
	if part.op != opDiv || !part.args[0].isInteger() || !part.args[1].isInteger() {
		return &node{op: opMul, args: []*node{whole, part}}
	}
	if part.args[0].number.Cmp(part.args[1].number) >= 0 {
		giveUp("a whole number before an improper fraction may be a sum or a product")
	}
	return plus(whole, part)
}

// startsFactor reports whether the next token begins a factor that no operator precedes.
func (p *parser) startsFactor() bool {
	switch t := p.peek(); t.kind {
	case letter:
		return true
	case command:
		return t.text != "and" && t.text != "or" && t.text != "end"
	case symbol:
		return t.text == "(" || t.text == "[" || t.text == "{" || t.text == "⌊" || t.text == "⌈" || t.text == "|" && p.bars == 0
	}
	return false
}

// power reads a primary with its exponents and postfix signs.
func (p *parser) power() *node {
	p.enter()
	defer p.leave()
	n := p.primary()
	for {
		switch {
		case p.is("^"):
			p.at++
			n = p.raised(n)
		case p.accept("!"):
			n = call("factorial", n)
		case p.accept("%"):
			n = &node{op: opPercent, args: []*node{n}}
		case p.accept("°"):
			n = &node{op: opDegree, args: []*node{n}}
		default:
			return n
		}
	}
}

// raised reads what stands after ^: an exponent, or a degree sign.
func (p *parser) raised(base *node) *node {
	if p.accept("°") || p.is("{") && p.ahead(1).text == "°" && p.ahead(2).text == "}" {
		if p.is("{") {
			p.at += 3
		}
		return &node{op: opDegree, args: []*node{base}}
	}
	return &node{op: opPow, args: []*node{base, p.exponent()}}
}

// exponent reads what stands after ^; powers of powers group from the right.
func (p *parser) exponent() *node {
	p.enter()
	defer p.leave()
	if p.accept("-") {
		return negated(p.exponent())
	}
	p.accept("+")
	n := p.primary()
	if p.accept("^") {
		return &node{op: opPow, args: []*node{n, p.exponent()}}
	}
	return n
}

// spread turns each item with a ± into the two that it stands for.
func spread(items []*node) []*node {
	var out []*node
	for _, n := range items {
		switch countPlusMinus(n) {
		case 0:
			out = append(out, n)
		case 1:
			out = append(out, choose(n, false), choose(n, true))
		default:
			giveUp("it holds more than one ±")
		}
	}
	return out
}

func countPlusMinus(n *node) int {
	count := 0
	if n.op == opPlusMinus {
		count = 1
	}
	for _, a := range n.args {
		count += countPlusMinus(a)
	}
	return count
}

// choose replaces a ± b by a + b or a - b.
func choose(n *node, minus bool) *node {
	if len(n.args) == 0 {
		return n
	}
	args := make([]*node, len(n.args))
	for i, a := range n.args {
		args[i] = choose(a, minus)
	}
	if n.op == opPlusMinus {
		if minus {
			args[1] = negated(args[1])
		}
		return plus(args[0], args[1])
	}
	return &node{op: n.op, name: n.name, number: n.number, args: args}
}

// one is 1, never changed.
var one = big.NewRat(1, 1)
