package maths

import "strings"

// parser reads the tokens of one answer. Its methods give up on what they cannot read.
type parser struct {
	tokens []token
	at     int
	depth  int
	bars   int // open absolute values
}

// parse reads a whole answer; what names it in the reason for giving up.
func parse(src, what string) *node {
	defer func() {
		if r := recover(); r != nil {
			if s, ok := r.(stop); ok {
				r = stop{what + " cannot be read: " + s.reason}
			}
			panic(r)
		}
	}()
	p := &parser{tokens: lex(strings.TrimRight(strings.TrimSpace(src), ". \n\t"))}
	if p.peek().kind == end {
		giveUp("it is empty")
	}
	n := p.list()
	if t := p.peek(); t.kind != end {
		giveUp("it goes on after its end with " + describe(t))
	}
	return n
}

func describe(t token) string {
	if t.kind == numeral {
		return t.number.RatString()
	}
	return t.text
}

func (p *parser) peek() token { return p.tokens[p.at] }

// take returns the next token and goes past it; the end is never passed.
func (p *parser) take() token {
	t := p.peek()
	if t.kind != end {
		p.at++
	}
	return t
}

func (p *parser) ahead(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

// is reports whether the next token is that symbol.
func (p *parser) is(text string) bool { t := p.peek(); return t.kind == symbol && t.text == text }

func (p *parser) isCommand(text string) bool {
	t := p.peek()
	return t.kind == command && t.text == text
}

// accept takes the symbol when it comes next.
func (p *parser) accept(text string) bool {
	if !p.is(text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(text string) {
	if !p.accept(text) {
		giveUp("a " + text + " is missing")
	}
}

// enter bounds recursion; call leave when done.
func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		giveUp("it is nested deeper than 64 levels")
	}
}

func (p *parser) leave() { p.depth-- }

// list reads items that commas, "and" or "or" join; one item stands for itself.
func (p *parser) list() *node {
	items := p.items()
	items = spread(items)
	if len(items) == 1 {
		return items[0]
	}
	if name := sharedName(items); name != "" {
		values := make([]*node, len(items))
		for i, n := range items {
			values[i] = n.withoutName()
		}
		return &node{op: opEquation, name: name, args: []*node{{op: opVar, name: name}, {op: opList, args: values}}}
	}
	return &node{op: opList, args: items}
}

// items reads what separators join, up to a closing bracket or the end.
func (p *parser) items() []*node {
	items := []*node{p.item()}
	for p.separator() {
		items = append(items, p.item())
	}
	return items
}

func (p *parser) separator() bool {
	found := p.accept(",") || p.accept(";")
	if p.isCommand("and") || p.isCommand("or") {
		p.at++
		found = true
	}
	return found
}

// sharedName is the one name of "x = 1, 2" and "x = 1 or x = 2"; "" where there is none or more than one.
func sharedName(items []*node) string {
	name := items[0].name
	if items[0].op != opEquation || name == "" {
		return ""
	}
	for _, n := range items[1:] {
		if n.op == opEquation && n.name != name || n.op == opRange {
			return ""
		}
	}
	return name
}

// item reads an expression or relation.
func (p *parser) item() *node {
	p.enter()
	defer p.leave()
	start := p.at
	if p.peek().kind == words && p.peek().text != "$" {
		return p.text()
	}
	left := p.union()
	name := p.nameBetween(start, p.at)
	switch {
	case p.is("="):
		return p.equation(name, left)
	case p.accept("∈"):
		if name == "" {
			giveUp("∈ has no name on its left")
		}
		return &node{op: opEquation, name: name, args: []*node{left, p.union()}}
	case p.is("<"), p.is(">"), p.is("<="), p.is(">="):
		return p.inequality(left)
	}
	return left
}

func (p *parser) equation(name string, left *node) *node {
	p.expect("=")
	var right *node
	if p.peek().kind == words && p.peek().text != "$" {
		right = p.text()
	} else {
		right = p.union()
	}
	if p.is("=") || p.is("<") || p.is(">") || p.is("<=") || p.is(">=") {
		giveUp("it is a chain of relations")
	}
	return &node{op: opEquation, name: name, args: []*node{left, right}}
}

// nameBetween is the text of tokens that form a name: x, x_1 or f(x, y); "" for anything else.
func (p *parser) nameBetween(from, to int) string {
	ts := p.tokens[from:to]
	if len(ts) == 0 || ts[0].kind != letter {
		return ""
	}
	name := ts[0].text
	rest := ts[1:]
	if len(rest) >= 2 && rest[0].kind == symbol && rest[0].text == "_" && (rest[1].kind == letter || rest[1].kind == numeral) {
		name += "_" + describe(rest[1])
		rest = rest[2:]
	}
	if len(rest) == 0 {
		return name
	}
	for i, t := range rest {
		opening, closing := i == 0, i == len(rest)-1
		switch {
		case opening && t.text == "(", closing && t.text == ")":
		case opening || closing, t.kind != letter && t.text != ",":
			return ""
		}
		name += t.text
	}
	return name
}

// inequality reads "x > 3" or "1 < x <= 5" as the interval of the one name in it.
func (p *parser) inequality(first *node) *node {
	parts, signs := []*node{first}, []string{}
	for p.is("<") || p.is(">") || p.is("<=") || p.is(">=") {
		signs = append(signs, p.peek().text)
		p.at++
		parts = append(parts, p.union())
	}
	if len(signs) > 2 || len(signs) == 2 && signs[0][0] != signs[1][0] {
		giveUp("it is a chain of relations")
	}
	if signs[0][0] == '>' { // turn it round, so that it rises
		for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
			parts[i], parts[j] = parts[j], parts[i]
		}
		if len(signs) == 2 {
			signs[0], signs[1] = signs[1], signs[0]
		}
	}
	low, high := &node{op: opNeg, args: []*node{{op: opInfinity}}}, &node{op: opInfinity}
	brackets := []byte("()")
	variable := parts[len(parts)/2]
	switch {
	case len(parts) == 3:
		low, high = parts[0], parts[2]
		brackets[0], brackets[1] = bracket(signs[0], "(["), bracket(signs[1], ")]")
	case parts[0].op == opVar:
		variable, high = parts[0], parts[1]
		brackets[1] = bracket(signs[0], ")]")
	default:
		low = parts[0]
		brackets[0] = bracket(signs[0], "([")
	}
	if variable.op != opVar {
		giveUp("an inequality is read only when it bounds a single variable")
	}
	return &node{op: opRange, name: variable.name, args: []*node{{op: opInterval, name: string(brackets), args: []*node{low, high}}}}
}

// bracket is the open one for < and the closed one for <=.
func bracket(sign, both string) byte {
	if len(sign) == 2 {
		return both[1]
	}
	return both[0]
}

// union reads expressions joined by ∪.
func (p *parser) union() *node {
	parts := []*node{p.sum()}
	for p.accept("∪") {
		parts = append(parts, p.sum())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &node{op: opUnion, args: parts}
}

// text reads an answer in words.
func (p *parser) text() *node {
	var parts []string
	for t := p.peek(); t.kind == words || t.kind == letter; t = p.peek() {
		parts = append(parts, strings.ToLower(t.text))
		p.at++
	}
	return &node{op: opText, name: strings.Join(parts, " ")}
}
