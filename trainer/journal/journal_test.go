package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/internal/fsys"
)

func sample(i int) Entry {
	return Entry{Iteration: i, Stage: "sample", Inputs: map[string]string{"policy": "abc"}, Outputs: map[string]string{"x": "def"}, Seconds: 1.5, Tokens: 9}
}

func written(t *testing.T, n int) (path string, data []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal.jsonl")
	j, err := Open(fsys.OS, path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := j.Append(sample(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, data
}

// TestEveryCut opens the journal cut at every byte: what was whole is there, and appending goes on.
func TestEveryCut(t *testing.T) {
	path, data := written(t, 3)
	for cut := range len(data) + 1 {
		if err := os.WriteFile(path, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		whole := bytes.Count(data[:cut], []byte("\n"))
		j, err := Open(fsys.OS, path)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if len(j.Entries()) != whole {
			t.Fatalf("cut at %d: %d entries, want %d", cut, len(j.Entries()), whole)
		}
		if err := j.Append(sample(7)); err != nil {
			t.Fatal(err)
		}
		j.Close()
		entries, err := Read(fsys.OS, path)
		if err != nil || len(entries) != whole+1 || !reflect.DeepEqual(entries[whole], sample(7)) {
			t.Fatalf("cut at %d: after appending %d entries, %v", cut, len(entries), err)
		}
	}
}

// TestEveryFlip flips a bit of every byte: the damage is found, with the line's number, or the flip hit the
// last newline, which makes a torn line.
func TestEveryFlip(t *testing.T) {
	path, data := written(t, 2)
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		entries, err := Read(fsys.OS, path)
		if i == len(data)-1 {
			if err != nil || len(entries) != 1 {
				t.Errorf("last newline: %d entries, %v", len(entries), err)
			}
			continue
		}
		if fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), "journal.jsonl:") {
			t.Errorf("byte %d (%q): got %v", i, data[i], err)
		}
	}
}

func TestFind(t *testing.T) {
	path, _ := written(t, 3)
	j, err := Open(fsys.OS, path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if e, ok := j.Find(2, "sample"); !ok || e.Iteration != 2 {
		t.Errorf("got %v, %v", e, ok)
	}
	if _, ok := j.Find(2, "update"); ok {
		t.Error("found a stage that is not there")
	}
}

func TestLineage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.json")
	if _, ok, err := ReadLineage(fsys.OS, path); ok || err != nil {
		t.Fatalf("missing file: %v, %v", ok, err)
	}
	l := Lineage{Config: map[string]string{"seed": "1"}, Seed: 1<<64 - 1, Kernels: "avx2"}
	if err := WriteLineage(fsys.OS, path, l); err != nil {
		t.Fatal(err)
	}
	l.Format = 1
	if got, ok, err := ReadLineage(fsys.OS, path); err != nil || !ok || !reflect.DeepEqual(got, l) {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	for _, text := range []string{"{", `{"format":2}`, `{"format":"1"}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ReadLineage(fsys.OS, path); fault.ExitCode(err) != 3 {
			t.Errorf("%s: got %v, want class Input", text, err)
		}
	}
}

func TestFailedSyncIsNoEntry(t *testing.T) {
	full := errors.New("no space left on device")
	f := fsys.NewFaulty(fsys.OS, func(op, name string, n int) error {
		if strings.EqualFold(op, "sync") {
			return full
		}
		return nil
	})
	j, err := Open(f, filepath.Join(t.TempDir(), "journal.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(sample(0)); !errors.Is(err, full) {
		t.Errorf("got %v, want the device's error", err)
	}
	if len(j.Entries()) != 0 {
		t.Error("an entry that was not synced counts as written")
	}
}
