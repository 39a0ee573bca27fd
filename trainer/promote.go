package trainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"spar/internal/fsys"
	"spar/trainer/journal"
	"spar/trainer/report"

	"golang.org/x/sys/unix"
)

// promote makes the policy of iteration t the run's: policy/ is replaced as a whole.
func (r *run) promote(ctx context.Context, t int) error {
	name := iterationDir(t) + "/policy"
	err := r.do(ctx, stage{
		iteration: t, name: "promote", outputs: []string{"policy"},
		inputs: map[string]string{"policy": r.output(t, "update", name)},
		work: func(context.Context, *journal.Entry) error {
			next := r.path("policy.next")
			if err := r.fs.RemoveAll(next); err != nil {
				return err
			}
			if err := copyDir(r.fs, r.path(name), next); err != nil {
				return err
			}
			return replaceDir(r.fs, next, r.path("policy"))
		},
	})
	if err != nil {
		return err
	}
	return report.Write(r.fs, r.dir)
}

// copyDir copies a directory. Weights are linked where the file system can: they are large, and nobody edits them in place.
func copyDir(f fsys.FS, from, to string) error {
	if err := fsys.MakeDir(f, to); err != nil {
		return err
	}
	entries, err := f.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		a, b := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if e.IsDir() {
			err = copyDir(f, a, b)
		} else if f != fsys.OS || filepath.Ext(a) != ".safetensors" || os.Link(a, b) != nil {
			err = copyFile(f, a, b)
		}
		if err != nil {
			return err
		}
	}
	return f.SyncDir(to)
}

func copyFile(f fsys.FS, from, to string) error {
	in, err := f.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return fsys.WriteFile(f, to, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
}

// replaceDir puts next in the place of dir: in one operation where the kernel can exchange names, else by two renames, between
// which a reader finds no directory.
func replaceDir(f fsys.FS, next, dir string) error {
	if _, err := f.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := f.Rename(next, dir); err != nil {
			return err
		}
		return removeOld(f, dir+".old") // of a replacement that was killed half-way
	}
	if f == fsys.OS && unix.Renameat2(unix.AT_FDCWD, next, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE) == nil {
		return removeOld(f, next)
	}
	old := dir + ".old"
	if err := errors.Join(f.RemoveAll(old), f.Rename(dir, old), f.Rename(next, dir)); err != nil {
		return fmt.Errorf("replace %s: %w", dir, err)
	}
	return removeOld(f, old)
}

func removeOld(f fsys.FS, old string) error {
	if err := f.SyncDir(filepath.Dir(old)); err != nil {
		return err
	}
	return f.RemoveAll(old)
}
