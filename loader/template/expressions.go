package template

import (
	"slices"
	"strconv"
)

// tuple reads an expression, or several with commas between. The condition of an if and the subject of a for take no
// "a if b" outside parentheses.
func (p *parser) tuple(withCondition bool) (expr, error) {
	read := p.expression
	if !withCondition {
		read = p.or
	}
	first, err := read()
	if err != nil || !p.isOp(",") {
		return first, err
	}
	items := []expr{first}
	for p.takeOp(",") {
		if p.endsTuple() {
			break
		}
		e, err := read()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return tupleNode{items}, nil
}

func (p *parser) endsTuple() bool {
	k := p.current().kind
	return k == variableEnd || k == blockEnd || k == end || p.isOp(")")
}

func (p *parser) expression() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	e, err := p.or()
	for err == nil && p.takeName("if") {
		c := conditional{then: e}
		if c.test, err = p.or(); err != nil {
			return nil, err
		}
		if p.takeName("else") {
			if c.otherwise, err = p.expression(); err != nil {
				return nil, err
			}
		}
		e = c
	}
	return e, err
}

func (p *parser) or() (expr, error) {
	left, err := p.and()
	for err == nil && p.takeName("or") {
		var right expr
		right, err = p.and()
		left = logical{true, left, right}
	}
	return left, err
}

func (p *parser) and() (expr, error) {
	left, err := p.not()
	for err == nil && p.takeName("and") {
		var right expr
		right, err = p.not()
		left = logical{false, left, right}
	}
	return left, err
}

func (p *parser) not() (expr, error) {
	line := p.current().line
	if p.takeName("not") {
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer p.leave()
		e, err := p.not()
		return unary{"not", e, line}, err
	}
	return p.compare()
}

var compareOps = []string{"==", "!=", "<", "<=", ">", ">="}

func (p *parser) compare() (expr, error) {
	first, err := p.sum()
	if err != nil {
		return nil, err
	}
	c := comparison{first: first, line: p.current().line}
	for {
		op := ""
		switch {
		case p.current().kind == operator && slices.Contains(compareOps, p.current().text):
			op = p.current().text
			p.at++
		case p.takeName("in"):
			op = "in"
		case p.isName("not") && p.tokens[p.at+1].kind == name && p.tokens[p.at+1].text == "in":
			op = "not in"
			p.at += 2
		default:
			if len(c.ops) == 0 {
				return first, nil
			}
			return c, nil
		}
		e, err := p.sum()
		if err != nil {
			return nil, err
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, e)
	}
}

// leftToRight reads a chain of binary operators of one level.
func (p *parser) leftToRight(operand func() (expr, error), ops ...string) (expr, error) {
	left, err := operand()
	for err == nil && p.current().kind == operator && slices.Contains(ops, p.current().text) {
		t := p.current()
		p.at++
		var right expr
		right, err = operand()
		left = binary{t.text, left, right, t.line}
	}
	return left, err
}

func (p *parser) sum() (expr, error) { return p.leftToRight(p.concat, "+", "-") }

func (p *parser) concat() (expr, error) {
	first, err := p.product()
	if err != nil || !p.isOp("~") {
		return first, err
	}
	parts := []expr{first}
	for p.takeOp("~") {
		e, err := p.product()
		if err != nil {
			return nil, err
		}
		parts = append(parts, e)
	}
	return concat{parts}, nil
}

func (p *parser) product() (expr, error) { return p.leftToRight(p.power, "*", "/", "//", "%") }

func (p *parser) power() (expr, error) {
	return p.leftToRight(func() (expr, error) { return p.unary(true) }, "**")
}

func (p *parser) unary(withFilter bool) (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	t := p.current()
	var e expr
	var err error
	if p.isOp("-") || p.isOp("+") {
		p.at++
		e, err = p.unary(false)
		e = unary{t.text, e, t.line}
	} else {
		e, err = p.primary()
	}
	if err == nil {
		e, err = p.postfix(e)
	}
	if err == nil && withFilter {
		e, err = p.filtered(e)
	}
	return e, err
}

// keywords are no names of variables.
var keywords = []string{"not", "and", "or", "in", "is", "if", "else", "elif"}

