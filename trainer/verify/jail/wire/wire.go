// Package wire is what the processes of the jail say to each other: frames that hold one value each,
// in a form that a few lines of Python can read without importing anything.
//
// A frame is a 32-bit big-endian length and so many bytes. A value is
//
//	LENGTH ":" PAYLOAD TAG
//
// with the payload's length in decimal and one byte for the type:
//
//	~ nothing    empty            , text    UTF-8
//	! truth      true, false      ' bytes   as they are
//	# integer    hex, "-ff"       ] list    values, one after the other
//	^ float      hex, inf, nan    ) tuple   the same
//	j complex    two floats       } dict    key, value, key, value
//	> set        values           < frozen set
//
// A message is a list whose first element is a text, the verb. Everything that comes out of a jail is
// hostile: Check walks a value without building it, and only what passes goes on to another process.
// The functions have no state.
package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Tags of values.
const (
	None, Bool, Int, Float, Complex = '~', '!', '#', '^', 'j'
	Text, Bytes                     = ',', '\''
	List, Tuple, Dict, Set, Frozen  = ']', ')', '}', '>', '<'
)

// MaxDepth is how deep values may nest.
const MaxDepth = 100

var errCut = errors.New("the value ends early")

// Item is one value: its tag and its payload, still encoded.
type Item struct {
	Tag     byte
	Payload []byte
}

// Append encodes a value whose payload is known.
func Append(b []byte, tag byte, payload []byte) []byte {
	b = strconv.AppendInt(b, int64(len(payload)), 10)
	b = append(b, ':')
	b = append(b, payload...)
	return append(b, tag)
}

// AppendText encodes a text; bytes that are not UTF-8 become the replacement character.
func AppendText(b []byte, s string) []byte {
	return Append(b, Text, bytes.ToValidUTF8([]byte(s), []byte("\uFFFD")))
}

// AppendTexts encodes a list of texts.
func AppendTexts(b []byte, list []string) []byte {
	var payload []byte
	for _, s := range list {
		payload = AppendText(payload, s)
	}
	return Append(b, List, payload)
}

// Next cuts the first value off b.
func Next(b []byte) (item Item, rest []byte, err error) {
	colon := bytes.IndexByte(b[:min(len(b), 12)], ':')
	if colon < 1 {
		return item, nil, errCut
	}
	n, err := strconv.ParseUint(string(b[:colon]), 10, 31)
	if err != nil || (b[0] == '0' && colon > 1) {
		return item, nil, fmt.Errorf("the length %q is no number", b[:colon])
	}
	end := colon + 1 + int(n)
	if end >= len(b) {
		return item, nil, errCut
	}
	return Item{Tag: b[end], Payload: b[colon+1 : end]}, b[end+1:], nil
}

// Items cuts a payload into its values.
func Items(payload []byte) ([]Item, error) {
	var list []Item
	for len(payload) > 0 {
		item, rest, err := Next(payload)
		if err != nil {
			return nil, err
		}
		list, payload = append(list, item), rest
	}
	return list, nil
}

// Encode writes an item back.
func (i Item) Encode(b []byte) []byte { return Append(b, i.Tag, i.Payload) }

// Check says whether the item is a whole, well-formed value.
func (i Item) Check() error { return check(i, MaxDepth, false) }

// check walks an item; a hashed one is a key or lies in a set.
func check(i Item, depth int, hashed bool) error {
	switch i.Tag {
	case List, Tuple, Dict, Set, Frozen:
	default:
		return checkScalar(i)
	}
	if hashed && i.Tag != Tuple && i.Tag != Frozen {
		return fmt.Errorf("a value of type %q cannot be a key", i.Tag)
	}
	if depth == 0 {
		return fmt.Errorf("the value nests deeper than %d", MaxDepth)
	}
	n := 0
	for rest := i.Payload; len(rest) > 0; n++ {
		var item Item
		var err error
		if item, rest, err = Next(rest); err != nil {
			return err
		}
		key := i.Tag == Set || i.Tag == Frozen || i.Tag == Dict && n%2 == 0
		if err := check(item, depth-1, hashed || key); err != nil {
			return err
		}
	}
	if i.Tag == Dict && n%2 != 0 {
		return errors.New("a dict has a key without a value")
	}
	return nil
}

func checkScalar(i Item) error {
	p := i.Payload
	ok := false
	switch i.Tag {
	case None:
		ok = len(p) == 0
	case Bool:
		ok = string(p) == "true" || string(p) == "false"
	case Int:
		ok = isHex(p)
	case Float:
		_, err := ParseFloat(p)
		ok = err == nil
	case Complex:
		parts, err := Items(p)
		ok = err == nil && len(parts) == 2 && parts[0].Tag == Float && parts[1].Tag == Float &&
			checkScalar(parts[0]) == nil && checkScalar(parts[1]) == nil
	case Text:
		ok = utf8.Valid(p)
	case Bytes:
		ok = true
	}
	if !ok {
		return fmt.Errorf("a value of type %q is malformed", i.Tag)
	}
	return nil
}

func isHex(p []byte) bool {
	p = bytes.TrimPrefix(p, []byte("-"))
	for _, c := range p {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(p) > 0
}

// ParseFloat reads a float's payload. A number beyond the largest float is malformed; infinity has a name.
func ParseFloat(p []byte) (float64, error) { return strconv.ParseFloat(string(p), 64) }

// FormatFloat writes a float's payload.
func FormatFloat(f float64) []byte {
	return bytes.ToLower(bytes.TrimPrefix(strconv.AppendFloat(nil, f, 'x', -1, 64), []byte("+")))
}
