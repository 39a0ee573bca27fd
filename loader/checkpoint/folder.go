package checkpoint

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/internal/strictjson"
)

// folder opens files of a model directory and nothing outside it: names and symbolic links that
// lead out are refused by the kernel's or os.Root's path walk. In the Hugging Face cache a snapshot
// holds links into ../../blobs, so there the wall stands around the repository folder.
type folder struct {
	root  *os.Root
	path  string // as given by the user, for errors
	below string // the directory inside root, "." or snapshots/<revision>
}

func openFolder(dir string) (*folder, error) {
	base, below := dir, "."
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		if abs, err := filepath.Abs(resolved); err == nil {
			base, below = repository(abs, dir)
		}
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, fault.Inputf("%s: the directory cannot be opened (%v); check path and permissions", dir, cause(err))
	}
	return &folder{root: root, path: dir, below: below}, nil
}

// repository finds the cache repository around a snapshot: <repository>/snapshots/<revision> beside
// <repository>/blobs.
func repository(abs, dir string) (base, below string) {
	snapshots := filepath.Dir(abs)
	repo := filepath.Dir(snapshots)
	if filepath.Base(snapshots) != "snapshots" {
		return dir, "."
	}
	if info, err := os.Stat(filepath.Join(repo, "blobs")); err != nil || !info.IsDir() {
		return dir, "."
	}
	return repo, path.Join("snapshots", filepath.Base(abs))
}

func (f *folder) close() error { return f.root.Close() }

func (f *folder) join(name string) string { return filepath.Join(f.path, name) }

// exists reports whether something of that name is in the folder, a broken link included.
func (f *folder) exists(name string) bool {
	_, err := f.root.Lstat(path.Join(f.below, name))
	return err == nil
}

// open opens a regular file. A pipe, device or socket is refused without waiting for it.
func (f *folder) open(name string) (*os.File, int64, error) {
	if err := checkFileName(name); err != nil {
		return nil, 0, fault.Inputf("%s: the file name %s %v", f.path, strictjson.Quote(name), err)
	}
	inside := path.Join(f.below, name)
	info, err := f.root.Stat(inside)
	if err == nil && !info.Mode().IsRegular() {
		return nil, 0, fault.Inputf("%s: it is a %s instead of a regular file; replace it", f.join(name), fsys.Kind(info.Mode()))
	}
	if err != nil {
		return nil, 0, f.openError(name, err)
	}
	file, err := f.root.OpenFile(inside, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, f.openError(name, err)
	}
	info, err = file.Stat()
	if err == nil && info.Mode().IsRegular() {
		return file, info.Size(), nil
	}
	file.Close()
	return nil, 0, fault.Inputf("%s: it is not a regular file; replace it", f.join(name))
}

func (f *folder) openError(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.Inputf("%s: the file is missing; download the model again", f.join(name))
	case errors.Is(err, fs.ErrPermission):
		return fault.Inputf("%s: the file cannot be read (%v); change its permissions", f.join(name), cause(err))
	case strings.Contains(err.Error(), "escapes from parent"):
		return fault.Inputf("%s: it is a link that leaves the model's folder; copy the file into the folder", f.join(name))
	}
	return fault.Inputf("%s: the file cannot be opened (%v); replace it", f.join(name), cause(err))
}

// read returns the contents of a small file.
func (f *folder) read(name string, limit int64) ([]byte, error) {
	file, size, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if size > limit {
		return nil, fault.Inputf("%s: the file has %d bytes, over the limit of %d; it is not what its name says", f.join(name), size, limit)
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil || int64(len(data)) > limit {
		return nil, fault.Inputf("%s: the file cannot be read whole (%v); check the disk and try again", f.join(name), cause(err))
	}
	return data, nil
}

// checkFileName refuses names in an index that are not plain file names of the folder.
func checkFileName(name string) error {
	switch {
	case name == "" || len(name) > 255:
		return errors.New("is empty or longer than 255 bytes; correct it")
	case !fs.ValidPath(name) || strings.ContainsAny(name, "/\\:%") || name == ".":
		return errors.New("is not a plain name inside the model's folder; correct it")
	case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") || strings.HasPrefix(name, " "):
		return errors.New("starts or ends with a space or dot; correct it")
	}
	for _, c := range name {
		if c < ' ' || c == 0x7f {
			return errors.New("holds a control character; correct it")
		}
	}
	return nil
}

// cause is the innermost error, without the path that the message already has.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
