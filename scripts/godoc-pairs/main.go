// Command godoc-pairs makes a data set that every machine with Go has: for each exported function and method of the standard
// library, the declaration as prompt and the first paragraph of its doc comment as response, in the messages shape.
//
//	godoc-pairs -out DIR [-train 64] [-eval 32] [-goroot DIR]
//
// It writes DIR/train.jsonl and DIR/held-out.jsonl. Which pair goes where, and their order, follows from a hash of the declaration's
// name alone, so that the same Go release gives the same files everywhere.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds on what becomes a pair, in bytes: long enough to say something, short enough for a small model.
const (
	minDoc       = 40
	maxDoc       = 260
	maxSignature = 240
)

// pair is one declaration with its comment.
type pair struct {
	name      string // "strings.Cut", "bytes.Buffer.Len"
	signature string
	comment   string
}

func main() {
	out := flag.String("out", "", "directory to write to")
	train := flag.Int("train", 64, "training pairs; 0: all")
	eval := flag.Int("eval", 32, "held-out pairs; 0: all")
	goroot := flag.String("goroot", "", "Go installation to read (default: what `go env GOROOT` prints)")
	flag.Parse()
	if *out == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := start(*goroot, *out, *train, *eval); err != nil {
		fmt.Fprintln(os.Stderr, "godoc-pairs:", err)
		os.Exit(1)
	}
}

func start(goroot, out string, train, eval int) error {
	if goroot == "" {
		var err error
		if goroot, err = installed(); err != nil {
			return err
		}
	}
	return run(goroot, out, train, eval)
}

// installed is the Go installation of the go command on the path.
func installed() (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w; give -goroot", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func run(goroot, out string, train, eval int) error {
	pairs, err := collect(filepath.Join(goroot, "src"))
	if err != nil {
		return err
	}
	if len(pairs) == 0 {
		return fmt.Errorf("%s: no documented declarations; give -goroot the directory that `go env GOROOT` prints", goroot)
	}
	seen, heldOut := split(pairs)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := write(filepath.Join(out, "train.jsonl"), first(seen, train)); err != nil {
		return err
	}
	return write(filepath.Join(out, "held-out.jsonl"), first(heldOut, eval))
}

// collect reads every importable package below src.
func collect(src string) ([]pair, error) {
	var out []pair
	err := filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		switch d.Name() {
		case "internal", "vendor", "testdata", "cmd":
			return filepath.SkipDir
		}
		pairs, err := packagePairs(path, filepath.ToSlash(rel))
		out = append(out, pairs...)
		return err
	})
	return out, err
}

// packagePairs reads one directory as Linux on amd64 without cgo would build it, whatever the machine.
func packagePairs(dir, importPath string) ([]pair, error) {
	context := build.Default
	context.GOOS, context.GOARCH, context.CgoEnabled = "linux", "amd64", false
	p, err := context.ImportDir(dir, 0)
	var none *build.NoGoError
	if errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(files, filepath.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f)
	}
	documented, err := doc.NewFromFiles(files, parsed, importPath)
	if err != nil {
		return nil, err
	}
	return functions(files, documented), nil
}

func functions(files *token.FileSet, p *doc.Package) []pair {
	var out []pair
	add := func(fs []*doc.Func, prefix string) {
		for _, f := range fs {
			if x, ok := makePair(files, f, prefix); ok {
				out = append(out, x)
			}
		}
	}
	add(p.Funcs, p.ImportPath+".")
	for _, t := range p.Types {
		add(t.Funcs, p.ImportPath+".")
		add(t.Methods, p.ImportPath+"."+t.Name+".")
	}
	return out
}

func makePair(files *token.FileSet, f *doc.Func, prefix string) (pair, bool) {
	comment := paragraph(f.Doc)
	declaration := *f.Decl
	declaration.Doc, declaration.Body = nil, nil
	var text strings.Builder
	if err := printer.Fprint(&text, files, &declaration); err != nil {
		return pair{}, false
	}
	signature := strings.Join(strings.Fields(text.String()), " ")
	deprecated := strings.Contains(f.Doc, "Deprecated:")
	if deprecated || len(comment) < minDoc || len(comment) > maxDoc || len(signature) > maxSignature {
		return pair{}, false
	}
	return pair{prefix + f.Name, signature, comment}, true
}

// paragraph is the first paragraph of a comment on one line.
func paragraph(comment string) string {
	head, _, _ := strings.Cut(strings.TrimSpace(comment), "\n\n")
	return strings.Join(strings.Fields(head), " ")
}

// split holds a fifth out and orders both parts, by the hash of the names.
func split(pairs []pair) (seen, heldOut []pair) {
	key := func(p pair) [sha256.Size]byte { return sha256.Sum256([]byte(p.name)) }
	slices.SortFunc(pairs, func(a, b pair) int {
		x, y := key(a), key(b)
		return slices.Compare(x[:], y[:])
	})
	for _, p := range pairs {
		if k := key(p); k[sha256.Size-1]%5 == 0 {
			heldOut = append(heldOut, p)
		} else {
			seen = append(seen, p)
		}
	}
	return seen, heldOut
}

func first(pairs []pair, n int) []pair {
	if n == 0 {
		return pairs
	}
	return pairs[:min(n, len(pairs))]
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func write(path string, pairs []pair) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(file)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	for _, p := range pairs {
		importPath := p.name[:strings.LastIndex(p.name, "/")+1]
		importPath += strings.SplitN(p.name[len(importPath):], ".", 2)[0]
		prompt := fmt.Sprintf("Write the doc comment of this declaration in Go package %s:\n\n%s", importPath, p.signature)
		line := map[string]any{"messages": []message{{"user", prompt}, {"assistant", p.comment}}}
		if err := e.Encode(line); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return errors.Join(b.Flush(), file.Sync(), file.Close())
}
