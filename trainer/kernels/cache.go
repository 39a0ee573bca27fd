package kernels

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"spar/internal/fsys"
	"spar/native"
)

// record is the cache file, format 1. Everything but the outcome says which machine and library it is for.
type record struct {
	Format   int      `json:"format"`
	Library  string   `json:"library_sha256"`
	CPU      string   `json:"cpu"`
	CPUs     int      `json:"cpus"`
	Families []string `json:"families"`
	Raced    string   `json:"raced"` // RFC 3339
	outcome
}

const (
	cacheFormat = 1
	cacheLimit  = 1 << 20
	turnWait    = 10 * time.Second // for another process that races; a race takes about half a second
)

// cacheDir is spar's folder in the user's cache.
func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "spar"), nil
}

// find takes the winners from the cache, or races and keeps them there. Only the race itself can fail.
func find(lib *native.Library, dir func() (string, error)) (outcome, error) {
	path, err := cacheFile(lib.Info(), dir)
	if err != nil {
		return raced(lib, "", fmt.Sprintf("there is no cache (%v), so every process races anew", err))
	}
	o, problem := read(path, lib.Info())
	if problem == nil {
		return o, nil
	}
	lock, err := waitTurn(path + ".lock")
	if err != nil {
		return raced(lib, "", fmt.Sprintf("the cache cannot be used (%v), so every process races anew", err))
	}
	defer lock.Close()
	if o, problem = read(path, lib.Info()); problem == nil {
		return o, nil // another process raced meanwhile
	}
	note := ""
	if !errors.Is(problem, fs.ErrNotExist) {
		note = fmt.Sprintf("raced again: %v", problem)
	}
	if o, err = raced(lib, path, note); err != nil {
		return o, err
	}
	if err := write(path, lib.Info(), o); err != nil {
		o.file, o.note = "", fmt.Sprintf("the cache cannot be written (%v), so every process races anew", err)
	}
	return o, nil
}

func raced(lib *native.Library, path, note string) (outcome, error) {
	o, err := race(lib)
	o.origin, o.file, o.note = Raced, path, note
	return o, err
}

// cacheFile names the file of a machine and makes its folder.
func cacheFile(info native.Info, dir func() (string, error)) (string, error) {
	base, err := dir()
	if err != nil {
		return "", err
	}
	machine := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n", info.CPU, info.CPUCount))
	folder := filepath.Join(base, info.Hash)
	return filepath.Join(folder, fmt.Sprintf("kernels-%x.json", machine[:6])), os.MkdirAll(folder, 0o700)
}

// waitTurn takes the lock of the file, waiting for another process that holds it.
func waitTurn(name string) (io.Closer, error) {
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		lock, err := fsys.OS.Lock(name)
		if err == nil || !errors.Is(err, fsys.ErrLocked) || time.Since(start) > turnWait {
			return lock, err
		}
	}
}

// read returns the outcome in the file, or why it is not one of this machine and library.
func read(path string, info native.Info) (outcome, error) {
	data, err := fsys.ReadFile(fsys.OS, path, cacheLimit)
	if err != nil {
		return outcome{}, err
	}
	var r record
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return outcome{}, fmt.Errorf("%s is damaged (%w)", path, err)
	}
	switch {
	case r.Format != cacheFormat:
		return outcome{}, fmt.Errorf("%s has format %d, not %d", path, r.Format, cacheFormat)
	case r.Library != info.Hash || r.CPU != info.CPU || r.CPUs != info.CPUCount || !slices.Equal(r.Families, info.ISAs):
		return outcome{}, fmt.Errorf("%s is of another library or machine (%s, %d CPUs, %v)", path, r.CPU, r.CPUs, r.Families)
	}
	for precision, v := range map[native.Precision]verdict{native.FP32: r.FP32, native.BF16: r.BF16} {
		if !slices.Contains(candidates(info.ISAs, precision), v.Winner) {
			return outcome{}, fmt.Errorf("%s names %q as the winner in %v, which was not in the race", path, v.Winner, precision)
		}
	}
	r.origin, r.file = Cached, path
	return r.outcome, nil
}

func write(path string, info native.Info, o outcome) error {
	r := record{
		Format: cacheFormat, Library: info.Hash, CPU: info.CPU, CPUs: info.CPUCount, Families: info.ISAs,
		Raced: time.Now().UTC().Format(time.RFC3339), outcome: o,
	}
	return fsys.WriteFile(fsys.OS, path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	})
}
