package tool

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"spar/internal/fault"
)

// maxLine is the longest accepted input line in bytes.
const maxLine = 16 << 20

// eachLine decodes every line of r strictly into a new T and hands it on with its number (from 1).
// Blank lines are refused: results are matched to inputs by position. name is for messages.
func eachLine[T any](r io.Reader, name string, use func(line int, v T) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), maxLine)
	line := 0
	if name == "-" {
		name = "standard input"
	}
	for in.Scan() {
		line++
		v, err := decodeLine[T](in.Bytes())
		if err == nil {
			err = use(line, v)
		}
		if err != nil {
			return fault.Inputf("%s:%d: %w", name, line, err)
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		return fault.Inputf("%s:%d: the line is longer than %d MiB; split the row", name, line+1, maxLine>>20)
	}
	if in.Err() != nil {
		return fault.Inputf("%s:%d: %w", name, line+1, in.Err())
	}
	if line == 0 {
		return fault.Inputf("%s: no lines; give one JSON object a line", name)
	}
	return nil
}

func decodeLine[T any](b []byte) (v T, err error) {
	if !utf8.Valid(b) {
		return v, errors.New("the line is not valid UTF-8; convert the file")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, readable(err, reflect.TypeFor[T]())
	}
	if d.More() {
		return v, errors.New("more than one JSON value on the line; put each on its own")
	}
	return v, nil
}

// readable says in the words of the format what the JSON decoder found wrong with a row of type t.
func readable(err error, t reflect.Type) error {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	key, unknown := strings.CutPrefix(err.Error(), "json: unknown field ")
	switch {
	case unknown:
		return fmt.Errorf("the key %s is not known; the keys are %s", key, strings.Join(keysOf(t), ", "))
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("a row must be an object with keys, not a JSON %s", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%q must be %s, not a JSON %s", kind.Field[strings.LastIndexByte(kind.Field, '.')+1:], wanted(kind.Type), kind.Value)
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: %w at byte %d; give one JSON object a line", err, syntax.Offset)
	case errors.Is(err, io.EOF):
		return errors.New("the line is empty; give one JSON object a line")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the JSON object does not end on the line; give one JSON object a line")
	}
	return err
}

// keysOf lists the keys of a row, those of embedded structs too.
func keysOf(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous {
			out = append(out, keysOf(f.Type)...)
		} else {
			out = append(out, f.Tag.Get("json"))
		}
	}
	return out
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Int32:
		return "a list of token ids"
	}
	return "an object"
}
