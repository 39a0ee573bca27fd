package fsys

import (
	"io"
	"io/fs"
	"path/filepath"
	"slices"
)

// memHandle is an open file of a MemFS. Writes go to the end.
type memHandle struct {
	fs     *MemFS
	file   *memFile
	name   string
	offset int64
	write  bool
	closed bool
}

func (h *memHandle) Name() string { return h.name }

func (h *memHandle) Fd() uintptr { return NoFd }

// enter locks the file system and refuses a closed file, or a write to one opened for reading.
func (h *memHandle) enter(op string, write bool) error {
	h.fs.mu.Lock()
	switch {
	case h.closed:
		return &fs.PathError{Op: op, Path: h.name, Err: fs.ErrClosed}
	case write && !h.write:
		return &fs.PathError{Op: op, Path: h.name, Err: fs.ErrPermission}
	}
	return nil
}

func (h *memHandle) leave() { h.fs.mu.Unlock() }

func (h *memHandle) Read(p []byte) (int, error) {
	n, err := h.ReadAt(p, h.offset)
	h.offset += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (h *memHandle) ReadAt(p []byte, off int64) (int, error) {
	defer h.leave()
	if err := h.enter("read", false); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, &fs.PathError{Op: "read", Path: h.name, Err: fs.ErrInvalid}
	}
	if off >= int64(len(h.file.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.file.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *memHandle) Write(p []byte) (int, error) {
	defer h.leave()
	if err := h.enter("write", true); err != nil {
		return 0, err
	}
	h.file.data = append(h.file.data, p...)
	return len(p), nil
}

func (h *memHandle) Stat() (fs.FileInfo, error) {
	defer h.leave()
	if err := h.enter("stat", false); err != nil {
		return nil, err
	}
	return infoOf(filepath.Base(h.name), h.file), nil
}

func (h *memHandle) Sync() error {
	defer h.leave()
	if err := h.enter("sync", false); err != nil {
		return err
	}
	h.file.synced = slices.Clone(h.file.data)
	return nil
}

func (h *memHandle) Truncate(size int64) error {
	defer h.leave()
	if err := h.enter("truncate", true); err != nil {
		return err
	}
	if size < 0 {
		return &fs.PathError{Op: "truncate", Path: h.name, Err: fs.ErrInvalid}
	}
	if size <= int64(len(h.file.data)) {
		h.file.data = h.file.data[:size]
		return nil
	}
	h.file.data = append(h.file.data, make([]byte, size-int64(len(h.file.data)))...)
	return nil
}

func (h *memHandle) Close() error {
	defer h.leave()
	if err := h.enter("close", false); err != nil {
		return err
	}
	h.closed = true
	return nil
}
