package snapshot

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/internal/fsys"
)

func vectors() [][]float32 {
	w := make([]float32, 3000)
	for i := range w {
		w[i] = float32(math.Sin(float64(i)))
	}
	w[7] = math.Float32frombits(0x7fc00001) // a NaN with a payload keeps its bits
	return [][]float32{w, {1, -0, 3}, {}}
}

func stored(t *testing.T) (path string, h Header, v [][]float32) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "state.bin")
	h, v = Header{Inputs: "abc", Iteration: 1, Step: 20, OptimizerStep: 20, MetricsBytes: 99}, vectors()
	if err := Write(fsys.OS, path, h, v...); err != nil {
		t.Fatal(err)
	}
	return path, h, v
}

func TestRoundTrip(t *testing.T) {
	path, h, v := stored(t)
	back := [][]float32{make([]float32, 3000), make([]float32, 3), {}}
	got, err := Read(fsys.OS, path, "abc", back...)
	if err != nil {
		t.Fatal(err)
	}
	h.Elements = []int{3000, 3, 0}
	if !reflect.DeepEqual(got, h) {
		t.Errorf("header %+v, want %+v", got, h)
	}
	for i := range v {
		same := slices.EqualFunc(v[i], back[i], func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
		if !same {
			t.Errorf("vector %d differs", i)
		}
	}
}

func TestRefusals(t *testing.T) {
	path, _, _ := stored(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	good := func() [][]float32 { return [][]float32{make([]float32, 3000), make([]float32, 3), {}} }
	change := func(at int) []byte { b := bytes.Clone(whole); b[at] ^= 4; return b }
	for _, c := range []struct {
		name, inputs string
		data         []byte
		vectors      [][]float32
		want         string
	}{
		{"another update", "abd", whole, good(), "inputs abc"},
		{"fewer vectors", "abc", whole, good()[:2], "holds 3 vectors"},
		{"other shape", "abc", whole, [][]float32{make([]float32, 2999), make([]float32, 4), {}}, "vector 0 has 3000"},
		{"empty", "abc", nil, good(), "too few"},
		{"magic", "abc", change(0), good(), "not a checkpoint"},
		{"header length", "abc", change(len(magic) + 3), good(), "does not fit"},
		{"payload", "abc", change(len(whole) / 2), good(), "damaged: SHA-256"},
		{"checksum", "abc", change(len(whole) - 1), good(), "damaged: SHA-256"},
		{"cut", "abc", whole[:len(whole)-1], good(), "its header says"},
		{"longer", "abc", append(bytes.Clone(whole), 0), good(), "its header says"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Read(fsys.OS, path, c.inputs, c.vectors...)
			if fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want class Input, the path and %q", err, c.want)
			}
			for _, v := range c.vectors {
				if slices.ContainsFunc(v, func(x float32) bool { return x != 0 }) {
					t.Error("the vectors were written to")
				}
			}
		})
	}
}
