package native

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func fixtureBytes(t *testing.T, defines ...string) (data []byte, hash string) {
	t.Helper()
	data, err := os.ReadFile(buildFixture(t, defines...))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return data, hex.EncodeToString(sum[:])
}

// TestExtract writes the library, finds it again, and repairs a damaged copy.
func TestExtract(t *testing.T) {
	data, hash := fixtureBytes(t)
	cache := filepath.Join(t.TempDir(), "spar")
	path, err := extract(data, hash, cache)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(cache, hash, libraryName); path != want {
		t.Errorf("extracted to %s, want %s", path, want)
	}
	if st, err := os.Stat(filepath.Dir(path)); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v %v, want mode 700", st.Mode(), err)
	}
	before, _ := os.Stat(path)
	if _, err := extract(data, hash, cache); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.Stat(path); !os.SameFile(before, after) {
		t.Error("a good copy was written again")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(data[:len(data)-1:len(data)-1], 0x55), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := extract(data, hash, cache); err != nil {
		t.Fatal(err)
	}
	if err := verify(path, hash); err != nil {
		t.Errorf("the damaged copy stands: %v", err)
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 1 {
		t.Errorf("%d files in the cache, want the library alone", len(entries))
	}
}

// TestExtractRefuses plants caches that somebody else could write to, or that point elsewhere.
func TestExtractRefuses(t *testing.T) {
	data, hash := fixtureBytes(t)
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := extract(data, hash, open); err == nil || !strings.Contains(err.Error(), "can be written by others") {
		t.Errorf("a folder open to all is used: %v", err)
	}
	linked := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(linked, hash)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(linked, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := extract(data, hash, linked); err == nil || !strings.Contains(err.Error(), "is not a folder") {
		t.Errorf("a linked folder is used: %v", err)
	}
	target := filepath.Join(t.TempDir(), "lib.so")
	link := filepath.Join(t.TempDir(), "link.so")
	if err := os.WriteFile(target, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := verify(link, hash); err == nil {
		t.Error("a symbolic link to the right bytes is accepted")
	}
}

// TestLoadMemory loads from anonymous memory when the cache cannot be used.
func TestLoadMemory(t *testing.T) {
	data, hash := fixtureBytes(t, "-DFIXTURE_TAG=2")
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	loaded.Lock()
	defer loaded.Unlock()
	lib, err := once(data, func(string) (uintptr, error) { return loadBytes(data, hash, blocked) }, "(memory)")
	if err != nil {
		t.Fatal(err)
	}
	if lib.Info().Backend != "fixture" || len(memoryFiles) == 0 {
		t.Errorf("backend %q, %d memory files", lib.Info().Backend, len(memoryFiles))
	}
	if _, err := loadMemory([]byte("junk")); err == nil {
		t.Error("junk loads")
	}
}

// TestNotBuiltIn is what a fresh clone says.
func TestNotBuiltIn(t *testing.T) {
	loaded.Lock()
	defer loaded.Unlock()
	_, err := openEmbedded(fstest.MapFS{"embedded/PLACEHOLDER": {}}, t.TempDir())
	if err == nil || err.Error() != "the CPU library is not built in; run make build" {
		t.Errorf("got %v", err)
	}
}