func (p *parser) primary() (expr, error) {
	t := p.current()
	p.at++
	switch t.kind {
	case name:
		switch t.text {
		case "true", "True":
			return constant{true}, nil
		case "false", "False":
			return constant{false}, nil
		case "none", "None":
			return constant{nil}, nil
		}
		if slices.Contains(keywords, t.text) {
			p.at--
			return nil, p.fail("expected an expression, found %s", p.found())
		}
		if slices.Contains(unsupportedGlobals, t.text) && p.isOp("(") {
			p.at--
			return nil, p.fail("the function %q is not supported", t.text)
		}
		return variable{t.text}, nil
	case str:
		s := t.text
		for p.current().kind == str {
			s += p.current().text
			p.at++
		}
		return constant{s}, nil
	case integer:
		n, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			p.at--
			return nil, p.fail("the number %s is too large", shorten(t.text))
		}
		return constant{n}, nil
	case float:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			p.at--
			return nil, p.fail("the number %s is too large", shorten(t.text))
		}
		return constant{f}, nil
	case operator:
		switch t.text {
		case "(":
			if p.takeOp(")") {
				return tupleNode{}, nil
			}
			e, err := p.tuple(true)
			if err != nil {
				return nil, err
			}
			return e, p.expectOp(")")
		case "[":
			items, err := p.items("]")
			return listNode{items}, err
		case "{":
			return p.dict()
		}
	}
	p.at--
	return nil, p.fail("expected an expression, found %s", p.found())
}

// items reads expressions with commas between, up to the closing bracket.
func (p *parser) items(closing string) ([]expr, error) {
	var out []expr
	for !p.takeOp(closing) {
		if len(out) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			if p.takeOp(closing) {
				break
			}
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func (p *parser) dict() (expr, error) {
	d := dictNode{}
	for !p.takeOp("}") {
		if len(d.keys) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			if p.takeOp("}") {
				break
			}
		}
		k, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expectOp(":"); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, k), append(d.values, v)
	}
	return d, nil
}

// postfix reads .name, [key] and (arguments).
func (p *parser) postfix(e expr) (expr, error) {
	for {
		line := p.current().line
		switch {
		case p.takeOp("."):
			t := p.current()
			p.at++
			switch {
			case t.kind == name:
				if p.isOp("(") && !isMethod(t.text) {
					p.at--
					return nil, p.fail("the method %q is not supported", shorten(t.text))
				}
				e = attribute{e, t.text, line}
			case t.kind == integer:
				n, err := strconv.ParseInt(t.text, 10, 64)
				if err != nil {
					return nil, p.fail("the number %s is too large", shorten(t.text))
				}
				e = subscript{e, constant{n}, line}
			default:
				p.at--
				return nil, p.fail("expected a name after \".\", found %s", p.found())
			}
		case p.takeOp("["):
			var err error
			if e, err = p.subscript(e, line); err != nil {
				return nil, err
			}
		case p.isOp("("):
			pos, named, err := p.arguments()
			if err != nil {
				return nil, err
			}
			e = callNode{e, pos, named, line}
		default:
			return e, nil
		}
	}
}

