package template

import "slices"

const maxNesting = 100 // of statements and of expressions

type parser struct {
	file   string
	tokens []token
	at     int
	depth  int
	loops  int // for bodies that break and continue can leave
}

func (p *parser) current() token { return p.tokens[p.at] }

func (p *parser) fail(format string, args ...any) error {
	return failAt(p.file, p.current().line, format, args...)
}

func (p *parser) isOp(op string) bool {
	return p.current().kind == operator && p.current().text == op
}

func (p *parser) isName(n string) bool { return p.current().kind == name && p.current().text == n }

func (p *parser) takeOp(op string) bool {
	if p.isOp(op) {
		p.at++
		return true
	}
	return false
}

func (p *parser) takeName(n string) bool {
	if p.isName(n) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expectOp(op string) error {
	if !p.takeOp(op) {
		return p.fail("expected %q, found %s", op, p.found())
	}
	return nil
}

func (p *parser) expectEnd() error {
	if p.current().kind != blockEnd {
		return p.fail("expected the end of the tag, found %s", p.found())
	}
	p.at++
	return nil
}

func (p *parser) found() string {
	switch t := p.current(); t.kind {
	case end:
		return "the end of the template"
	case data:
		return "text"
	case variableEnd, blockEnd:
		return "the end of the tag"
	default:
		return "\"" + shorten(t.text) + "\""
	}
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "..."
	}
	return s
}

// enter guards against nesting that would exhaust the stack.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxNesting {
		return p.fail("nested deeper than %d", maxNesting)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// body reads statements until a tag with one of the names, and leaves the position at that name.
func (p *parser) body(until ...string) ([]statement, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	var out []statement
	for {
		t := p.current()
		p.at++
		switch t.kind {
		case data:
			out = append(out, text{t.text})
		case variableBegin:
			e, err := p.tuple(true)
			if err != nil {
				return nil, err
			}
			if p.current().kind != variableEnd {
				return nil, p.fail("expected the end of the expression, found %s", p.found())
			}
			p.at++
			out = append(out, output{e, t.line})
		case blockBegin:
			if p.current().kind == name && slices.Contains(until, p.current().text) {
				return out, nil
			}
			s, err := p.statement()
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		default:
			p.at--
			if len(until) > 0 {
				return nil, p.fail("the template ends, but {%% %s %%} is missing", until[len(until)-1])
			}
			return out, nil
		}
	}
}

// close reads the end of a block: its end tag's name and the end of the tag.
func (p *parser) close() error {
	p.at++
	return p.expectEnd()
}

func (p *parser) statement() (statement, error) {
	t := p.current()
	if t.kind != name {
		return nil, p.fail("expected the name of a statement, found %s", p.found())
	}
	p.at++
	switch t.text {
	case "if":
		return p.ifStatement()
	case "for":
		return p.forStatement()
	case "set":
		return p.setStatement()
	case "macro":
		return p.macroStatement()
	case "generation":
		return p.generationStatement()
	case "break", "continue":
		if p.loops == 0 {
			p.at--
			return nil, p.fail("%q outside a loop", t.text)
		}
		return jump{t.text == "break"}, p.expectEnd()
	}
	p.at--
	return nil, p.fail("the statement %q is not supported; supported are if, for, set, macro, generation, break and continue", shorten(t.text))
}

