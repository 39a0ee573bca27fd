package template

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"spar/internal/fault"
)

type kind uint8

const (
	data kind = iota
	variableBegin
	variableEnd
	blockBegin
	blockEnd
	name
	str
	integer
	float
	operator
	end
)

// token is one lexeme; text is decoded for strings.
type token struct {
	kind kind
	text string
	line int
}

// lexer cuts a source with trim_blocks and lstrip_blocks on, and without its last newline, as transformers sets Jinja.
type lexer struct {
	file         string
	src          string
	pos, line    int
	lineStarting bool // the text read before pos ended a line
	tokens       []token
}

func lex(src, file string) ([]token, error) {
	src = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(src)
	l := &lexer{file: file, src: strings.TrimSuffix(src, "\n"), line: 1, lineStarting: true}
	for l.pos < len(l.src) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	l.emit(end, "")
	return l.tokens, nil
}

func (l *lexer) fail(format string, args ...any) error {
	return failAt(l.file, l.line, format, args...)
}

func failAt(file string, line int, format string, args ...any) error {
	return fault.Inputf("%s:%d: %s", file, line, fmt.Sprintf(format, args...))
}

func (l *lexer) emit(k kind, text string) { l.tokens = append(l.tokens, token{k, text, l.line}) }

// advance moves over n bytes and counts their lines.
func (l *lexer) advance(n int) {
	l.line += strings.Count(l.src[l.pos:l.pos+n], "\n")
	l.pos += n
}

// next reads text up to a tag, and the tag.
func (l *lexer) next() error {
	rest := l.src[l.pos:]
	at := -1
	for i := 0; i+1 < len(rest); i++ {
		if rest[i] == '{' && (rest[i+1] == '{' || rest[i+1] == '%' || rest[i+1] == '#') {
			at = i
			break
		}
	}
	if at < 0 {
		l.emit(data, rest)
		l.advance(len(rest))
		return nil
	}
	tag, sign := rest[at+1], byte(0)
	if at+2 < len(rest) && (rest[at+2] == '-' || rest[at+2] == '+') {
		sign = rest[at+2]
	}
	if text := l.stripped(rest[:at], tag, sign); text != "" {
		l.emit(data, text)
	}
	l.advance(at + 2)
	if sign != 0 {
		l.advance(1)
	}
	l.lineStarting = false
	switch tag {
	case '#':
		return l.comment()
	case '{':
		l.emit(variableBegin, "{{")
		return l.inside(variableEnd, "}}")
	}
	l.emit(blockBegin, "{%")
	return l.inside(blockEnd, "%}")
}

// stripped applies "-" and lstrip_blocks to the text before a tag.
func (l *lexer) stripped(text string, tag, sign byte) string {
	if sign == '-' {
		return strings.TrimRightFunc(text, isSpace)
	}
	if sign == '+' || tag == '{' {
		return text
	}
	start := strings.LastIndexByte(text, '\n') + 1
	if (start > 0 || l.lineStarting) && strings.TrimLeftFunc(text[start:], isSpace) == "" {
		return text[:start]
	}
	return text
}

func (l *lexer) comment() error {
	at := strings.Index(l.src[l.pos:], "#}")
	if at < 0 {
		return l.fail("the comment does not end; write #}")
	}
	sign := byte(0)
	if at > 0 {
		sign = l.src[l.pos+at-1]
	}
	l.advance(at + 2)
	l.after(sign, true)
	return nil
}

// after skips what the end of a tag takes with it: white space for "-", one newline after a block or comment.
func (l *lexer) after(sign byte, block bool) {
	rest := l.src[l.pos:]
	n := 0
	switch {
	case sign == '-':
		n = len(rest) - len(strings.TrimLeftFunc(rest, isSpace))
	case sign != '+' && block && strings.HasPrefix(rest, "\n"):
		n = 1
	}
	l.advance(n)
	l.lineStarting = n > 0 && l.src[l.pos-1] == '\n'
}

var operators = []string{"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ","}

// inside reads the tokens of a tag up to its end.
func (l *lexer) inside(closing kind, mark string) error {
	start := l.line
	var open []byte
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		if n := len(rest) - len(strings.TrimLeftFunc(rest, isSpace)); n > 0 {
			l.advance(n)
			continue
		}
		if len(open) == 0 {
			sign := byte(0)
			if rest[0] == '-' || rest[0] == '+' && closing == blockEnd {
				sign = rest[0]
				rest = rest[1:]
			}
			if strings.HasPrefix(rest, mark) {
				l.emit(closing, mark)
				l.pos += len(mark)
				if sign != 0 {
					l.pos++
				}
				l.after(sign, closing == blockEnd)
				return nil
			}
		}
		var err error
		if open, err = l.lexeme(open); err != nil {
			return err
		}
	}
	return failAt(l.file, start, "the tag does not end; write %s", mark)
}

