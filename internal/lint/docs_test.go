package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link     = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	codePath = regexp.MustCompile("`((?:native|trainer|loader|bench|scripts|cmd|internal|docs)/[A-Za-z0-9_./<>*-]+)`")
)

// Links and paths in documents must lead to something; a path may hold <op> or *.
func TestPathsInDocumentsExist(t *testing.T) {
	checked := 0
	for _, name := range files(t) {
		if filepath.Ext(name) != ".md" || strings.Contains(name, "testdata/") || strings.HasPrefix(name, "docs/decisions/") {
			continue
		}
		text := string(read(t, name))
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			checked++
			if !exists(filepath.Join(root, filepath.Dir(name), m[1])) {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
		for _, m := range codePath.FindAllStringSubmatch(text, -1) {
			checked++
			pattern := regexp.MustCompile(`<[a-z]+>`).ReplaceAllString(m[1], "*")
			if !exists(filepath.Join(root, pattern)) {
				t.Errorf("%s names %s, which is not there", name, m[1])
			}
		}
	}
	if checked < 10 {
		t.Fatalf("only %d paths seen in documents", checked)
	}
}

func exists(pattern string) bool {
	if _, err := os.Stat(pattern); err == nil {
		return true
	}
	hits, _ := filepath.Glob(pattern)
	return len(hits) > 0
}