func (p *parser) ifStatement() (statement, error) {
	n := &ifNode{}
	for {
		test, err := p.tuple(false)
		if err != nil {
			return nil, err
		}
		if err := p.expectEnd(); err != nil {
			return nil, err
		}
		body, err := p.body("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		n.tests, n.bodies = append(n.tests, test), append(n.bodies, body)
		if p.takeName("elif") {
			continue
		}
		if p.takeName("else") {
			if err := p.expectEnd(); err != nil {
				return nil, err
			}
			if n.otherwise, err = p.body("endif"); err != nil {
				return nil, err
			}
		}
		return n, p.close()
	}
}

func (p *parser) forStatement() (statement, error) {
	n := &forNode{line: p.current().line}
	var err error
	if n.target, n.tuple, err = p.targets(); err != nil {
		return nil, err
	}
	if !p.takeName("in") {
		return nil, p.fail("expected \"in\", found %s", p.found())
	}
	if n.over, err = p.tuple(false); err != nil {
		return nil, err
	}
	if p.takeName("if") {
		if n.filter, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if p.isName("recursive") {
		return nil, p.fail("recursive loops are not supported")
	}
	if err := p.expectEnd(); err != nil {
		return nil, err
	}
	p.loops++
	n.body, err = p.body("else", "endfor")
	p.loops--
	if err != nil {
		return nil, err
	}
	if p.takeName("else") {
		if err := p.expectEnd(); err != nil {
			return nil, err
		}
		if n.otherwise, err = p.body("endfor"); err != nil {
			return nil, err
		}
	}
	return n, p.close()
}

// reserved names cannot be assigned.
var reserved = []string{"true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if", "else", "loop"}

// targets reads the names on the left of an assignment or of "in".
func (p *parser) targets() (names []string, tuple bool, err error) {
	paren := p.takeOp("(")
	for {
		t := p.current()
		if t.kind != name || slices.Contains(reserved, t.text) {
			return nil, false, p.fail("expected a name to assign to, found %s", p.found())
		}
		p.at++
		names = append(names, t.text)
		if !p.takeOp(",") {
			break
		}
		tuple = true
		if p.current().kind != name || p.isName("in") {
			break
		}
	}
	if paren {
		return names, tuple, p.expectOp(")")
	}
	return names, tuple, nil
}

func (p *parser) setStatement() (statement, error) {
	line := p.current().line
	names, tuple, err := p.targets()
	if err != nil {
		return nil, err
	}
	field := ""
	if p.takeOp(".") {
		if tuple || p.current().kind != name {
			return nil, p.fail("expected the name of a namespace's field, found %s", p.found())
		}
		field = p.current().text
		p.at++
	}
	if p.takeOp("=") {
		e, err := p.tuple(true)
		if err != nil {
			return nil, err
		}
		return &setNode{names, tuple, field, e, line}, p.expectEnd()
	}
	n := &setBlock{target: names[0], field: field, line: line}
	if tuple {
		return nil, p.fail("expected \"=\", found %s", p.found())
	}
	for p.isOp("|") {
		f, err := p.filter(nil)
		if err != nil {
			return nil, err
		}
		n.filters = append(n.filters, f)
	}
	if err := p.expectEnd(); err != nil {
		return nil, err
	}
	if n.body, err = p.isolated("endset"); err != nil {
		return nil, err
	}
	return n, p.close()
}

// isolated reads a body that break and continue cannot leave.
func (p *parser) isolated(until string) ([]statement, error) {
	loops := p.loops
	p.loops = 0
	body, err := p.body(until)
	p.loops = loops
	return body, err
}

func (p *parser) macroStatement() (statement, error) {
	t := p.current()
	if t.kind != name || slices.Contains(reserved, t.text) {
		return nil, p.fail("expected the macro's name, found %s", p.found())
	}
	p.at++
	n := &macroNode{name: t.text, line: t.line}
	if err := p.expectOp("("); err != nil {
		return nil, err
	}
	for !p.takeOp(")") {
		if len(n.params) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		param := p.current()
		if param.kind != name || slices.Contains(reserved, param.text) || slices.Contains(n.params, param.text) {
			return nil, p.fail("expected a parameter's name, found %s", p.found())
		}
		p.at++
		n.params = append(n.params, param.text)
		if p.takeOp("=") {
			e, err := p.expression()
			if err != nil {
				return nil, err
			}
			n.defaults = append(n.defaults, e)
		} else if len(n.defaults) > 0 {
			return nil, p.fail("the parameter %q without a default follows one with a default", param.text)
		}
	}
	if err := p.expectEnd(); err != nil {
		return nil, err
	}
	var err error
	if n.body, err = p.isolated("endmacro"); err != nil {
		return nil, err
	}
	return n, p.close()
}

func (p *parser) generationStatement() (statement, error) {
	if err := p.expectEnd(); err != nil {
		return nil, err
	}
	body, err := p.isolated("endgeneration")
	if err != nil {
		return nil, err
	}
	return generationNode{body}, p.close()
}
