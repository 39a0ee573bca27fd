package main

import (
	"strconv"
	"strings"
)

// ctype is a C type as the header may use it: a base name under zero, one or two pointers.
type ctype struct {
	base   string
	stars  int
	handle bool // the base is opaque
}

// field is one struct member; count is 0 for a plain one, else the array length.
type field struct {
	name   string
	typ    ctype
	count  int
	line   int
	offset int
}

type structure struct {
	name   string
	fields []field
	line   int
	size   int
	align  int
}

type param struct {
	name string
	typ  ctype
}

type function struct {
	name   string
	params []param
}

type constant struct {
	name  string
	value int64
}

// api is everything the header declares, in order of declaration.
type api struct {
	constants []constant
	handles   []string
	structs   []structure
	functions []function
}

// maxParams is the house rule: larger argument lists become a struct.
const maxParams = 6

type parser struct {
	file   string
	tokens []token
	pos    int
	api    api
	kinds  map[string]string // declared name -> "handle" or "struct"
}

// parse reads a header and lays its structs out.
func parse(file, src string) (*api, error) {
	src, err := blank(file, src)
	if err != nil {
		return nil, err
	}
	code, defines, err := preprocess(file, src)
	if err != nil {
		return nil, err
	}
	tokens, err := lex(file, code)
	if err != nil {
		return nil, err
	}
	p := &parser{file: file, tokens: tokens, kinds: map[string]string{}}
	if err := p.constants(defines); err != nil {
		return nil, err
	}
	for p.pos < len(p.tokens) {
		if err := p.declaration(); err != nil {
			return nil, err
		}
	}
	return &p.api, p.checkSizesTable()
}

func (p *parser) constants(defines []define) error {
	for _, d := range defines {
		if d.name == "SPAR_API" {
			continue
		}
		v, err := strconv.ParseInt(d.value, 10, 32)
		if err != nil || !strings.HasPrefix(d.name, "SPAR_") {
			return refuse(p.file, d.line, "#define %s %s: only SPAR_ names with decimal integers are bound", d.name, d.value)
		}
		p.api.constants = append(p.api.constants, constant{d.name, v})
	}
	return nil
}

func (p *parser) line() int {
	if len(p.tokens) == 0 {
		return 1
	}
	return p.tokens[min(p.pos, len(p.tokens)-1)].line
}

func (p *parser) next() string {
	if p.pos >= len(p.tokens) {
		p.pos++
		return ""
	}
	p.pos++
	return p.tokens[p.pos-1].text
}

func (p *parser) peek() string {
	if p.pos >= len(p.tokens) {
		return ""
	}
	return p.tokens[p.pos].text
}

func (p *parser) expect(want string) error {
	line := p.line()
	if got := p.next(); got != want {
		return refuse(p.file, line, "%q where %q was expected", got, want)
	}
	return nil
}

func (p *parser) name(what string) (string, error) {
	line := p.line()
	got := p.next()
	if got == "" || !isWord(got[0]) || got[0] >= '0' && got[0] <= '9' {
		return "", refuse(p.file, line, "%q where the name of a %s was expected", got, what)
	}
	return got, nil
}

func (p *parser) declaration() error {
	switch line := p.line(); p.next() {
	case "typedef":
		return p.typedef()
	case "SPAR_API":
		return p.function()
	default:
		p.pos--
		return refuse(p.file, line, "a declaration that starts with %q is not understood", p.peek())
	}
}

// typedef reads "typedef struct N N;" or "typedef struct N {fields} N;".
func (p *parser) typedef() error {
	line := p.line()
	if err := p.expect("struct"); err != nil {
		return err
	}
	name, err := p.name("struct")
	if err != nil {
		return err
	}
	if p.kinds[name] != "" {
		return refuse(p.file, line, "%s is declared twice", name)
	}
	if !strings.HasPrefix(name, "spar_") {
		return refuse(p.file, line, "struct %s lacks the prefix spar_", name)
	}
	if p.peek() != "{" {
		p.api.handles = append(p.api.handles, name)
		p.kinds[name] = "handle"
		return p.endTypedef(name)
	}
	s := structure{name: name, line: line}
	p.next()
	for p.peek() != "}" {
		f, err := p.field()
		if err != nil {
			return err
		}
		s.fields = append(s.fields, f)
	}
	p.next()
	if err := layout(&s, p.file); err != nil {
		return err
	}
	p.kinds[name] = "struct"
	p.api.structs = append(p.api.structs, s)
	return p.endTypedef(name)
}