func (p *parser) subscript(of expr, line int) (expr, error) {
	var parts [3]expr
	part, colons := 0, 0
	for !p.takeOp("]") {
		if p.takeOp(":") {
			colons++
			if part++; part > 2 {
				return nil, p.fail("a slice has at most three parts")
			}
			continue
		}
		if parts[part] != nil {
			return nil, p.fail("expected \"]\", found %s", p.found())
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		parts[part] = e
	}
	if colons > 0 {
		return slice{of, parts[0], parts[1], parts[2], line}, nil
	}
	if parts[0] == nil {
		return nil, p.fail("expected a key in the brackets")
	}
	return subscript{of, parts[0], line}, nil
}

func (p *parser) arguments() (pos []expr, named []namedExpr, err error) {
	if err := p.expectOp("("); err != nil {
		return nil, nil, err
	}
	for first := true; !p.takeOp(")"); first = false {
		if !first {
			if err := p.expectOp(","); err != nil {
				return nil, nil, err
			}
			if p.takeOp(")") {
				break
			}
		}
		if p.isOp("*") || p.isOp("**") {
			return nil, nil, p.fail("unpacking arguments with %q is not supported", p.current().text)
		}
		key := ""
		if next := p.tokens[p.at+1]; p.current().kind == name && next.kind == operator && next.text == "=" {
			key = p.current().text
			p.at += 2
		}
		e, err := p.expression()
		if err != nil {
			return nil, nil, err
		}
		switch {
		case key != "":
			if slices.ContainsFunc(named, func(n namedExpr) bool { return n.name == key }) {
				return nil, nil, p.fail("the argument %q is given twice", key)
			}
			named = append(named, namedExpr{key, e})
		case len(named) > 0:
			return nil, nil, p.fail("a positional argument follows a named one")
		default:
			pos = append(pos, e)
		}
	}
	return pos, named, nil
}

// filtered reads | filters, "is" tests and calls.
func (p *parser) filtered(e expr) (expr, error) {
	for {
		var err error
		switch {
		case p.isOp("|"):
			e, err = p.filter(e)
		case p.isName("is"):
			e, err = p.test(e)
		case p.isOp("("):
			c := callNode{fn: e, line: p.current().line}
			c.pos, c.named, err = p.arguments()
			e = c
		default:
			return e, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *parser) filter(of expr) (*filterNode, error) {
	p.at++
	t := p.current()
	if t.kind != name {
		return nil, p.fail("expected the name of a filter, found %s", p.found())
	}
	if _, ok := filters[t.text]; !ok {
		return nil, p.fail("the filter %q is not supported", shorten(t.text))
	}
	p.at++
	f := &filterNode{of: of, name: t.text, line: t.line}
	var err error
	if p.isOp("(") {
		f.pos, f.named, err = p.arguments()
	}
	if err == nil {
		if problem := filters[t.text].check(len(f.pos), f.named); problem != "" {
			err = p.fail("the filter %q: %s", t.text, problem)
		}
	}
	if err == nil {
		err = p.checkNamedOperation(f)
	}
	return f, err
}

// checkNamedOperation looks at map, select and the like, which name a filter or test in a string.
func (p *parser) checkNamedOperation(f *filterNode) error {
	index, ok := map[string]int{"map": 0, "select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}[f.name]
	if !ok || len(f.pos) <= index {
		return nil
	}
	c, ok := f.pos[index].(constant)
	if !ok {
		return p.fail("the filter %q must be given the name of a filter or test as a string", f.name)
	}
	n, _ := c.v.(string)
	if _, known := filters[n]; f.name == "map" && !known {
		return p.fail("the filter %q is not supported", shorten(n))
	}
	if _, known := tests[n]; f.name != "map" && !known {
		return p.fail("the test %q is not supported", shorten(n))
	}
	return nil
}

func (p *parser) test(of expr) (expr, error) {
	p.at++
	n := &testNode{of: of, line: p.current().line, not: p.takeName("not")}
	t := p.current()
	if t.kind != name {
		return nil, p.fail("expected the name of a test, found %s", p.found())
	}
	spec, ok := tests[t.text]
	if !ok {
		return nil, p.fail("the test %q is not supported", shorten(t.text))
	}
	p.at++
	n.name = t.text
	switch next := p.current(); {
	case p.isOp("("):
		pos, named, err := p.arguments()
		if err != nil {
			return nil, err
		}
		if len(named) > 0 {
			return nil, p.fail("the test %q takes no named arguments", n.name)
		}
		n.args = pos
	case next.kind == str, next.kind == integer, next.kind == float, p.isOp("["), p.isOp("{"),
		next.kind == name && !slices.Contains([]string{"else", "or", "and"}, next.text):
		if next.text == "is" && next.kind == name {
			return nil, p.fail("tests cannot be chained with \"is\"")
		}
		e, err := p.primary()
		if err != nil {
			return nil, err
		}
		if e, err = p.postfix(e); err != nil {
			return nil, err
		}
		n.args = []expr{e}
	}
	if len(n.args) != spec.args {
		return nil, p.fail("the test %q takes %d arguments, not %d", n.name, spec.args, len(n.args))
	}
	return n, nil
}
