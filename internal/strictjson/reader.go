// Package strictjson reads JSON from files that nobody vouches for. It is stricter than
// encoding/json: duplicate keys, invalid UTF-8, lone surrogates, byte order marks, trailing bytes
// and deep nesting are errors, keys match by exact case, and integers stay integers.
//
// Use: NewReader, then pull values with Object, Array, String, Uint and so on, and finish with End;
// or Parse, which gives a small tree with positions. Every error is a fault.Input error that says
// file, line and column. A Reader belongs to one goroutine.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"spar/internal/fault"
)

// Reader is a pull parser over one JSON text held in memory.
type Reader struct {
	data     []byte
	name     string
	line     int // number of the first line
	pos      int // next unread byte
	at       int // first byte of the last value or key
	depth    int
	maxDepth int
}

// NewReader prepares to read data, called name in errors, refusing nesting deeper than maxDepth.
func NewReader(data []byte, name string, maxDepth int) (*Reader, error) {
	return newReader(data, name, 1, maxDepth)
}

func newReader(data []byte, name string, line, maxDepth int) (*Reader, error) {
	r := &Reader{data: data, name: name, line: line, maxDepth: maxDepth}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return nil, r.Errorf("the text starts with a byte order mark; save it as plain UTF-8")
	}
	if !utf8.Valid(data) {
		for rest := data; ; rest = data[r.at:] {
			c, n := utf8.DecodeRune(rest)
			if c == utf8.RuneError && n == 1 {
				return nil, r.Errorf("the text is not valid UTF-8; save it as UTF-8")
			}
			r.at += n
		}
	}
	return r, nil
}

// Errorf makes a fault.Input error placed at the last value or key read.
func (r *Reader) Errorf(format string, args ...any) error { return r.ErrorAt(r.at, format, args...) }

// ErrorAt makes a fault.Input error placed at a byte offset.
func (r *Reader) ErrorAt(offset int, format string, args ...any) error {
	offset = min(offset, len(r.data))
	before := r.data[:offset]
	line := r.line + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return fault.Inputf("%s:%d:%d: %s", r.name, line, column, fmt.Sprintf(format, args...))
}

// At is the byte offset of the last value or key read.
func (r *Reader) At() int { return r.at }

// Kind looks at the next value: '{', '[', '"', 't' (true or false), 'n' (null), '0' (a number), or
// 0 when none of these starts here.
func (r *Reader) Kind() byte {
	switch c := r.peek(); {
	case c == '{', c == '[', c == '"', c == 't', c == 'n':
		return c
	case c == 'f':
		return 't'
	case c == '-', c >= '0' && c <= '9':
		return '0'
	}
	return 0
}

// Object reads an object, calling member for every key; member reads the value. A key that comes
// twice is an error.
func (r *Reader) Object(member func(key string) error) error {
	if err := r.open('{'); err != nil {
		return err
	}
	seen := map[string]struct{}{}
	for first := true; ; first = false {
		done, err := r.next('}', first)
		if done || err != nil {
			return err
		}
		key, err := r.String()
		if err != nil {
			return err
		}
		if _, twice := seen[key]; twice {
			return r.Errorf("the key %s comes twice; keep one", Quote(key))
		}
		seen[key] = struct{}{}
		if c := r.peek(); c != ':' {
			return r.ErrorAt(r.pos, "%s instead of a colon after the key %s; correct the JSON", r.found(), Quote(key))
		}
		r.pos++
		if err := member(key); err != nil {
			return err
		}
	}
}

// Array reads an array, calling item for every element with its index; item reads the value.
func (r *Reader) Array(item func(i int) error) error {
	if err := r.open('['); err != nil {
		return err
	}
	for i := 0; ; i++ {
		done, err := r.next(']', i == 0)
		if done || err != nil {
			return err
		}
		if err := item(i); err != nil {
			return err
		}
	}
}

// String reads a string.
func (r *Reader) String() (string, error) {
	if r.peek(); r.Kind() != '"' {
		return "", r.want("a string")
	}
	r.at = r.pos
	escaped := false
	for i := r.pos + 1; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return "", r.ErrorAt(i, "a control character stands inside a string; write it as an escape")
		case c == '"':
			raw := r.data[r.pos : i+1]
			r.pos = i + 1
			if !escaped {
				return string(raw[1 : len(raw)-1]), nil
			}
			return r.unescape(raw)
		}
	}
	return "", r.Errorf("the string does not end; the file may be cut short")
}

