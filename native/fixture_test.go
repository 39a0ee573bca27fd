package native

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// buildFixture compiles testdata/fixture.c, the toy engine, and returns the library's path.
func buildFixture(t testing.TB, defines ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "libfixture.so")
	args := append([]string{"-std=gnu99", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-o", out}, defines...)
	if text, err := exec.Command("gcc", append(args, "testdata/fixture.c")...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, text)
	}
	return out
}

func openFixture(t testing.TB) *Library {
	t.Helper()
	lib, err := Open(Options{Path: buildFixture(t)})
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

func openFixtureContext(t testing.TB) *Context {
	t.Helper()
	c, err := openFixture(t).OpenContext(ContextConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// toySpec has two weights to a token: 10 x 2.
func toySpec() Spec {
	return Spec{VocabSize: 10, HiddenSize: 2, NumLayers: 1, NumHeads: 1, NumKVHeads: 1, HeadDim: 4, IntermediateSize: 2, MaxPositions: 8, RopeScale: 1, RopeInvFreq: []float64{0.25, 0.5}}
}

func openToyModel(t testing.TB) *Model {
	t.Helper()
	m, err := openFixtureContext(t).OpenModel(toySpec(), ModelConfig{Trainable: true})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
