// Package fsys is the file-system interface that every durable file goes through, so that tests can
// fail any operation, or cut the power between any two.
//
// OS is the real file system, NewFaulty wraps another one and fails chosen operations, and MemFS is
// one in memory that knows what has been synced and can be cloned as it might look after a crash.
// WriteFile is the way to write a whole file: other readers see the old content or the new, never a
// part, and after it returns nil the new content survives a crash.
//
// Implementations may be used from several goroutines; a File belongs to one at a time, except
// that ReadAt may be called concurrently.
package fsys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"spar/internal/fault"
)

// ErrLocked says that another holder has the lock.
var ErrLocked = errors.New("another process holds the lock")

// NoFd is what Fd returns for a file that has no descriptor.
const NoFd = ^uintptr(0)

// File is an open file. After a failed Sync a file of OS refuses further writes and syncs: the kernel
// may have dropped the dirty pages, so only writing everything again to a new file is safe.
type File interface {
	io.Reader
	io.Writer
	io.ReaderAt
	io.Closer
	Name() string
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
	Fd() uintptr
}

// FS is a file system. Names are paths as package filepath writes them.
type FS interface {
	// Create opens name for reading and writing and cuts it to nothing.
	Create(name string) (File, error)
	// Append opens name for reading and for writing at its end; it creates name if absent.
	Append(name string) (File, error)
	// Open opens name for reading. It refuses anything but a regular file, without blocking.
	Open(name string) (File, error)
	Rename(oldName, newName string) error
	Remove(name string) error
	RemoveAll(name string) error
	MkdirAll(dir string) error
	// ReadDir lists dir, sorted by name.
	ReadDir(dir string) ([]fs.DirEntry, error)
	Stat(name string) (fs.FileInfo, error)
	// SyncDir makes the names in dir durable: creations, renames and removals.
	SyncDir(dir string) error
	// Lock takes the exclusive lock of the file name, creating it if absent, or returns an error
	// that wraps ErrLocked at once. Closing frees it, and so does the end of the process.
	Lock(name string) (io.Closer, error)
}

// TempSuffix ends the names of files that WriteFile has not finished.
const TempSuffix = ".tmp"

// WriteFile makes write's output the content of name, atomically and durably: it writes
// name.tmp, syncs it, renames it and syncs the directory. On failure it removes name.tmp and leaves
// name as it was (or, when only the last sync failed, possibly with the new content).
func WriteFile(f FS, name string, write func(io.Writer) error) error {
	temp := name + TempSuffix
	if err := writeSynced(f, temp, write); err != nil {
		return errors.Join(err, cleanUp(f, temp))
	}
	if err := f.Rename(temp, name); err != nil {
		return errors.Join(err, cleanUp(f, temp))
	}
	return f.SyncDir(filepath.Dir(name))
}

func writeSynced(f FS, name string, write func(io.Writer) error) error {
	file, err := f.Create(name)
	if err != nil {
		return err
	}
	if err = write(file); err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func cleanUp(f FS, temp string) error {
	if err := f.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ReadFile returns the content of name. A file above limit bytes is an input error.
func ReadFile(f FS, name string, limit int64) ([]byte, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	// The size is not trusted: the file may grow between a look and the read.
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fault.Inputf("%s: larger than the limit of %d bytes for this kind of file", name, limit)
	}
	return data, nil
}

// MakeDir creates dir and its parents like MkdirAll, durably: it syncs the parent of each directory
// that it had to create.
func MakeDir(f FS, dir string) error {
	var parents []string
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := f.Stat(d); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		parent := filepath.Dir(d)
		if parent == d {
			break
		}
		parents = append(parents, parent)
	}
	if err := f.MkdirAll(dir); err != nil {
		return err
	}
	for i := len(parents) - 1; i >= 0; i-- {
		if err := f.SyncDir(parents[i]); err != nil {
			return err
		}
	}
	return nil
}
