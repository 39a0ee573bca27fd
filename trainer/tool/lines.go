package tool

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
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
		return v, err
	}
	if d.More() {
		return v, errors.New("more than one JSON value on the line; put each on its own")
	}
	return v, nil
}
