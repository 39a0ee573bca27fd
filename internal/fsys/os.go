package fsys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"spar/internal/fault"
)

// OS is the file system of the machine.
var OS FS = osFS{}

type osFS struct{}

func (osFS) Create(name string) (File, error) {
	return openOS(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (osFS) Append(name string) (File, error) {
	return openOS(name, os.O_RDWR|os.O_CREATE|os.O_APPEND)
}

func (osFS) Open(name string) (File, error) { return openOS(name, os.O_RDONLY) }

// openOS opens without blocking, so that a pipe or a device is refused and not waited for.
func openOS(name string, flags int) (File, error) {
	file, err := os.OpenFile(name, flags|unix.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fault.Inputf("%s is a %s: a regular file is needed", name, Kind(info.Mode()))
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &osFile{file: file}, nil
}

// Kind names what a file is that is not regular.
func Kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}

func (osFS) Rename(oldName, newName string) error { return os.Rename(oldName, newName) }

func (osFS) Remove(name string) error { return os.Remove(name) }

func (osFS) RemoveAll(name string) error { return os.RemoveAll(name) }

func (osFS) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o755) }

func (osFS) ReadDir(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

func (osFS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil // a file system without syncs of directories, as some network ones
	}
	return errors.Join(err, d.Close())
}

func (osFS) Lock(name string) (io.Closer, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err == nil {
		return file, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), file.Close())
}

// osFile is an os.File that keeps its first failed sync. It does not embed the file, so that io.Copy
// finds no way past Write.
type osFile struct {
	file   *os.File
	mu     sync.Mutex
	failed error
}

func (f *osFile) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != nil {
		return f.failed
	}
	if err := f.file.Sync(); err != nil {
		f.failed = fmt.Errorf("%s could not be synced, so its unsynced content may be lost: %w", f.Name(), err)
	}
	return f.failed
}

func (f *osFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != nil {
		return 0, f.failed
	}
	return f.file.Write(p)
}

func (f *osFile) Read(p []byte) (int, error)              { return f.file.Read(p) }
func (f *osFile) ReadAt(p []byte, off int64) (int, error) { return f.file.ReadAt(p, off) }
func (f *osFile) Close() error                            { return f.file.Close() }
func (f *osFile) Name() string                            { return f.file.Name() }
func (f *osFile) Stat() (fs.FileInfo, error)              { return f.file.Stat() }
func (f *osFile) Truncate(size int64) error               { return f.file.Truncate(size) }
func (f *osFile) Fd() uintptr                             { return f.file.Fd() }
