package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"spar/trainer/verify/jail"
)

func TestMain(m *testing.M) {
	jail.Main()
	testscript.Main(m, map[string]func(){
		"spar": func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// scriptCache is where the tests' programs unpack the native library.
func scriptCache() string { return filepath.Join(os.TempDir(), "spar-script-cache") }

// TestScripts runs testdata/script: what a user of the command line may rely on, written from the
// documents alone. $GOLDEN holds tiny models with known log-probs, $MODELS ones with tokenizers.
func TestScripts(t *testing.T) {
	golden, err := filepath.Abs("../../trainer/policy/testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	models, err := filepath.Abs("testdata/models")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("GOLDEN", golden)
			env.Setenv("MODELS", models)
			env.Setenv("XDG_CACHE_HOME", scriptCache())
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"json":  checkJSON,
			"code":  checkCode,
			"edit":  editFile,
			"flip":  flipByte,
			"fill":  fillFile,
			"giant": giantModel,
			"cut":   cutFile,
			"model": copyModel,
		},
	})
}

// checkJSON: json FILE LINE PATH OP WANT [TOLERANCE], for example
//
//	json out 1 logp.0 ~ -4.25 1e-4
//	json out 1 ids len 3
//	json out 2 finish_reason = length
//
// LINE 0 is the whole file. A key with dots in it is given in full: what is left of the path is tried before its parts.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 {
		ts.Fatalf("usage: json FILE LINE PATH =|~|len WANT [TOLERANCE]")
	}
	line, _ := strconv.Atoi(args[1])
	value := lookup(ts, lineOf(ts, args[0], line), args[2])
	switch args[3] {
	case "=":
		if got := fmt.Sprint(value); got != args[4] {
			ts.Fatalf("%s is %s, want %s", args[2], got, args[4])
		}
	case "len":
		list, _ := value.([]any)
		if strconv.Itoa(len(list)) != args[4] {
			ts.Fatalf("%s has %d elements, want %s", args[2], len(list), args[4])
		}
	case "~":
		want, _ := strconv.ParseFloat(args[4], 64)
		tolerance, err := strconv.ParseFloat(args[5], 64)
		got, ok := value.(float64)
		if err != nil || !ok || !(math.Abs(got-want) <= tolerance) {
			ts.Fatalf("%s is %v, want %v within %v", args[2], value, want, args[5])
		}
	default:
		ts.Fatalf("json: no operator %q", args[3])
	}
}

func lineOf(ts *testscript.TestScript, file string, n int) string {
	if n == 0 {
		return ts.ReadFile(file)
	}
	s := bufio.NewScanner(strings.NewReader(ts.ReadFile(file)))
	s.Buffer(nil, 1<<24)
	for i := 1; s.Scan(); i++ {
		if i == n {
			return s.Text()
		}
	}
	ts.Fatalf("%s has no line %d", file, n)
	return ""
}

func lookup(ts *testscript.TestScript, line, path string) any {
	var v any
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		ts.Fatalf("%v in %s", err, line)
	}
	for rest := path; rest != ""; {
		key := rest
		if object, ok := v.(map[string]any); !ok || object[rest] == nil {
			key, _, _ = strings.Cut(rest, ".")
		}
		rest = strings.TrimPrefix(rest[len(key):], ".")
		switch x := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = x[key]; !ok {
				ts.Fatalf("no %s in %s", path, line)
			}
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(x) {
				ts.Fatalf("no %s in %s", path, line)
			}
			v = x[i]
		default:
			ts.Fatalf("no %s in %s", path, line)
		}
	}
	return v
}

// checkCode: code N COMMAND ARGS... runs spar and demands the exit code N and, for a failure, exactly
// one line on standard error, kept in the file stderr.txt.
func checkCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: code N VERB ARGS...")
	}
	var out, errs strings.Builder
	dir := ts.Getenv("WORK")
	got := runIn(ts, dir, args[1:], &out, &errs)
	ts.Check(os.WriteFile(filepath.Join(dir, "stdout.txt"), []byte(out.String()), 0o644))
	ts.Check(os.WriteFile(filepath.Join(dir, "stderr.txt"), []byte(errs.String()), 0o644))
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s\nstdout: %s\nstderr: %s", got, args[0], out.String(), errs.String())
	}
	if n := strings.Count(strings.TrimRight(errs.String(), "\n"), "\n") + 1; got >= 2 && got <= 5 && n != 1 {
		ts.Fatalf("%d lines on standard error, want one sentence:\n%s", n, errs.String())
	}
}
