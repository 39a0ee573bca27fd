package fsys

import (
	"maps"
	"slices"

	"spar/internal/rng"
)

// sectorBytes is the unit in which unsynced data reaches a disk or not.
const sectorBytes = 512

// Crash returns the file system as it might be found after a loss of power at this instant. What was
// synced is there. Of the rest, chance decides: each unsynced sector of a file's data is there or is
// what it was before (zeros past the old end), the size is anything between the old and the new, and of the
// unsynced changes to a directory either the first few are kept or any of them, in order. The receiver is
// not changed. Content and names in the clone count as synced.
func (m *MemFS) Crash(chance *rng.Stream) *MemFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := crasher{chance: chance, files: map[*memFile]*memFile{}, dirs: map[*memDir]*memDir{}}
	return &MemFS{root: c.dir(m.root), locks: map[string]bool{}}
}

// crasher clones nodes, each once.
type crasher struct {
	chance *rng.Stream
	files  map[*memFile]*memFile
	dirs   map[*memDir]*memDir
}

func (c *crasher) dir(d *memDir) *memDir {
	if done, ok := c.dirs[d]; ok {
		return done
	}
	clone := newMemDir()
	c.dirs[d] = clone
	names := map[string]memNode{}
	for name, node := range d.synced {
		names[name] = node
	}
	for _, change := range c.kept(d.pending) {
		change.apply(names)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) { // in order, so that chance is spent the same way every time
		node := c.node(names[name])
		clone.live[name], clone.synced[name] = node, node
	}
	return clone
}

func (c *crasher) node(n memNode) memNode {
	if dir, ok := n.(*memDir); ok {
		return c.dir(dir)
	}
	return c.file(n.(*memFile))
}

func (c *crasher) kept(changes []memChange) []memChange {
	if len(changes) == 0 {
		return nil
	}
	if c.chance.IntN(2) == 0 {
		return changes[:c.chance.IntN(len(changes)+1)]
	}
	var kept []memChange
	for _, change := range changes {
		if c.chance.IntN(2) == 0 {
			kept = append(kept, change)
		}
	}
	return kept
}

func (c *crasher) file(f *memFile) *memFile {
	if done, ok := c.files[f]; ok {
		return done
	}
	data := c.data(f)
	clone := &memFile{data: data, synced: slices.Clone(data)}
	c.files[f] = clone
	return clone
}

func (c *crasher) data(f *memFile) []byte {
	if slices.Equal(f.data, f.synced) {
		return slices.Clone(f.synced)
	}
	least, most := min(len(f.data), len(f.synced)), max(len(f.data), len(f.synced))
	size := least
	switch c.chance.IntN(3) {
	case 0:
		size += c.chance.IntN(most - least + 1)
	case 1:
		size = len(f.data)
	}
	data := make([]byte, size)
	copy(data, f.synced)
	for at := 0; at < size; at += sectorBytes {
		if end := min(at+sectorBytes, size); at < len(f.data) && c.chance.IntN(2) == 0 {
			copy(data[at:end], f.data[at:])
		}
	}
	return data
}
