package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrTooLong is in the chain of the error about a frame over the limit.
var ErrTooLong = errors.New("longer than allowed")

// WriteFrame writes one frame.
func WriteFrame(w io.Writer, b []byte) error {
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(b)), uint32(len(b)))
	_, err := w.Write(append(frame, b...))
	return err
}

// ReadFrame reads one frame and not a byte more. A frame over limit bytes is refused before memory is taken for it;
// the end of the input before a frame is io.EOF.
func ReadFrame(r io.Reader, limit int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if uint64(n) > uint64(limit) {
		return nil, fmt.Errorf("a reply of %d bytes is %w (%d)", n, ErrTooLong, limit)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return b, nil
}

// Message encodes a verb and values that are encoded already.
func Message(verb string, values ...[]byte) []byte {
	payload := AppendText(nil, verb)
	for _, v := range values {
		payload = append(payload, v...)
	}
	return Append(nil, List, payload)
}

// ParseMessage checks a whole message and cuts it into its verb and values.
func ParseMessage(b []byte) (verb string, values []Item, err error) {
	item, rest, err := Next(b)
	if err == nil && len(rest) > 0 {
		err = errors.New("bytes follow the value")
	}
	if err == nil {
		err = item.Check()
	}
	if err != nil {
		return "", nil, err
	}
	values, err = Items(item.Payload)
	if err != nil || item.Tag != List || len(values) == 0 || values[0].Tag != Text {
		return "", nil, errors.New("a message is a list that begins with a text")
	}
	return string(values[0].Payload), values[1:], nil
}

// Texts reads a list of texts.
func Texts(i Item) ([]string, error) {
	items, err := Items(i.Payload)
	if err != nil || i.Tag != List {
		return nil, errors.New("this is no list")
	}
	list := make([]string, len(items))
	for n, item := range items {
		if item.Tag != Text {
			return nil, errors.New("this is no list of texts")
		}
		list[n] = string(item.Payload)
	}
	return list, nil
}
