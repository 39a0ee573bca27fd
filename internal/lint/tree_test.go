package lint

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// files returns the repository's own files (slash paths from the root), without what is fetched,
// built or ignored.
func files(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		switch rel {
		case ".git", ".deps", "bin", "build", "runs", "native/embedded":
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil // a worktree's .git is a file
		}
		if d.Type().IsRegular() {
			list = append(list, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 50 {
		t.Fatalf("only %d files found under %s: the walk is broken", len(list), root)
	}
	return list
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func isSource(name string) bool {
	switch filepath.Ext(name) {
	case ".go", ".cc", ".cu", ".h", ".c", ".py", ".sh":
		return !strings.Contains(name, "testdata/")
	}
	return false
}

func isGenerated(name string) bool { return strings.HasPrefix(filepath.Base(name), "zz_") }

func TestFilesAreShort(t *testing.T) {
	for _, name := range files(t) {
		if !isSource(name) || isGenerated(name) {
			continue
		}
		if n := bytes.Count(read(t, name), []byte("\n")); n > 800 {
			t.Errorf("%s has %d lines; split it by purpose (limit 800)", name, n)
		}
	}
}

var emptyName = regexp.MustCompile(`(?i)(^|/)(util|utils|common|helper|helpers|misc|tmp|old|new|v2|legacy)(/|\.|_)`)

func TestNamesSaySomething(t *testing.T) {
	for _, name := range files(t) {
		if emptyName.MatchString(name) {
			t.Errorf("%s: the name says nothing about the purpose", name)
		}
	}
}

func TestOpsAreWhole(t *testing.T) {
	ops, err := os.ReadDir(filepath.Join(root, "native/ops"))
	if err != nil || len(ops) < 10 {
		t.Fatalf("native/ops: %d ops, %v", len(ops), err)
	}
	for _, op := range ops {
		for _, part := range []string{"op.h", "ref.cc", "cpu.cc", "test.cc", "bench.cc"} {
			if _, err := os.Stat(filepath.Join(root, "native/ops", op.Name(), part)); err != nil {
				t.Errorf("native/ops/%s lacks %s", op.Name(), part)
			}
		}
	}
}

func TestFormatsAreDescribed(t *testing.T) {
	for _, dir := range []string{"loader/shard", "loader/checkpoint", "loader/dataset", "trainer/learn/ledger"} {
		if _, err := os.Stat(filepath.Join(root, dir, "FORMAT.md")); err != nil {
			t.Errorf("%s lacks FORMAT.md", dir)
		}
	}
}

// A path that belongs to one machine, or the name of a package registry's host.
var machinePath = regexp.MustCompile(`/(w[o]rk|r[o]ot|home/[a-z]+)/|p[y]pi\.org|r[e]gistry\.npmjs|proxy\.g[o]lang|d[e]b\.debian\.org`)

func TestNoMachinePaths(t *testing.T) {
	for _, name := range files(t) {
		if name == "go.sum" || strings.Contains(name, "testdata/fuzz/") {
			continue
		}
		b := read(t, name)
		if bytes.IndexByte(b, 0) >= 0 {
			continue
		}
		if at := machinePath.FindIndex(b); at != nil {
			line := 1 + bytes.Count(b[:at[0]], []byte("\n"))
			t.Errorf("%s:%d: %q belongs to one machine or registry", name, line, b[at[0]:at[1]])
		}
	}
}

func TestReadmeIsShort(t *testing.T) {
	if n := bytes.Count(read(t, "README.md"), []byte("\n")); n > 200 {
		t.Errorf("README.md has %d lines (limit 200)", n)
	}
}

var unfinished = regexp.MustCompile(`\b(T[O]DO|F[I]XME|X[X]X)\b|not impl[e]mented|unimpl[e]mented`)

func TestNothingIsLeftUnfinished(t *testing.T) {
	for _, name := range files(t) {
		if !isSource(name) {
			continue
		}
		if m := unfinished.Find(read(t, name)); m != nil {
			t.Errorf("%s says %q", name, m)
		}
	}
}