func (p *parser) endTypedef(name string) error {
	if err := p.expect(name); err != nil {
		return err
	}
	return p.expect(";")
}

// field reads one "type name;" or "type name[n];".
func (p *parser) field() (field, error) {
	line := p.line()
	typ, err := p.ctype()
	if err != nil {
		return field{}, err
	}
	name, err := p.name("field")
	if err != nil {
		return field{}, err
	}
	f := field{name: name, typ: typ, line: line}
	if p.peek() == "[" {
		p.next()
		count, err := strconv.Atoi(p.peek())
		if err != nil || count < 1 {
			return field{}, refuse(p.file, p.line(), "array length %q of %s is not a positive number", p.peek(), name)
		}
		p.next()
		f.count = count
		if err := p.expect("]"); err != nil {
			return field{}, err
		}
	}
	return f, p.expect(";")
}

// ctype reads an optional const, a base type and its stars, and checks that the base is known.
func (p *parser) ctype() (ctype, error) {
	line := p.line()
	isConst := p.peek() == "const"
	if isConst {
		p.next()
	}
	base, err := p.name("type")
	if err != nil {
		return ctype{}, err
	}
	t := ctype{base: base, handle: p.kinds[base] == "handle"}
	for p.peek() == "*" {
		p.next()
		t.stars++
	}
	_, scalar := scalars[base]
	kind := p.kinds[base]
	switch {
	case !scalar && kind == "":
		return ctype{}, refuse(p.file, line, "type %q is not one of this ABI (fixed-width integers, float, double, char, declared structs)", base)
	case kind != "" && t.stars == 0:
		return ctype{}, refuse(p.file, line, "%s by value; pass a pointer", base)
	case isConst && t.stars == 0:
		return ctype{}, refuse(p.file, line, "const on a value has no meaning here")
	case t.stars > 2 || t.stars == 2 && kind != "handle":
		return ctype{}, refuse(p.file, line, "%s under %d pointers; only handles are returned through two", base, t.stars)
	case kind == "handle" && isConst:
		return ctype{}, refuse(p.file, line, "const on the handle %s has no meaning here", base)
	}
	return t, nil
}

// function reads "int32_t name(params);".
func (p *parser) function() error {
	line := p.line()
	if result := p.next(); result != "int32_t" || p.peek() == "*" {
		return refuse(p.file, line, "a function returning %s; every call returns int32_t status", result)
	}
	name, err := p.name("function")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(name, "spar_") {
		return refuse(p.file, line, "function %s lacks the prefix spar_", name)
	}
	fn := function{name: name}
	if err := p.expect("("); err != nil {
		return err
	}
	for {
		prm, err := p.param()
		if err != nil {
			return err
		}
		fn.params = append(fn.params, prm)
		if p.peek() != "," {
			break
		}
		p.next()
	}
	if err := p.expect(")"); err != nil {
		return err
	}
	if len(fn.params) > maxParams {
		return refuse(p.file, line, "%s has %d parameters, more than %d; put them into a struct", name, len(fn.params), maxParams)
	}
	p.api.functions = append(p.api.functions, fn)
	return p.expect(";")
}

func (p *parser) param() (param, error) {
	line := p.line()
	typ, err := p.ctype()
	if err != nil {
		return param{}, err
	}
	name, err := p.name("parameter")
	if err != nil {
		return param{}, err
	}
	if typ.stars == 0 && (typ.base == "float" || typ.base == "double" || typ.base == "char") {
		return param{}, refuse(p.file, line, "parameter %s is a %s by value; put it into a struct", name, typ.base)
	}
	return param{name, typ}, nil
}

// checkSizesTable makes sure that the layout handshake has a slot for every struct.
func (p *parser) checkSizesTable() error {
	for _, s := range p.api.structs {
		for _, f := range s.fields {
			if f.name == "struct_sizes" && f.count < len(p.api.structs) {
				return refuse(p.file, f.line, "struct_sizes has %d slots for %d structs", f.count, len(p.api.structs))
			}
		}
	}
	return nil
}
