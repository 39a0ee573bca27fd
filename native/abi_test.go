package native

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spar/internal/fault"
)

// TestLayoutAgreesWithC lets the C compiler confirm every generated size and offset.
func TestLayoutAgreesWithC(t *testing.T) {
	if err := compileLayout(t, 0); err != nil {
		t.Error(err)
	}
	if err := compileLayout(t, 4); err == nil {
		t.Error("offsets that are wrong by 4 pass: the check checks nothing")
	}
}

// compileLayout asserts each offset plus shift in C.
func compileLayout(t *testing.T, shift int64) error {
	var b strings.Builder
	b.WriteString("#include <stddef.h>\n#include \"spar.h\"\n")
	for _, s := range abiStructs {
		fmt.Fprintf(&b, "_Static_assert(sizeof(%s) == %d, \"\");\n", s.name, s.size)
		for _, f := range s.fields {
			fmt.Fprintf(&b, "_Static_assert(offsetof(%s, %s) == %d, \"%s.%s\");\n", s.name, f.name, f.offset+shift, s.name, f.name)
		}
	}
	file := filepath.Join(t.TempDir(), "layout.c")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("gcc", "-std=gnu11", "-fsyntax-only", "-Iinclude", file).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// TestRefuseForeignLibraries opens libraries that must not be used.
func TestRefuseForeignLibraries(t *testing.T) {
	junk := filepath.Join(t.TempDir(), "junk.so")
	if err := os.WriteFile(junk, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want string }{
		{"other ABI", buildFixture(t, "-DFIXTURE_ABI=2"), "its ABI version is 2, this program's is 1"},
		{"other size", buildFixture(t, "-DFIXTURE_GROW=1"), "spar_plan has 72 bytes there and 64 here"},
		{"missing function", buildFixture(t, "-DFIXTURE_LACKS=1"), "it lacks the function spar_plan_bytes"},
		{"missing file", filepath.Join(t.TempDir(), "none.so"), "no such file"},
		{"a folder", t.TempDir(), "native library: "},
		{"no library", junk, "junk.so"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(Options{Path: c.path})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if code := fault.ExitCode(err); c.name != "no library" && code != 3 {
				t.Errorf("exit code %d, want 3", code)
			}
		})
	}
}

// TestOneLoad opens the same bytes by two paths and other bytes by a third.
func TestOneLoad(t *testing.T) {
	a, err := Open(Options{Path: buildFixture(t)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(Options{Path: buildFixture(t)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(Options{Path: buildFixture(t, "-DFIXTURE_TAG=1")})
	if err != nil {
		t.Fatal(err)
	}
	if a != b {
		t.Error("the same bytes were loaded twice")
	}
	if a == c {
		t.Error("different bytes gave the same library")
	}
	info := a.Info()
	if info.Backend != "fixture" || info.CPUCount != 3 || info.BestISA != "base" || fmt.Sprint(info.ISAs) != "[ref base]" || info.ABIVersion != 1 {
		t.Errorf("info is %+v", info)
	}
}
