package supervise

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Layout of the breadcrumb file: what a dead worker was doing. Shared memory, so that it holds whatever kills the worker.
const (
	opBytes    = 64  // the native op in hand, written by the engine
	placeBytes = 128 // iteration, stage and step, written by the worker
	crumbBytes = opBytes + placeBytes + 64
	orderlyAt  = opBytes + placeBytes // 1: the worker ended by its own decision
)

// Crumb is the worker's side of the breadcrumb file. SetPlace and SetOrderly belong to one goroutine.
type Crumb struct {
	data []byte
}

// CreateCrumb makes the file anew and maps it.
func CreateCrumb(path string) (*Crumb, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("breadcrumb: %w", err)
	}
	defer file.Close()
	if _, err := file.Write(make([]byte, crumbBytes)); err != nil {
		return nil, fmt.Errorf("breadcrumb %s: %w", path, err)
	}
	data, err := unix.Mmap(int(file.Fd()), 0, crumbBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("breadcrumb %s: map: %w", path, err)
	}
	return &Crumb{data: data}, nil
}

// Op is the part that the engine writes the op in hand to.
func (c *Crumb) Op() []byte { return c.data[:opBytes:opBytes] }

// SetPlace notes iteration, stage and step.
func (c *Crumb) SetPlace(text string) {
	place := c.data[opBytes : opBytes+placeBytes]
	n := copy(place[:placeBytes-1], text)
	clear(place[n:])
}

// SetOrderly notes that the worker is about to exit with the code of its own result.
func (c *Crumb) SetOrderly() { c.data[orderlyAt] = 1 }

// Close unmaps the file and leaves it in place.
func (c *Crumb) Close() error { return unix.Munmap(c.data) }

// Trace is what a breadcrumb file says.
type Trace struct {
	Place   string
	Op      string
	Orderly bool
}

// ReadCrumb reads the file; one that is missing or short gives an empty trace.
func ReadCrumb(path string) Trace {
	data, err := os.ReadFile(path)
	if err != nil || len(data) < crumbBytes {
		return Trace{}
	}
	return Trace{
		Op:      cString(data[:opBytes]),
		Place:   cString(data[opBytes : opBytes+placeBytes]),
		Orderly: data[orderlyAt] == 1,
	}
}

func cString(b []byte) string {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	return strings.ToValidUTF8(string(b), "?")
}
