package template

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of one rendering: templates come from strangers.
const (
	maxSteps    = 1_000_000
	maxOutput   = 16 << 20
	bytesAStep  = 64 // making a string costs a step for this many bytes
	maxCalls    = 50 // of macros within macros
	maxRange    = 100_000
	maxSourceKB = 256
)

// machine renders one template once.
type machine struct {
	file    string
	now     clock
	globals map[string]value
	out     *strings.Builder
	written int // bytes in all buffers
	steps   int
	calls   int
}

// scope is a chain of variables; a loop iteration, a macro and a captured block each have their own.
type scope struct {
	vars  map[string]value
	outer *scope
}

func (s *scope) set(name string, v value) {
	if s.vars == nil {
		s.vars = map[string]value{}
	}
	s.vars[name] = v
}

func (m *machine) lookup(s *scope, name string) value {
	for ; s != nil; s = s.outer {
		if v, ok := s.vars[name]; ok {
			return v
		}
	}
	if v, ok := m.globals[name]; ok {
		return v
	}
	return undefined{name}
}

// positioned is an error with its place; the first place given stays.
type positioned struct {
	line int
	err  error
}

func (p *positioned) Error() string { return p.err.Error() }

func at(line int, err error) error {
	var p *positioned
	if err == nil || errors.As(err, &p) {
		return err
	}
	return &positioned{line, err}
}

var errSteps = fmt.Errorf("the template takes more than %d steps", maxSteps)

// spend counts n steps.
func (m *machine) spend(n int) error {
	if m.steps += n; m.steps > maxSteps || n < 0 {
		return errSteps
	}
	return nil
}

// made charges for a new string.
func (m *machine) made(s string) (value, error) {
	if len(s) > maxOutput {
		return nil, fmt.Errorf("a string of %d bytes is over the limit of %d", len(s), maxOutput)
	}
	return s, m.spend(1 + len(s)/bytesAStep)
}

func (m *machine) write(s string) error {
	if m.written += len(s); m.written > maxOutput {
		return fmt.Errorf("the output is over the limit of %d bytes", maxOutput)
	}
	m.out.WriteString(s)
	return nil
}

func (m *machine) runAll(body []statement, s *scope) (flow, error) {
	for _, st := range body {
		if err := m.spend(1); err != nil {
			return goOn, err
		}
		if f, err := st.run(m, s); f != goOn || err != nil {
			return f, err
		}
	}
	return goOn, nil
}

// capture runs a body in a scope of its own and returns what it writes.
func (m *machine) capture(body []statement, s *scope) (string, error) {
	out := m.out
	m.out = &strings.Builder{}
	_, err := m.runAll(body, &scope{outer: s})
	text := m.out.String()
	m.out = out
	m.written -= len(text)
	return text, err
}

func (t text) run(m *machine, _ *scope) (flow, error) { return goOn, m.write(t.s) }

func (o output) run(m *machine, s *scope) (flow, error) {
	v, err := o.of.eval(m, s)
	if err != nil {
		return goOn, at(o.line, err)
	}
	text, err := display(v)
	if err != nil {
		return goOn, at(o.line, err)
	}
	return goOn, at(o.line, m.write(text))
}

func (n *ifNode) run(m *machine, s *scope) (flow, error) {
	for i, test := range n.tests {
		v, err := test.eval(m, s)
		if err != nil {
			return goOn, err
		}
		if truth(v) {
			return m.runAll(n.bodies[i], s)
		}
	}
	return m.runAll(n.otherwise, s)
}

func (n *forNode) run(m *machine, s *scope) (flow, error) {
	v, err := n.over.eval(m, s)
	if err != nil {
		return goOn, at(n.line, err)
	}
	items, err := iterate(v)
	if err == nil {
		err = m.spend(len(items))
	}
	if err == nil && n.filter != nil {
		items, err = n.keep(m, s, items)
	}
	if err != nil {
		return goOn, at(n.line, err)
	}
	if len(items) == 0 {
		_, err := m.runAll(n.otherwise, &scope{outer: s})
		return goOn, err
	}
	loop := &loopState{items: items}
	for i, item := range items {
		loop.at = i
		inner := &scope{outer: s}
		inner.set("loop", loop)
		if err := assign(inner, n.target, n.tuple, item); err != nil {
			return goOn, at(n.line, err)
		}
		f, err := m.runAll(n.body, inner)
		if err != nil {
			return goOn, err
		}
		if f == breaks {
			break
		}
	}
	return goOn, nil
}

