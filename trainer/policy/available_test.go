package policy

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGroupLeft(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"version 2", map[string]string{"memory.max": "1000\n", "memory.current": "300\n", "memory.stat": "anon 200\ninactive_file 50\n"}, 750},
		{"version 2 without limit", map[string]string{"memory.max": "max\n", "memory.current": "300\n"}, math.MaxInt64},
		{"version 1", map[string]string{"memory/memory.limit_in_bytes": "900\n", "memory/memory.usage_in_bytes": "100\n", "memory/memory.stat": "total_inactive_file 7\n"}, 807},
		{"more used than allowed", map[string]string{"memory.max": "10\n", "memory.current": "30\n"}, 0},
		{"none", nil, math.MaxInt64},
	} {
		root := t.TempDir()
		write(t, root, c.files)
		if got := groupLeft(root); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestMemAvailable(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"good": "MemTotal: 9 kB\nMemAvailable:   12 kB\n", "bad": "MemTotal: 9 kB\n"})
	if n, err := memAvailable(filepath.Join(root, "good")); n != 12<<10 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if _, err := memAvailable(filepath.Join(root, "bad")); err == nil {
		t.Error("a file without the line passes")
	}
	if n, err := Available(); n <= 0 || err != nil {
		t.Errorf("this machine: %d %v", n, err)
	}
}