// unescape decodes a string with escapes. encoding/json turns half of a surrogate pair into U+FFFD
// without a word, so a U+FFFD that the text does not spell out is refused.
func (r *Reader) unescape(raw []byte) (string, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", r.Errorf("the string has a bad escape; correct the JSON")
	}
	spelt := bytes.Count(raw, []byte("\uFFFD")) + bytes.Count(bytes.ToLower(raw), []byte(`\ufffd`))
	if bytes.Count([]byte(s), []byte("\uFFFD")) > spelt {
		return "", r.Errorf("the string has half of a surrogate pair; write the whole character")
	}
	return s, nil
}

// Number reads a number and returns its text.
func (r *Reader) Number() (string, error) {
	if r.peek(); r.Kind() != '0' {
		return "", r.want("a number")
	}
	r.at = r.pos
	end := r.pos
	for end < len(r.data) && bytes.IndexByte([]byte("+-.eE0123456789"), r.data[end]) >= 0 {
		end++
	}
	text := r.data[r.pos:end]
	if !json.Valid(text) {
		return "", r.Errorf("%s is not a JSON number; correct it", Quote(string(text)))
	}
	r.pos = end
	return string(text), nil
}

// Uint reads a number that is written as a whole number from 0 to 2^64-1; 1.0 and 1e3 are errors.
func (r *Reader) Uint() (uint64, error) {
	text, err := r.Number()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, r.Errorf("%s is not a whole number from 0 to 2^64-1; correct it", Quote(text))
	}
	return n, nil
}

// Bool reads true or false.
func (r *Reader) Bool() (bool, error) {
	switch {
	case r.word("true"):
		return true, nil
	case r.word("false"):
		return false, nil
	}
	return false, r.want("true or false")
}

// Null reads null.
func (r *Reader) Null() error {
	if !r.word("null") {
		return r.want("null")
	}
	return nil
}

// End checks that nothing but white space follows.
func (r *Reader) End() error {
	if r.peek(); r.pos < len(r.data) {
		return r.ErrorAt(r.pos, "there are %d bytes after the end of the JSON value; remove them", len(r.data)-r.pos)
	}
	return nil
}

// Skip reads a value of any kind and checks it.
func (r *Reader) Skip() error {
	_, err := r.value()
	return err
}

// Quote shows a piece of foreign text in an error: quoted, escaped, and cut when long.
func Quote(s string) string {
	const most = 60
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}

// peek skips white space and returns the next byte, 0 at the end.
func (r *Reader) peek() byte {
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\r', '\n':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

func (r *Reader) open(bracket byte) error {
	if r.peek() != bracket || r.pos == len(r.data) {
		if bracket == '{' {
			return r.want("an object")
		}
		return r.want("an array")
	}
	r.at = r.pos
	r.pos++
	if r.depth++; r.depth > r.maxDepth {
		return r.Errorf("values are nested deeper than %d; flatten them", r.maxDepth)
	}
	return nil
}

// next moves to the next member or item, or over the closing bracket.
func (r *Reader) next(bracket byte, first bool) (done bool, err error) {
	switch c := r.peek(); {
	case r.pos == len(r.data):
		return false, r.ErrorAt(r.pos, "the JSON value does not end; the file may be cut short")
	case c == bracket:
		r.pos++
		r.depth--
		return true, nil
	case first:
		return false, nil
	case c != ',':
		return false, r.ErrorAt(r.pos, "%s instead of a comma or %q; correct the JSON", r.found(), bracket)
	}
	r.pos++
	if r.peek() == bracket {
		return false, r.ErrorAt(r.pos, "%q follows a comma; remove the comma", bracket)
	}
	return false, nil
}

func (r *Reader) word(w string) bool {
	r.peek()
	if !bytes.HasPrefix(r.data[r.pos:], []byte(w)) {
		return false
	}
	r.at = r.pos
	r.pos += len(w)
	return true
}

func (r *Reader) want(what string) error {
	r.at = r.pos
	return r.Errorf("%s instead of %s; correct the JSON", r.found(), what)
}

// found names what stands at the current position.
func (r *Reader) found() string {
	switch r.Kind() {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	}
	if r.pos >= len(r.data) {
		return "the end of the text"
	}
	end := r.pos
	for end < len(r.data) && end < r.pos+12 && bytes.IndexByte([]byte(" \t\r\n,:]}"), r.data[end]) < 0 {
		end++
	}
	return Quote(string(r.data[r.pos:max(end, r.pos+1)]))
}
