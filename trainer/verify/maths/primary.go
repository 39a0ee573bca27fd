package maths

import (
	"math/big"
	"strings"
)

// primary reads a number, name, bracket or construct without what may follow it.
func (p *parser) primary() *node {
	t := p.take()
	switch t.kind {
	case numeral:
		if p.is("_") {
			return p.inBase(t)
		}
		return literal(t)
	case letter:
		return p.variable(t)
	case command:
		return p.command(t.text)
	case symbol:
		return p.bracketed(t.text)
	case end:
		giveUp("it ends where a value is expected")
	}
	giveUp(describe(t) + " stands where a value is expected")
	return nil
}

// variable reads a letter with its subscript; e and i are constants.
func (p *parser) variable(t token) *node {
	if p.accept("_") {
		return &node{op: opVar, name: t.text + "_" + p.subscript()}
	}
	if t.text == "e" || t.text == "i" {
		return &node{op: opConst, name: t.text}
	}
	if functionLetters[t.text] && p.is("(") && !p.peek().spaced {
		p.at++
		n := &node{op: opCall, name: t.text + "()", args: p.items()}
		p.expect(")")
		return n
	}
	return &node{op: opVar, name: t.text}
}

// functionLetters before a bracket are functions of unknown meaning: f(x+1) is no product.
var functionLetters = map[string]bool{"f": true, "g": true, "h": true, "F": true, "G": true, "H": true}

func (p *parser) subscript() string {
	braced := p.accept("{")
	var name strings.Builder
	for {
		t := p.peek()
		if t.kind != letter && t.kind != numeral && t.kind != words {
			giveUp("a subscript may hold letters and digits only")
		}
		name.WriteString(describe(t))
		p.at++
		if !braced || p.accept("}") {
			return name.String()
		}
	}
}

// inBase reads 1011_2: the digits are those of the base.
func (p *parser) inBase(t token) *node {
	p.expect("_")
	base := p.argument()
	if !t.integer || !base.isInteger() || base.number.Cmp(big.NewRat(2, 1)) < 0 || base.number.Cmp(big.NewRat(10, 1)) > 0 {
		giveUp("a number with a subscript must be whole, and its base 2 to 10")
	}
	value, ok := new(big.Int).SetString(t.number.Num().String(), int(base.number.Num().Int64()))
	if !ok {
		giveUp("a digit is not one of its base")
	}
	return &node{op: opNumber, number: new(big.Rat).SetInt(value)}
}

// argument reads {...} or a single digit, letter or constant.
func (p *parser) argument() *node {
	if p.is("{") {
		p.at++
		return p.group("}")
	}
	t := p.peek()
	if t.kind == numeral && (!t.integer || len(t.number.Num().String()) > 1) {
		giveUp("several digits without braces")
	}
	if t.kind != numeral && t.kind != letter && t.kind != command {
		giveUp("an argument is missing")
	}
	return p.again(p.primary)
}

// group reads one expression up to the closing bracket.
func (p *parser) group(close string) *node {
	bars := p.bars
	p.bars = 0
	n := p.sum()
	p.expect(close)
	p.bars = bars
	return n
}

// command reads what a named construct stands for.
func (p *parser) command(name string) *node {
	switch name {
	case "pi":
		return &node{op: opConst, name: "pi"}
	case "infty":
		return &node{op: opInfinity}
	case "emptyset":
		return &node{op: opSet}
	case "frac":
		return p.fraction()
	case "sqrt", "radical", "cbrt":
		return p.root(name)
	case "binom":
		return call("binom", p.argument(), p.argument())
	case "begin":
		return p.matrix()
	case "mathbb":
		return &node{op: opText, name: "mathbb " + p.argument().name}
	}
	if functions[name] {
		return p.function(name)
	}
	giveUp(name + " is not known")
	return nil
}

// fraction reads \frac{a}{b} and \frac12.
func (p *parser) fraction() *node {
	if t := p.peek(); t.kind == numeral && t.integer {
		if digits := t.number.Num().String(); len(digits) == 2 {
			p.at++
			return &node{op: opDiv, args: []*node{number(int64(digits[0] - '0')), number(int64(digits[1] - '0'))}}
		}
	}
	return &node{op: opDiv, args: []*node{p.argument(), p.argument()}}
}

// root reads \sqrt{a}, \sqrt[n]{a}, sqrt(a), √a and cbrt(a).
func (p *parser) root(name string) *node {
	degree := number(2)
	switch {
	case name == "cbrt":
		degree = number(3)
	case name == "sqrt" && p.accept("["):
		degree = p.group("]")
	}
	var under *node
	switch t := p.peek(); {
	case p.accept("("):
		under = p.group(")")
	case name == "radical" && t.kind == numeral:
		under = p.again(p.primary)
	default:
		under = p.argument()
	}
	return &node{op: opRoot, args: []*node{under, degree}}
}

// functions of one argument.
var functions = map[string]bool{
	"sin": true, "cos": true, "tan": true, "cot": true, "sec": true, "csc": true, "arcsin": true, "arccos": true, "arctan": true,
	"sinh": true, "cosh": true, "tanh": true, "ln": true, "log": true, "exp": true, "abs": true, "floor": true, "ceil": true,
}

// inverse of sin^{-1} and the like.
var inverse = map[string]string{"sin": "arcsin", "cos": "arccos", "tan": "arctan"}

// function reads the base, the exponent and the argument of a function.
func (p *parser) function(name string) *node {
	var base, exponent *node
	if name == "log" && p.accept("_") {
		base = p.argument()
	}
	if p.accept("^") {
		exponent = p.exponentOfFunction()
		if exponent.op == opNeg && exponent.args[0].isInteger() && exponent.args[0].number.Cmp(one) == 0 {
			if name, exponent = inverse[name], nil; name == "" {
				giveUp("the exponent -1 of this function may mean its inverse or its reciprocal")
			}
		}
	}
	n := call(name, p.operand())
	if base != nil {
		n.args = append(n.args, base)
	}
	if exponent != nil {
		n = &node{op: opPow, args: []*node{n, exponent}}
	}
	return n
}

func (p *parser) exponentOfFunction() *node {
	if p.accept("-") {
		return negated(p.argument())
	}
	return p.argument()
}

// operand reads the argument of a function: a bracket, or the factors that follow up to the next operator or function.
func (p *parser) operand() *node {
	p.enter()
	defer p.leave()
	if p.accept("(") {
		return p.group(")")
	}
	n := p.power()
	for {
		t := p.peek()
		if t.kind != letter && !(t.kind == command && (t.text == "pi" || t.text == "frac" || t.text == "sqrt")) {
			return n
		}
		n = &node{op: opMul, args: []*node{n, p.power()}}
	}
}
