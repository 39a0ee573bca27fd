package confine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const emptyRoot = "empty"

// stage is where the new root is put together: a directory that every Linux has and that this process needs no more.
const stage = "/proc"

// emptyTheRoot makes a small read-only root that holds the named paths and nothing else. It returns emptyRoot or the
// reason why not; in that case nothing has changed that the process could use.
func emptyTheRoot(read []string) string {
	if err := buildRoot(read); err != nil {
		return err.Error()
	}
	return emptyRoot
}

func buildRoot(read []string) error {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount("jail", stage, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=64k,nr_inodes=256,mode=755"); err != nil {
		return fmt.Errorf("mount of an empty root: %w", err)
	}
	for _, path := range outermost(read) {
		if err := bind(path); err != nil {
			return fmt.Errorf("%s in the new root: %w", path, err)
		}
	}
	if err := os.Chdir(stage); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount of the old root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	return readOnly("/", 0)
}

// outermost leaves out what is missing and what lies inside another path of the list.
func outermost(read []string) []string {
	sorted := slices.Clone(read)
	slices.Sort(sorted)
	var list []string
	for _, path := range sorted {
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		if slices.ContainsFunc(list, func(outer string) bool { return strings.HasPrefix(path+"/", outer+"/") }) {
			continue
		}
		list = append(list, path)
	}
	return list
}

// bind shows a directory or file of the old root in the new one, read-only; a link is copied.
func bind(path string) error {
	target := stage + path
	info, err := os.Lstat(path)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(target), 0o755)
	}
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&os.ModeSymlink != 0:
		to, err := os.Readlink(path)
		if err != nil {
			return err
		}
		return os.Symlink(to, target)
	case info.IsDir():
		err = os.Mkdir(target, 0o755)
	default:
		err = os.WriteFile(target, nil, 0o444)
	}
	if err != nil {
		return err
	}
	if err := unix.Mount(path, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	return readOnly(target, unix.AT_RECURSIVE)
}

func readOnly(path string, flags uint) error {
	return unix.MountSetattr(unix.AT_FDCWD, path, flags, &unix.MountAttr{
		Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV,
	})
}
