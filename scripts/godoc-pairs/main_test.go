package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStandardLibrary makes the data set twice from this machine's Go.
func TestStandardLibrary(t *testing.T) {
	var made [2][]byte
	prompts := map[string]string{}
	for i := range made {
		dir := t.TempDir()
		if err := start("", dir, 0, 0); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"train.jsonl", "held-out.jsonl"} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			made[i] = append(made[i], data...)
			if i == 0 {
				check(t, name, data, prompts)
			}
		}
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Error("two runs give different bytes")
	}
}

// check looks at every line; prompts maps a prompt to the file that has it.
func check(t *testing.T, name string, data []byte, prompts map[string]string) {
	t.Helper()
	lines := 0
	s := bufio.NewScanner(bytes.NewReader(data))
	for ; s.Scan(); lines++ {
		var row struct{ Messages []message }
		if err := json.Unmarshal(s.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if len(row.Messages) != 2 || row.Messages[0].Role != "user" || row.Messages[1].Role != "assistant" {
			t.Fatalf("%s:%d: %s", name, lines+1, s.Text())
		}
		prompt := row.Messages[0].Content
		if other, seen := prompts[prompt]; seen && other != name {
			t.Errorf("%s and %s share a prompt: %s", name, other, prompt)
		}
		prompts[prompt] = name
		if n := len(row.Messages[1].Content); n < minDoc || n > maxDoc || strings.Contains(row.Messages[1].Content, "\n") {
			t.Errorf("%s:%d: a response of %d bytes", name, lines+1, n)
		}
	}
	if lines < 300 {
		t.Errorf("%s has %d lines", name, lines)
	}
}

func TestLimitsAndErrors(t *testing.T) {
	dir := t.TempDir()
	if err := start("", dir, 64, 32); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"train.jsonl": 64, "held-out.jsonl": 32} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || bytes.Count(data, []byte("\n")) != want {
			t.Errorf("%s: %d lines, want %d; %v", name, bytes.Count(data, []byte("\n")), want, err)
		}
	}
	if err := run(t.TempDir(), dir, 1, 1); err == nil {
		t.Error("an empty directory passes for a Go installation")
	}
}
