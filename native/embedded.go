package native

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"spar/internal/fault"
)

// embedded holds libspar_cpu.so when the Go build followed the native one. It is embedded as it is:
// about 1 MB in a program of 20, and every start would pay for unpacking.
//
//go:embed all:embedded
var embedded embed.FS

const libraryName = "libspar_cpu.so"

// openEmbedded loads the embedded library from a content-addressed cache, or from anonymous memory
// when there is no usable cache (read-only home, noexec mount, no space).
func openEmbedded(files fs.FS, cacheDir string) (*Library, error) {
	data, err := fs.ReadFile(files, "embedded/"+libraryName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Failed, "the CPU library is not built in; run make build")
	}
	if err != nil {
		return nil, err
	}
	return once(data, func(hash string) (uintptr, error) {
		return loadBytes(data, hash, cacheDir)
	}, "(embedded)")
}

func loadBytes(data []byte, hash, cacheDir string) (uintptr, error) {
	path, err := extract(data, hash, cacheDir)
	if err == nil {
		var handle uintptr
		if handle, err = dlopen(path); err == nil {
			return handle, nil
		}
	}
	handle, memErr := loadMemory(data)
	if memErr != nil {
		return 0, fmt.Errorf("neither the cache (%w) nor anonymous memory (%w) can hold it", err, memErr)
	}
	return handle, nil
}

// extract makes sure that <cache>/<hash>/libspar_cpu.so holds exactly data, and returns its path.
// It does not go through internal/fsys: two processes may extract at once, so the temporary name
// must be unique, and the folder must belong to this user alone.
func extract(data []byte, hash, cacheDir string) (string, error) {
	if cacheDir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cacheDir = filepath.Join(base, "spar")
	}
	dir := filepath.Join(cacheDir, hash)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	for _, d := range []string{cacheDir, dir} {
		if err := checkPrivate(d); err != nil {
			return "", err
		}
	}
	path := filepath.Join(dir, libraryName)
	if verify(path, hash) == nil {
		return path, nil
	}
	if err := writeUnique(dir, path, data); err != nil {
		return "", err
	}
	return path, verify(path, hash)
}

// checkPrivate refuses a folder that somebody else could put a library into.
func checkPrivate(dir string) error {
	st, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	switch {
	case !st.IsDir():
		return fmt.Errorf("%s is not a folder", dir)
	case ok && int(sys.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to user %d, not to %d", dir, sys.Uid, os.Geteuid())
	case st.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s can be written by others (mode %o)", dir, st.Mode().Perm())
	}
	return nil
}

// verify checks that path is a regular file, not a link, whose bytes have this hash.
func verify(path, hash string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != hash {
		return fmt.Errorf("%s has SHA-256 %s, not %s", path, got, hash)
	}
	return nil
}

// writeUnique writes data under a name of its own, syncs it and renames it to path.
func writeUnique(dir, path string, data []byte) error {
	f, err := os.CreateTemp(dir, libraryName+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = io.Copy(f, bytes.NewReader(data))
	err = errors.Join(err, f.Chmod(0o500), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// loadMemory loads data from a sealed anonymous file. Its descriptor stays open with the library.
func loadMemory(data []byte) (uintptr, error) {
	fd, err := unix.MemfdCreate(libraryName, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return 0, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), libraryName)
	if _, err := f.Write(data); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return 0, errors.Join(fmt.Errorf("sealing: %w", err), f.Close())
	}
	handle, err := dlopen(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return 0, errors.Join(err, f.Close())
	}
	memoryFiles = append(memoryFiles, f)
	return handle, nil
}

// memoryFiles keeps the descriptors of loadMemory from the collector; guarded by loaded.
var memoryFiles []*os.File
