package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// plant writes a set of n problems in the published file's form.
func plant(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "set.jsonl.gz")
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for i := range n {
		fmt.Fprintf(z, `{"task_id":"T/%d","prompt":"def f%d(x):\n    \"\"\"x + %d\"\"\"\n","entry_point":"f%d","canonical_solution":"    return x + %d\n","test":"def check(candidate):\n    assert candidate(1) == %d\n"}`+"\n", i, i, i, i, i, i+1)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	save(t, path, b.String())
	return path
}

func save(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPromptsAreSpread(t *testing.T) {
	var out bytes.Buffer
	if err := run(plant(t, 10), 4, []string{"prompts"}, &out); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		want := fmt.Sprintf("def f%d(", []int{0, 2, 5, 7}[i])
		var row struct{ Prompt string }
		if err := json.Unmarshal([]byte(line), &row); err != nil || !strings.HasPrefix(row.Prompt, want) || !strings.HasSuffix(row.Prompt, `"""`) {
			t.Errorf("line %d is %s, want a prompt that begins with %q and ends with its docstring", i, line, want)
		}
	}
}

// TestJoin: a program is the head with the model's body, and beside it are the tests of the same problem.
func TestJoin(t *testing.T) {
	set := plant(t, 3)
	samples := save(t, filepath.Join(t.TempDir(), "s"), `{"text":"\n    return x"}`+"\n"+`{"text":"\n    return 1"}`+"\n"+`{"text":""}`+"\n")
	var out bytes.Buffer
	if err := run(set, 0, []string{"join", samples}, &out); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(out.String()), "\n")
	var row struct{ Response, Tests string }
	if err := json.Unmarshal([]byte(rows[1]), &row); err != nil {
		t.Fatal(err)
	}
	if row.Response != "def f1(x):\n    \"\"\"x + 1\"\"\"\n    return 1" || !strings.HasSuffix(row.Tests, "check(f1)\n") || len(rows) != 3 {
		t.Errorf("%d rows, the second %+v", len(rows), row)
	}
	if err := run(set, 2, []string{"join", samples}, &out); err == nil || !strings.Contains(err.Error(), "3 samples for 2 problems") {
		t.Errorf("samples of other problems: %v", err)
	}
}

func TestCount(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v")
	var out bytes.Buffer
	if err := run("", 0, []string{"count", save(t, path, `{"verdict":"fail"} {"verdict":"pass"}`+"\n"+`{"verdict":"fail"}`)}, &out); err != nil {
		t.Fatal(err)
	}
	if want := "HumanEval: 1 of 3 solved (fail 2, pass 1)\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	for _, bad := range []string{"{}", "{", "x"} {
		if err := run("", 0, []string{"count", save(t, path, bad)}, &out); err == nil {
			t.Errorf("%s passes for verdicts", bad)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"join"}, {"prompts", "x"}, {"run"}} {
		if err := run("", 0, args, &bytes.Buffer{}); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
	if err := run(plant(t, 2), 3, []string{"prompts"}, &bytes.Buffer{}); err == nil {
		t.Error("three of two problems are given out")
	}
}