func (n *forNode) keep(m *machine, s *scope, items []value) ([]value, error) {
	var kept []value
	for _, item := range items {
		inner := &scope{outer: s}
		if err := assign(inner, n.target, n.tuple, item); err != nil {
			return nil, err
		}
		v, err := n.filter.eval(m, inner)
		if err != nil {
			return nil, err
		}
		if truth(v) {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

// assign gives names their values, unpacking for a tuple of names.
func assign(s *scope, names []string, tuple bool, v value) error {
	if !tuple {
		s.set(names[0], v)
		return nil
	}
	items, err := iterate(v)
	if err != nil {
		return err
	}
	if len(items) != len(names) {
		return fmt.Errorf("%d values cannot be unpacked into %d names", len(items), len(names))
	}
	for i, n := range names {
		s.set(n, items[i])
	}
	return nil
}

func (n *setNode) run(m *machine, s *scope) (flow, error) {
	v, err := n.of.eval(m, s)
	if err != nil {
		return goOn, at(n.line, err)
	}
	if n.field != "" {
		return goOn, at(n.line, m.setField(s, n.target[0], n.field, v))
	}
	return goOn, at(n.line, assign(s, n.target, n.tuple, v))
}

func (m *machine) setField(s *scope, name, field string, v value) error {
	ns, ok := m.lookup(s, name).(*namespace)
	if !ok {
		return fmt.Errorf("%q is no namespace, so its field %q cannot be set", name, field)
	}
	if strings.HasPrefix(field, "_") {
		return fmt.Errorf("a namespace's field cannot be called %q", field)
	}
	ns.fields.put(field, v)
	return nil
}

func (n *setBlock) run(m *machine, s *scope) (flow, error) {
	text, err := m.capture(n.body, s)
	if err != nil {
		return goOn, at(n.line, err)
	}
	v, err := m.made(text)
	for _, f := range n.filters {
		if err != nil {
			break
		}
		v, err = f.apply(m, s, v)
	}
	if err != nil {
		return goOn, at(n.line, err)
	}
	if n.field != "" {
		return goOn, at(n.line, m.setField(s, n.target, n.field, v))
	}
	s.set(n.target, v)
	return goOn, nil
}

func (n *macroNode) run(_ *machine, s *scope) (flow, error) {
	s.set(n.name, &callable{n.name, func(m *machine, a arguments) (value, error) { return n.call(m, s, a) }})
	return goOn, nil
}

// call runs a macro. Parameters that are not given and have no default are undefined.
func (n *macroNode) call(m *machine, defined *scope, a arguments) (value, error) {
	if m.calls++; m.calls > maxCalls {
		return nil, fmt.Errorf("macros call each other deeper than %d", maxCalls)
	}
	defer func() { m.calls-- }()
	if len(a.pos) > len(n.params) {
		return nil, fmt.Errorf("the macro %q takes %d arguments, not %d", n.name, len(n.params), len(a.pos))
	}
	inner := &scope{outer: defined}
	for i, v := range a.pos {
		inner.set(n.params[i], v)
	}
	for _, named := range a.named {
		i := indexOf(n.params, named.name)
		if i < 0 {
			return nil, fmt.Errorf("the macro %q has no parameter %q", n.name, named.name)
		}
		if i < len(a.pos) {
			return nil, fmt.Errorf("the macro %q got the argument %q twice", n.name, named.name)
		}
		inner.set(named.name, named.v)
	}
	for i, param := range n.params {
		if _, given := inner.vars[param]; given {
			continue
		}
		inner.set(param, undefined{param})
		if k := i - (len(n.params) - len(n.defaults)); k >= 0 {
			v, err := n.defaults[k].eval(m, inner)
			if err != nil {
				return nil, err
			}
			inner.set(param, v)
		}
	}
	text, err := m.capture(n.body, inner)
	if err != nil {
		return nil, err
	}
	return m.made(text)
}

func indexOf(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}

func (n generationNode) run(m *machine, s *scope) (flow, error) {
	return m.runAll(n.body, &scope{outer: s})
}

func (j jump) run(*machine, *scope) (flow, error) {
	if j.isBreak {
		return breaks, nil
	}
	return continues, nil
}
