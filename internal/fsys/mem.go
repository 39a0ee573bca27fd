package fsys

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// MemFS is a file system in memory that keeps what is synced apart from what is only written. Crash
// clones it as a machine might find it after losing power. The zero value is not usable: see NewMemFS.
type MemFS struct {
	mu    sync.Mutex
	root  *memDir
	locks map[string]bool
}

// NewMemFS returns an empty file system whose root directory, and ".", exist.
func NewMemFS() *MemFS {
	return &MemFS{root: newMemDir(), locks: map[string]bool{}}
}

// memNode is a *memFile or a *memDir.
type memNode interface{}

type memFile struct {
	data   []byte // what readers see
	synced []byte // what is sure to survive a crash
}

// memDir keeps its live names, the names sure to survive, and the changes between the two in order.
type memDir struct {
	live    map[string]memNode
	synced  map[string]memNode
	pending []memChange
}

// memChange takes name away and gives node to newName: a creation has no name, a removal no newName.
// A rename inside a directory is one change, because file systems make it atomic.
type memChange struct {
	name, newName string
	node          memNode
}

func newMemDir() *memDir {
	return &memDir{live: map[string]memNode{}, synced: map[string]memNode{}}
}

func (c memChange) apply(names map[string]memNode) {
	if c.name != "" {
		delete(names, c.name)
	}
	if c.newName != "" {
		names[c.newName] = c.node
	}
}

func (d *memDir) change(c memChange) {
	c.apply(d.live)
	d.pending = append(d.pending, c)
}

func memParts(name string) []string {
	clean := strings.Trim(filepath.ToSlash(filepath.Clean(name)), "/")
	if clean == "" || clean == "." {
		return nil
	}
	return strings.Split(clean, "/")
}

// find returns the node of name, or an error that wraps fs.ErrNotExist.
func (m *MemFS) find(op, name string) (memNode, error) {
	var node memNode = m.root
	for _, part := range memParts(name) {
		dir, ok := node.(*memDir)
		if ok {
			node, ok = dir.live[part]
		}
		if !ok {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
	}
	return node, nil
}

// parent returns the directory that holds name, and its last part.
func (m *MemFS) parent(op, name string) (*memDir, string, error) {
	parts := memParts(name)
	if len(parts) == 0 {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	node, err := m.find(op, filepath.Join(parts[:len(parts)-1]...))
	if err != nil {
		return nil, "", err
	}
	dir, ok := node.(*memDir)
	if !ok {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return dir, parts[len(parts)-1], nil
}

// Create implements FS.
func (m *MemFS) Create(name string) (File, error) { return m.openFile("create", name, true, true) }

// Append implements FS.
func (m *MemFS) Append(name string) (File, error) { return m.openFile("append", name, true, false) }

// Open implements FS.
func (m *MemFS) Open(name string) (File, error) { return m.openFile("open", name, false, false) }

func (m *MemFS) openFile(op, name string, write, truncate bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent(op, name)
	if err != nil {
		return nil, err
	}
	node, ok := dir.live[base]
	if !ok {
		if !write {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		node = &memFile{}
		dir.change(memChange{newName: base, node: node})
	}
	file, ok := node.(*memFile)
	if !ok {
		return nil, &fs.PathError{Op: op, Path: name, Err: fmt.Errorf("is a directory: %w", fs.ErrInvalid)}
	}
	if truncate {
		file.data = nil
	}
	return &memHandle{fs: m, file: file, name: name, write: write}, nil
}

// Rename implements FS.
func (m *MemFS) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, oldBase, err := m.parent("rename", oldName)
	if err != nil {
		return err
	}
	to, newBase, err := m.parent("rename", newName)
	if err != nil {
		return err
	}
	node, ok := from.live[oldBase]
	if !ok {
		return &fs.PathError{Op: "rename", Path: oldName, Err: fs.ErrNotExist}
	}
	if from == to {
		from.change(memChange{name: oldBase, newName: newBase, node: node})
		return nil
	}
	to.change(memChange{newName: newBase, node: node})
	from.change(memChange{name: oldBase})
	return nil
}

// Remove implements FS.
func (m *MemFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent("remove", name)
	if err != nil {
		return err
	}
	node, ok := dir.live[base]
	if !ok {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	if sub, ok := node.(*memDir); ok && len(sub.live) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrExist}
	}
	dir.change(memChange{name: base})
	return nil
}

// RemoveAll implements FS.
func (m *MemFS) RemoveAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent("removeall", name)
	if err != nil {
		return nil
	}
	if _, ok := dir.live[base]; ok {
		dir.change(memChange{name: base})
	}
	return nil
}

// MkdirAll implements FS.
func (m *MemFS) MkdirAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir := m.root
	for _, part := range memParts(name) {
		node, ok := dir.live[part]
		if !ok {
			node = newMemDir()
			dir.change(memChange{newName: part, node: node})
		}
		if dir, ok = node.(*memDir); !ok {
			return &fs.PathError{Op: "mkdirall", Path: name, Err: fs.ErrExist}
		}
	}
	return nil
}

// ReadDir implements FS.
func (m *MemFS) ReadDir(name string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	node, err := m.find("readdir", name)
	if err != nil {
		return nil, err
	}
	dir, ok := node.(*memDir)
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	var entries []fs.DirEntry
	for base, node := range dir.live {
		entries = append(entries, fs.FileInfoToDirEntry(infoOf(base, node)))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// Stat implements FS.
func (m *MemFS) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	node, err := m.find("stat", name)
	if err != nil {
		return nil, err
	}
	return infoOf(filepath.Base(name), node), nil
}

// SyncDir implements FS.
func (m *MemFS) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	node, err := m.find("syncdir", name)
	if err != nil {
		return err
	}
	dir, ok := node.(*memDir)
	if !ok {
		return &fs.PathError{Op: "syncdir", Path: name, Err: fs.ErrInvalid}
	}
	for _, c := range dir.pending {
		c.apply(dir.synced)
	}
	dir.pending = nil
	return nil
}

// Lock implements FS. Crash clones hold no locks.
func (m *MemFS) Lock(name string) (io.Closer, error) {
	file, err := m.Append(name)
	if err != nil {
		return nil, err
	}
	file.Close()
	m.mu.Lock()
	defer m.mu.Unlock()
	key := strings.Join(memParts(name), "/")
	if m.locks[key] {
		return nil, fmt.Errorf("lock %s: %w", name, ErrLocked)
	}
	m.locks[key] = true
	return &memLock{fs: m, key: key}, nil
}

type memLock struct {
	fs  *MemFS
	key string
}

func (l *memLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	delete(l.fs.locks, l.key)
	return nil
}

type memInfo struct {
	name string
	size int64
	dir  bool
}

func infoOf(name string, node memNode) fs.FileInfo {
	if file, ok := node.(*memFile); ok {
		return memInfo{name: name, size: int64(len(file.data))}
	}
	return memInfo{name: name, dir: true}
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) IsDir() bool        { return i.dir }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) Sys() any           { return nil }

func (i memInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