// lexeme reads one token inside a tag; open is the stack of closing brackets that are due.
func (l *lexer) lexeme(open []byte) ([]byte, error) {
	rest := l.src[l.pos:]
	first, _ := utf8.DecodeRuneInString(rest)
	switch {
	case first >= '0' && first <= '9':
		return open, l.number()
	case first == '\'' || first == '"':
		return open, l.stringLiteral(byte(first))
	case first == '_' || unicode.IsLetter(first):
		n := len(rest) - len(strings.TrimLeftFunc(rest, func(r rune) bool {
			return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
		}))
		l.emit(name, rest[:n])
		l.advance(n)
		return open, nil
	}
	for _, op := range operators {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		switch op {
		case "(":
			open = append(open, ')')
		case "[":
			open = append(open, ']')
		case "{":
			open = append(open, '}')
		case ")", "]", "}":
			if len(open) == 0 || open[len(open)-1] != op[0] {
				return nil, l.fail("unexpected %q", op)
			}
			open = open[:len(open)-1]
		}
		l.emit(operator, op)
		l.advance(len(op))
		return open, nil
	}
	return nil, l.fail("unexpected character %q", first)
}

func (l *lexer) number() error {
	rest := l.src[l.pos:]
	digits := func(i int) int {
		for i < len(rest) && (rest[i] >= '0' && rest[i] <= '9' || rest[i] == '_' && i > 0) {
			i++
		}
		return i
	}
	n := digits(0)
	k := integer
	afterDot := l.pos > 0 && l.src[l.pos-1] == '.'
	if !afterDot {
		if n+1 < len(rest) && rest[n] == '.' && rest[n+1] >= '0' && rest[n+1] <= '9' {
			n, k = digits(n+1), float
		}
		if n < len(rest) && (rest[n] == 'e' || rest[n] == 'E') {
			i := n + 1
			if i < len(rest) && (rest[i] == '+' || rest[i] == '-') {
				i++
			}
			if end := digits(i); end > i {
				n, k = end, float
			}
		}
	}
	text := rest[:n]
	r, _ := utf8.DecodeRuneInString(rest[n:])
	plain := strings.ReplaceAll(text, "_", "")
	if strings.HasSuffix(text, "_") || strings.Contains(text, "__") || unicode.IsLetter(r) ||
		k == integer && len(plain) > 1 && strings.Trim(plain, "0") != "" && plain[0] == '0' {
		return l.fail("%q is not a number this engine reads", text)
	}
	l.emit(k, plain)
	l.advance(n)
	return nil
}

func (l *lexer) stringLiteral(quote byte) error {
	rest := l.src[l.pos:]
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case quote:
			text, err := unescape(rest[1:i])
			if err != nil {
				return l.fail("%v", err)
			}
			l.emit(str, text)
			l.advance(i + 1)
			return nil
		}
	}
	return l.fail("the string does not end; write %c", quote)
}

var simpleEscapes = map[byte]string{'\n': "", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v"}

// unescape decodes a string literal as Python's unicode-escape does.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out.WriteByte(s[i])
			continue
		}
		i++
		c := s[i]
		if simple, ok := simpleEscapes[c]; ok {
			out.WriteString(simple)
			continue
		}
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
		switch {
		case digits > 0:
			if i+digits >= len(s) {
				return "", fmt.Errorf("the escape \\%c needs %d hexadecimal digits", c, digits)
			}
			r, err := strconv.ParseUint(s[i+1:i+1+digits], 16, 32)
			if err != nil || !utf8.ValidRune(rune(r)) {
				return "", fmt.Errorf("the escape \\%c%s is not a character", c, s[i+1:i+1+digits])
			}
			out.WriteRune(rune(r))
			i += digits
		case c >= '0' && c <= '7':
			r := rune(0)
			k := i
			for ; k < len(s) && k < i+3 && s[k] >= '0' && s[k] <= '7'; k++ {
				r = r*8 + rune(s[k]-'0')
			}
			out.WriteRune(r)
			i = k - 1
		case c == 'N' || c >= utf8.RuneSelf:
			return "", fmt.Errorf("the escape \\%c is not supported", c)
		default:
			out.WriteByte('\\')
			out.WriteByte(c)
		}
	}
	return out.String(), nil
}

// isSpace is Python's str.isspace for one character.
func isSpace(r rune) bool {
	switch {
	case r >= 9 && r <= 13, r >= 0x1c && r <= 0x20, r == 0x85, r == 0xa0, r == 0x1680, r >= 0x2000 && r <= 0x200a,
		r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000:
		return true
	}
	return false
}
