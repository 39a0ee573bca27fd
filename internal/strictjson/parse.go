package strictjson

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"spar/internal/fault"
)

const maxDepth = 64

type parser struct {
	data []byte
	name string
	pos  int
}

// Parse reads exactly one JSON value. name is what errors call the data; limit bounds its bytes.
func Parse(data []byte, name string, limit int64) (*Value, error) {
	if int64(len(data)) > limit {
		return nil, fault.Inputf("%s is %d bytes long; the limit is %d", name, len(data), limit)
	}
	p := &parser{data: data, name: name}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return nil, p.fail("the file starts with a byte order mark; save it without one")
	}
	var v Value
	p.space()
	if err := p.value(&v, 0); err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(data) {
		return nil, p.fail("there is text after the end of the value; remove it")
	}
	return &v, nil
}

func (p *parser) fail(format string, args ...any) error {
	pos := min(p.pos, len(p.data))
	line := 1 + bytes.Count(p.data[:pos], []byte("\n"))
	column := pos - bytes.LastIndexByte(p.data[:pos], '\n')
	return fault.Inputf("%s line %d column %d: %s", p.name, line, column, fmt.Sprintf(format, args...))
}

func (p *parser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

func (p *parser) peek() byte {
	if p.pos < len(p.data) {
		return p.data[p.pos]
	}
	return 0
}

func (p *parser) value(v *Value, depth int) error {
	if depth > maxDepth {
		return p.fail("values are nested deeper than %d; flatten them", maxDepth)
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(v, depth)
	case c == '[':
		return p.array(v, depth)
	case c == '"':
		s, err := p.str()
		*v = Value{Kind: String, Text: s}
		return err
	case c == '-' || c >= '0' && c <= '9':
		return p.number(v)
	}
	for word, val := range map[string]Value{"null": {}, "true": {Kind: Bool, Bool: true}, "false": {Kind: Bool}} {
		if bytes.HasPrefix(p.data[p.pos:], []byte(word)) {
			*v = val
			p.pos += len(word)
			return nil
		}
	}
	if p.pos >= len(p.data) {
		return p.fail("the file ends inside a value; it is cut short")
	}
	return p.fail("expected a JSON value, found %q", rune(p.data[p.pos]))
}

func (p *parser) array(v *Value, depth int) error {
	v.Kind = Array
	p.pos++
	p.space()
	if p.peek() == ']' {
		p.pos++
		return nil
	}
	for {
		p.space()
		v.Items = append(v.Items, Value{})
		if err := p.value(&v.Items[len(v.Items)-1], depth+1); err != nil {
			return err
		}
		if more, err := p.separator(']'); !more {
			return err
		}
	}
}

// separator reads "," (more follows) or the closing byte.
func (p *parser) separator(closing byte) (more bool, err error) {
	p.space()
	switch p.peek() {
	case ',':
		p.pos++
		return true, nil
	case closing:
		p.pos++
		return false, nil
	}
	return false, p.fail("expected \",\" or %q", rune(closing))
}

func (p *parser) object(v *Value, depth int) error {
	v.Kind = Object
	p.pos++
	p.space()
	if p.peek() == '}' {
		p.pos++
		return nil
	}
	seen := map[string]bool{}
	for {
		p.space()
		at := p.pos
		if p.peek() != '"' {
			return p.fail("expected a key in double quotes")
		}
		key, err := p.str()
		if err != nil {
			return err
		}
		if seen[key] {
			p.pos = at
			return p.fail("the key %q is given twice; keep one", shorten(key))
		}
		seen[key] = true
		p.space()
		if p.peek() != ':' {
			return p.fail("expected \":\" after the key %q", shorten(key))
		}
		p.pos++
		p.space()
		v.Keys = append(v.Keys, key)
		v.Items = append(v.Items, Value{})
		if err := p.value(&v.Items[len(v.Items)-1], depth+1); err != nil {
			return err
		}
		if more, err := p.separator('}'); !more {
			return err
		}
	}
}

func shorten(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "..."
}

func (p *parser) number(v *Value) error {
	start := p.pos
	digits := func() bool {
		from := p.pos
		for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
			p.pos++
		}
		return p.pos > from
	}
	if p.peek() == '-' {
		p.pos++
	}
	zero := p.peek() == '0'
	if first := p.pos; !digits() || zero && p.pos > first+1 {
		return p.fail("this is not a JSON number")
	}
	if p.peek() == '.' {
		p.pos++
		if !digits() {
			return p.fail("a digit must follow the decimal point")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !digits() {
			return p.fail("the exponent of the number has no digits")
		}
	}
	*v = Value{Kind: Number, Text: string(p.data[start:p.pos])}
	return nil
}

// str reads a string; most have no escape and are taken whole.
func (p *parser) str() (string, error) {
	p.pos++
	start := p.pos
	for p.pos < len(p.data) {
		switch c := p.data[p.pos]; {
		case c == '"':
			s := p.data[start:p.pos]
			if !utf8.Valid(s) {
				p.pos = start
				return "", p.fail("this string is not valid UTF-8")
			}
			p.pos++
			return string(s), nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", p.fail("a control character stands in a string; write it as an escape")
		}
		p.pos++
	}
	return "", p.fail("the file ends inside a string; it is cut short")
}

func (p *parser) escaped(start int) (string, error) {
	buf := append([]byte(nil), p.data[start:p.pos]...)
	for p.pos < len(p.data) {
		c := p.data[p.pos]
		p.pos++
		switch {
		case c == '"':
			if !utf8.Valid(buf) {
				p.pos = start
				return "", p.fail("this string is not valid UTF-8")
			}
			return string(buf), nil
		case c < 0x20:
			p.pos--
			return "", p.fail("a control character stands in a string; write it as an escape")
		case c != '\\':
			buf = append(buf, c)
			continue
		}
		var err error
		if buf, err = p.escape(buf); err != nil {
			return "", err
		}
	}
	return "", p.fail("the file ends inside a string; it is cut short")
}

func (p *parser) escape(buf []byte) ([]byte, error) {
	c := p.peek()
	p.pos++
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 && c != 0 {
		return append(buf, "\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		p.pos--
		return nil, p.fail("unknown escape in a string")
	}
	r, ok := p.hex4()
	if !ok {
		return nil, p.fail("\\u needs four hexadecimal digits")
	}
	if utf16.IsSurrogate(r) {
		if !bytes.HasPrefix(p.data[p.pos:], []byte(`\u`)) {
			return nil, p.fail("a lone surrogate \\u%04x stands in a string; it is not a character", r)
		}
		p.pos += 2
		low, ok := p.hex4()
		pair := utf16.DecodeRune(r, low)
		if !ok || pair == utf8.RuneError {
			return nil, p.fail("a lone surrogate \\u%04x stands in a string; it is not a character", r)
		}
		r = pair
	}
	return utf8.AppendRune(buf, r), nil
}

func (p *parser) hex4() (rune, bool) {
	if p.pos+4 > len(p.data) {
		return 0, false
	}
	var r rune
	for _, c := range p.data[p.pos : p.pos+4] {
		i := strings.IndexByte(hex, c|0x20)
		if i < 0 || c < '0' || i < 10 && c > '9' {
			return 0, false
		}
		r = r<<4 | rune(i)
	}
	p.pos += 4
	return r, true
}
