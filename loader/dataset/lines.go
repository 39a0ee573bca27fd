package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"spar/internal/fault"
	"spar/internal/strictjson"
)

const (
	maxLine  = 16 << 20
	maxDepth = 64
)

// lines reads rows from JSONL. Blank lines are passed over.
type lines struct {
	name string
	in   *bufio.Reader
	file io.Closer
	line int
	buf  []byte
}

func newLines(in io.Reader, name string, file io.Closer) *lines {
	return &lines{name: name, in: bufio.NewReaderSize(in, 64<<10), file: file}
}

func (l *lines) close() error { return l.file.Close() }

func (l *lines) next() (Row, error) {
	for {
		text, err := l.read()
		if err != nil {
			return Row{}, err
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		row, err := l.parse(text)
		if err != nil {
			return Row{}, &rowError{l.line, err}
		}
		row.Line = l.line
		return row, nil
	}
}

// read returns the next line, which is valid until the next call.
func (l *lines) read() ([]byte, error) {
	if l.line == 0 {
		if err := l.checkStart(); err != nil {
			return nil, err
		}
	}
	l.line++
	l.buf = l.buf[:0]
	tooLong := false
	for {
		part, err := l.in.ReadSlice('\n')
		if !tooLong {
			l.buf = append(l.buf, part...)
			tooLong = len(l.buf) > maxLine
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue // the rest of a line that is too long is read and dropped
		case err != nil && !errors.Is(err, io.EOF):
			return nil, l.fail("%w", err)
		case err != nil && len(l.buf) == 0:
			return nil, io.EOF
		case tooLong:
			l.buf = nil
			return nil, &rowError{l.line, l.fail("the line is longer than %d MiB; split the row or shorten its texts", maxLine>>20)}
		}
		return l.buf, nil
	}
}

func (l *lines) fail(format string, args ...any) error {
	return fault.Inputf("%s:%d: %w", l.name, l.line, fault.Inputf(format, args...))
}

// signatures are first bytes that tell that a file is not UTF-8 text.
var signatures = []struct{ start, what string }{
	{"\xef\xbb\xbf", "a byte order mark; save it as UTF-8 without one"},
	{"\xff\xfe", "the mark of UTF-16; save it as UTF-8"},
	{"\xfe\xff", "the mark of UTF-16; save it as UTF-8"},
	{"\x1f\x8b", "gzip data; give its name the ending .gz"},
	{"\x28\xb5\x2f\xfd", "zstd data; give its name the ending .zst"},
	{"PAR1", "Parquet data; give its name the ending .parquet"},
	{"PK\x03\x04", "a zip archive; unpack it first"},
}

func (l *lines) checkStart() error {
	start, err := l.in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return fault.Inputf("%s: %w", l.name, err)
	}
	for _, s := range signatures {
		if bytes.HasPrefix(start, []byte(s.start)) {
			return fault.Inputf("%s: line 1: the file starts with %s", l.name, s.what)
		}
	}
	return nil
}

func (l *lines) parse(text []byte) (Row, error) {
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return Row{}, l.fail("byte %d is NUL, so this is not UTF-8 text; save the file as UTF-8", i+1)
	}
	v, _, err := strictjson.ParseLine(bytes.TrimRight(text, "\r\n"), l.name, l.line, maxDepth)
	if err != nil {
		return Row{}, err
	}
	row, err := rowOf(v)
	if err != nil {
		return Row{}, l.fail("%w", err)
	}
	return row, nil
}
