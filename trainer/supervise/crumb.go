package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"spar/internal/fault"

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
	file *os.File // holds the lock
}

// CreateCrumb locks, clears and maps the breadcrumb file. When another worker holds it the error is of class fault.Input.
func CreateCrumb(path string) (*Crumb, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("breadcrumb: %w", err)
	}
	data, err := lockAndMap(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Crumb{data: data, file: file}, nil
}

func lockAndMap(file *os.File) ([]byte, error) {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fault.Inputf("%s: another process is working in this run directory; wait for it to end or give another output_dir", filepath.Dir(file.Name()))
	}
	if err == nil {
		// Written, not stretched: on a full disk the write fails, where a store into a hole would be a SIGBUS.
		_, err = file.WriteAt(make([]byte, crumbBytes), 0)
	}
	if err != nil {
		return nil, fmt.Errorf("breadcrumb %s: %w", file.Name(), err)
	}
	data, err := unix.Mmap(int(file.Fd()), 0, crumbBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("breadcrumb %s: map: %w", file.Name(), err)
	}
	return data, nil
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

// Close unmaps the file, lets go of the lock and leaves the file in place. The engine must not run any more.
func (c *Crumb) Close() error { return errors.Join(unix.Munmap(c.data), c.file.Close()) }

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
