package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// mayImport is the import direction: cmd -> bench -> trainer -> {loader, native} -> internal.
var mayImport = map[string][]string{
	"cmd":      {"bench", "trainer", "loader", "native", "internal"},
	"bench":    {"bench", "trainer", "loader", "native", "internal"},
	"trainer":  {"trainer", "loader", "native", "internal"},
	"loader":   {"loader", "internal"},
	"native":   {"internal"},
	"internal": {"internal"},
	"scripts":  {"trainer", "loader", "internal"},
}

func goFiles(t *testing.T) map[string]*ast.File {
	t.Helper()
	parsed := map[string]*ast.File{}
	fset = token.NewFileSet()
	for _, name := range files(t) {
		if filepath.Ext(name) != ".go" || strings.Contains(name, "testdata/") {
			continue
		}
		f, err := parser.ParseFile(fset, name, read(t, name), parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		parsed[name] = f
	}
	return parsed
}

var fset *token.FileSet

func TestImportDirection(t *testing.T) {
	for name, f := range goFiles(t) {
		from, _, _ := strings.Cut(name, "/")
		for _, spec := range f.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			own, ok := strings.CutPrefix(path, "spar/")
			if !ok {
				continue
			}
			to, _, _ := strings.Cut(own, "/")
			if !allowed(mayImport[from], to) {
				t.Errorf("%s imports %s: %s may import only %v", name, path, from, mayImport[from])
			}
		}
	}
}

func allowed(list []string, to string) bool {
	for _, a := range list {
		if a == to {
			return true
		}
	}
	return false
}

func TestTheSupervisorHoldsNoNativeCode(t *testing.T) {
	for name, f := range goFiles(t) {
		if !strings.HasPrefix(name, "trainer/supervise/") {
			continue
		}
		for _, spec := range f.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			if path == "spar/native" || path == "spar/trainer/policy" || path == "github.com/ebitengine/purego" {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func TestFunctionsAreShort(t *testing.T) {
	for name, f := range goFiles(t) {
		if isGenerated(name) {
			continue
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1
			if lines > 120 {
				t.Errorf("%s: %s has %d lines (limit 120)", name, fn.Name.Name, lines)
			}
		}
	}
}

// Flags and environment are read in cmd; XDG_CACHE_HOME (through os.UserCacheDir) is the one
// exception, for the extracted library.
func TestEnvironmentIsReadInCmdOnly(t *testing.T) {
	for name, f := range goFiles(t) {
		if strings.HasPrefix(name, "cmd/") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if ok && pkg.Name == "os" && (sel.Sel.Name == "Getenv" || sel.Sel.Name == "LookupEnv") {
				t.Errorf("%s reads the environment; only cmd may", fset.Position(n.Pos()))
			}
			return true
		})
	}
}

func TestPackagesAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for name, f := range goFiles(t) {
		dir := filepath.Dir(name)
		if strings.HasSuffix(f.Name.Name, "_test") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		documented[dir] = documented[dir] || f.Doc != nil
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment", dir)
		}
	}
}
