package lint

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func nativeSources(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, name := range files(t) {
		ext := filepath.Ext(name)
		if strings.HasPrefix(name, "native/") && (ext == ".h" || ext == ".cc" || ext == ".c") && !strings.Contains(name, "testdata/") {
			list = append(list, name)
		}
	}
	return list
}

func isNativeTest(name string) bool {
	base := filepath.Base(name)
	return strings.HasPrefix(name, "native/tests/") || strings.HasPrefix(base, "test") || base == "bench.cc" || strings.HasSuffix(base, "_test.cc")
}

var include = regexp.MustCompile(`(?m)^#include "([^"]+)"`)

// include <- core <- ops; backends may use all three.
func TestNativeIncludeDirection(t *testing.T) {
	may := map[string][]string{
		"include":  {"include/"},
		"core":     {"include/", "core/", "ops/"},
		"ops":      {"include/", "core/", "ops/", "backends/"},
		"backends": {"include/", "core/", "ops/", "backends/"},
	}
	seen := 0
	for _, name := range nativeSources(t) {
		if isNativeTest(name) {
			continue
		}
		from := strings.Split(name, "/")[1]
		for _, m := range include.FindAllStringSubmatch(string(read(t, name)), -1) {
			seen++
			if !hasPrefix(m[1], may[from]) {
				t.Errorf("%s includes %s: %s may include only %v", name, m[1], from, may[from])
			}
			if from == "core" && strings.HasPrefix(m[1], "ops/") && filepath.Base(m[1]) != "op.h" {
				t.Errorf("%s includes %s: core knows an op by its op.h only", name, m[1])
			}
		}
	}
	if seen < 50 {
		t.Fatalf("only %d includes seen", seen)
	}
}

func hasPrefix(s string, list []string) bool {
	for _, p := range list {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

var endsOrPrints = regexp.MustCompile(`\b(abort|exit|_exit|assert|printf|fprintf|puts|perror|std::cout|std::cerr|std::terminate)\s*[(<]`)

func TestTheLibraryNeitherEndsNorPrints(t *testing.T) {
	for _, name := range nativeSources(t) {
		if isNativeTest(name) {
			continue
		}
		for i, line := range strings.Split(string(read(t, name)), "\n") {
			code, _, _ := strings.Cut(line, "//")
			if m := endsOrPrints.FindString(code); m != "" {
				t.Errorf("%s:%d: %s", name, i+1, strings.TrimSpace(line))
			}
		}
	}
}

// A kernel file is compiled once per instruction set; an out-of-line template of the standard
// library in it would be emitted with those instructions and might be chosen for all.
func TestKernelsUseNoContainers(t *testing.T) {
	banned := regexp.MustCompile(`#include <(vector|string|map|unordered_map|memory|functional|algorithm|sstream)>`)
	for _, name := range nativeSources(t) {
		if filepath.Base(name) != "cpu.cc" && !strings.HasPrefix(name, "native/backends/cpu/vec") && !strings.HasPrefix(name, "native/backends/cpu/gemm") {
			continue
		}
		if isNativeTest(name) {
			continue
		}
		if m := banned.FindString(string(read(t, name))); m != "" {
			t.Errorf("%s: %s", name, m)
		}
	}
}

var functionHead = regexp.MustCompile(`^[A-Za-z].*\)( const| noexcept)* \{$`)

func TestNativeFunctionsAreShort(t *testing.T) {
	found := 0
	for _, name := range nativeSources(t) {
		start := -1
		for i, line := range strings.Split(string(read(t, name)), "\n") {
			switch {
			case start < 0 && functionHead.MatchString(line) && !strings.HasPrefix(line, "namespace"):
				start = i
				found++
			case start >= 0 && line == "}":
				if n := i - start + 1; n > 120 {
					t.Errorf("%s:%d: a function of %d lines (limit 120)", name, start+1, n)
				}
				start = -1
			}
		}
	}
	if found < 50 {
		t.Fatalf("only %d functions seen", found)
	}
}

func TestFewCMakeOptions(t *testing.T) {
	option := regexp.MustCompile(`(?m)^\s*option\(`)
	n := 0
	for _, name := range files(t) {
		if filepath.Base(name) == "CMakeLists.txt" {
			n += len(option.FindAll(read(t, name), -1))
		}
	}
	if n > 8 {
		t.Errorf("%d CMake options (limit 8)", n)
	}
}
