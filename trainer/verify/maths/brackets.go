package maths

// bracketed reads what an opening bracket begins: a group, tuple, interval, set, absolute value, floor or ceiling.
func (p *parser) bracketed(open string) *node {
	p.enter()
	defer p.leave()
	bars := p.bars
	defer func() { p.bars = bars }()
	p.bars = 0
	switch open {
	case "(", "[":
		return p.tuple(open)
	case "{.":
		return p.set(".}")
	case "{":
		return p.braces()
	case "|":
		p.bars = 1
		n := p.sum()
		p.expect("|")
		return call("abs", n)
	case "⌊":
		return call("floor", p.group("⌋"))
	case "⌈":
		return call("ceil", p.group("⌉"))
	}
	giveUp(open + " stands where a value is expected")
	return nil
}

// tuple reads (a), (a, b), [a, b) and longer ones; the brackets of two values may be those of an interval.
func (p *parser) tuple(open string) *node {
	items := p.items()
	close := p.peek().text
	if !p.accept(")") && !p.accept("]") {
		giveUp("a bracket is not closed")
	}
	brackets := open + close
	matching := brackets == "()" || brackets == "[]"
	switch {
	case len(items) == 1 && matching:
		return items[0]
	case len(items) == 2 && brackets != "()":
		return &node{op: opInterval, name: brackets, args: items}
	case matching:
		return &node{op: opTuple, name: brackets, args: items}
	}
	giveUp("its brackets do not match")
	return nil
}

func (p *parser) set(close string) *node {
	if p.accept(close) {
		return &node{op: opSet}
	}
	items := spread(p.items())
	p.expect(close)
	return &node{op: opSet, args: items}
}

// braces groups one value, and is a set in plain text such as {1, 2}.
func (p *parser) braces() *node {
	items := p.items()
	p.expect("}")
	if len(items) == 1 {
		return items[0]
	}
	return &node{op: opSet, args: spread(items)}
}

// matrix reads the rows between \begin and \end of a matrix environment.
func (p *parser) matrix() *node {
	name := p.environment()
	if name != "pmatrix" && name != "bmatrix" && name != "matrix" {
		giveUp("the environment " + name + " is not known")
	}
	m := &node{op: opMatrix}
	row := &node{op: opTuple, name: "()"}
	for {
		row.args = append(row.args, p.sum())
		if p.accept("&") {
			continue
		}
		m.args = append(m.args, row)
		row = &node{op: opTuple, name: "()"}
		ended := p.accept(`\\`)
		if p.isCommand("end") {
			p.at++
			if p.environment() != name {
				giveUp("a matrix begins and ends with different names")
			}
			return m
		}
		if !ended {
			giveUp("a matrix is not closed")
		}
	}
}

func (p *parser) environment() string {
	p.expect("{")
	name := p.take().text
	p.expect("}")
	return name
}
