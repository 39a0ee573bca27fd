package kernels

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"spar/native"
)

func openLibrary(t *testing.T) *native.Library {
	t.Helper()
	lib, err := native.Open(native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

func in(dir string) func() (string, error) { return func() (string, error) { return dir, nil } }

func mustFind(t *testing.T, lib *native.Library, dir func() (string, error)) outcome {
	t.Helper()
	o, err := find(lib, dir)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestRaceIsKept races once, in little time, and gives the same from the cache.
func TestRaceIsKept(t *testing.T) {
	lib, dir := openLibrary(t), t.TempDir()
	start := time.Now()
	first := mustFind(t, lib, in(dir))
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("the race took %v", took)
	}
	second := mustFind(t, lib, in(dir))
	if first.origin != Raced || second.origin != Cached || first.note+second.note != "" || first.file != second.file {
		t.Errorf("%+v\nthen %+v", first, second)
	}
	if !reflect.DeepEqual([]verdict{first.FP32, first.BF16}, []verdict{second.FP32, second.BF16}) {
		t.Errorf("the cache gives %+v, not %+v", second, first)
	}
	for _, f := range append(first.FP32.Figures, first.BF16.Figures...) {
		if !(f.Training > 0 && f.Training < 1e4 && f.Decode > 0 && f.Decode < 1e4) {
			t.Errorf("figure %+v", f)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(first.file))
	if err != nil || len(entries) != 2 { // the file and its lock
		t.Errorf("%v %v", entries, err)
	}
}

// TestUnusableCaches plants each kind of wrong file; a new race must replace it and say why.
func TestUnusableCaches(t *testing.T) {
	lib, dir := openLibrary(t), t.TempDir()
	good := mustFind(t, lib, in(dir))
	text, err := os.ReadFile(good.file)
	if err != nil {
		t.Fatal(err)
	}
	for why, planted := range map[string]string{
		"damaged":            string(text[:len(text)/2]),
		"unknown field":      strings.Replace(string(text), `"cpus"`, `"cores"`, 1),
		"format 2":           strings.Replace(string(text), `"format": 1`, `"format": 2`, 1),
		"another library":    strings.Replace(string(text), lib.Info().Hash, "00", 1),
		"which was not in":   strings.Replace(string(text), `"winner": "`+good.FP32.Winner+`"`, `"winner": "ref"`, 1),
		"of another library": strings.Replace(string(text), `"base"`, `"basic"`, 1),
	} {
		if err := os.WriteFile(good.file, []byte(planted), 0o600); err != nil {
			t.Fatal(err)
		}
		o := mustFind(t, lib, in(dir))
		if o.origin != Raced || !strings.Contains(o.note, why) {
			t.Errorf("%s: %s, %q", why, o.origin, o.note)
		}
		if o = mustFind(t, lib, in(dir)); o.origin != Cached {
			t.Errorf("%s: not replaced", why)
		}
	}
}

// TestWithoutCache covers homes that do not exist or cannot be written.
func TestWithoutCache(t *testing.T) {
	lib := openLibrary(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]func() (string, error){
		"no home":       func() (string, error) { return "", errors.New("planted") },
		"not a folder":  in(file),
		"unwritable":    in("/proc"),
		"below nothing": in("/dev/null/spar"),
	} {
		o := mustFind(t, lib, dir)
		if o.origin != Raced || o.file != "" || !strings.Contains(o.note, "every process races anew") || o.FP32.Winner == "" {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

// TestTurns lets several find at once: one races, the others take its result.
func TestTurns(t *testing.T) {
	lib, dir := openLibrary(t), t.TempDir()
	var wait sync.WaitGroup
	origins := make([]string, 3)
	for i := range origins {
		wait.Go(func() {
			o, err := find(lib, in(dir))
			if err != nil {
				t.Error(err)
			}
			origins[i] = o.origin
		})
	}
	wait.Wait()
	if n := strings.Count(strings.Join(origins, " "), Raced); n != 1 {
		t.Errorf("%d of them raced: %v", n, origins)
	}
}

func TestWinner(t *testing.T) {
	f := func(name string, training, decode float64) Figure { return Figure{name, training, decode} }
	for want, figures := range map[string][]Figure{
		"avx2":   {f("base", 9, 1), f("avx2", 3, 0.5), f("avx512", 2.9, 0.49)}, // not clearly
		"avx512": {f("avx2", 3, 0.5), f("avx512", 1.5, 0.5), f("avx512bf16", 3, 0.5)},
		"amx":    {f("avx512", 3, 0.5), f("avx512bf16", 4, 0.5), f("amx", 0.5, 0.6)},
		"base":   {f("base", 1, 1)},
	} {
		if got := winner(figures); got != want {
			t.Errorf("%v: %s, want %s", figures, got, want)
		}
	}
}

func TestCandidates(t *testing.T) {
	all := []string{"ref", "base", "avx2", "avx512", "avx512bf16", "amx"}
	if got := candidates(all, native.FP32); !reflect.DeepEqual(got, []string{"base", "avx2", "avx512"}) {
		t.Errorf("fp32: %v", got)
	}
	if got := candidates(all, native.BF16); !reflect.DeepEqual(got, all[1:]) {
		t.Errorf("bf16: %v", got)
	}
}

// TestNamed does not race.
func TestNamed(t *testing.T) {
	c, err := Choose(openLibrary(t), native.BF16, "base")
	if err != nil || c.Family != "base" || c.Origin != Named || len(c.Figures) > 0 || c.String() != "base, as asked" {
		t.Errorf("%+v %v", c, err)
	}
}
