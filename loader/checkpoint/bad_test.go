package checkpoint

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"spar/internal/fault"
)

// badInput is an input that must be refused.
type badInput struct {
	name string
	make func(t *testing.T, dir string) (path string) // dir is an empty directory
	want string                                       // part of the message: place or remedy
}

// checkRefused opens the input and looks at the error: class, one sentence that names the file,
// the expected words, bounded time and memory.
func checkRefused(t *testing.T, in badInput) {
	t.Helper()
	path := in.make(t, t.TempDir())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	m, err := Open(path)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if err == nil {
		m.Close()
		t.Fatal("the input was accepted")
	}
	text := err.Error()
	switch {
	case fault.ExitCode(err) != 3:
		t.Errorf("exit code %d: %s", fault.ExitCode(err), text)
	case !strings.HasPrefix(text, path) && path != "":
		t.Errorf("the message does not start with the path: %s", text)
	case strings.ContainsAny(text, "\n\r\x00") || len(text) > 1500+len(path):
		t.Errorf("the message is not one short line: %q", text)
	case !strings.Contains(text, "; "):
		t.Errorf("the message has no remedy: %s", text)
	case !strings.Contains(text, in.want):
		t.Errorf("the message lacks %q: %s", in.want, text)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
		t.Errorf("%d MiB were allocated", used>>20)
	}
	if took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func runBad(t *testing.T, cases []badInput) {
	t.Helper()
	for _, in := range cases {
		t.Run(in.name, func(t *testing.T) { checkRefused(t, in) })
	}
}

// tinyWith makes a good directory and lets edit spoil it.
func tinyWith(edit func(t *testing.T, dir string)) func(*testing.T, string) string {
	return func(t *testing.T, _ string) string {
		dir := writeTiny(t, tinyConfig("llama"), WriteOptions{})
		edit(t, dir)
		return dir
	}
}

func replaceFile(name, content string) func(*testing.T, string) string {
	return tinyWith(func(t *testing.T, dir string) { writeTo(t, filepath.Join(dir, name), []byte(content)) })
}

func fileIn(name, content string) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string { return writeTo(t, filepath.Join(dir, name), []byte(content)) }
}

// linkWeights puts something else where the weights were.
func swapWeights(swap func(name string) error) func(*testing.T, string) string {
	return tinyWith(func(t *testing.T, dir string) {
		name := filepath.Join(dir, singleName)
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if err := swap(name); err != nil {
			t.Fatal(err)
		}
	})
}

func TestBadPaths(t *testing.T) {
	runBad(t, []badInput{
		{"missing", func(_ *testing.T, dir string) string { return filepath.Join(dir, "none") }, "no such file or directory"},
		{"no path", func(*testing.T, string) string { return "" }, "is empty"},
		{"empty directory", func(_ *testing.T, dir string) string { return dir }, "directory is empty"},
		{"directory of other files", func(t *testing.T, dir string) string {
			writeTo(t, filepath.Join(dir, "a.txt"), nil)
			return dir
		}, "no config.json"},
		{"GGUF inside a directory", func(t *testing.T, dir string) string {
			writeTo(t, filepath.Join(dir, "a.gguf"), nil)
			return dir
		}, "path of the GGUF file"},
		{"pipe", func(t *testing.T, dir string) string {
			if err := syscall.Mkfifo(filepath.Join(dir, "p"), 0o600); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(dir, "p")
		}, "it is a pipe"},
		{"device", func(*testing.T, string) string { return "/dev/zero" }, "it is a device"},
		{"empty file", fileIn("m.gguf", ""), "0 bytes"},
		{"text file", fileIn("m.gguf", "hello world, this is no model"), "instead of \"GGUF\""},
		{"zip", fileIn("m.gguf", "PK\x03\x04........."), "never unpacked"},
		{"gzip", fileIn("m.tar.gz", "\x1f\x8b........."), "never unpacked"},
		{"pickle", fileIn("m.bin", "\x80\x02........."), "pickle"},
		{"weights alone", fileIn("model.safetensors", "\x10\x00\x00\x00\x00\x00\x00\x00{}"), "give the directory"},
		{"only a pickle", tinyWith(func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, singleName), filepath.Join(dir, "pytorch_model.bin")); err != nil {
				t.Fatal(err)
			}
		}), "convert it to safetensors"},
		{"no weights", swapWeights(func(string) error { return nil }), "download the weights"},
		{"single file and index", replaceFile(indexName, `{"weight_map":{}}`), "both"},
		{"weights are a directory", swapWeights(func(name string) error { return os.Mkdir(name, 0o755) }), "directory instead of a regular file"},
		{"weights are a pipe", swapWeights(func(name string) error { return syscall.Mkfifo(name, 0o600) }), "pipe instead of a regular file"},
		{"weights are a loop of links", swapWeights(func(name string) error { return os.Symlink(singleName, name) }), "cannot be opened"},
		{"weights link to a device", swapWeights(func(name string) error { return os.Symlink("/dev/zero", name) }), "leaves the model's folder"},
		{"weights link out", swapWeights(func(name string) error { return os.Symlink("../../../../../../etc/passwd", name) }), "leaves the model's folder"},
		{"weights link to nothing", swapWeights(func(name string) error { return os.Symlink("gone", name) }), "missing"},
		{"config links out", tinyWith(func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, configName)); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("/etc/hostname", filepath.Join(dir, configName)); err != nil {
				t.Fatal(err)
			}
		}), "leaves the model's folder"},
		{"cache entry links out of the repository", outOfCache, "leaves the model's folder"},
	})
}

// outOfCache is a snapshot with a link above the repository folder.
func outOfCache(t *testing.T, dir string) string {
	snapshot := filepath.Join(dir, "models--a--b", "snapshots", "abc")
	for _, d := range []string{snapshot, filepath.Join(dir, "models--a--b", "blobs")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeTo(t, filepath.Join(dir, "secret"), []byte("{}"))
	if err := os.Symlink("../../../secret", filepath.Join(snapshot, configName)); err != nil {
		t.Fatal(err)
	}
	return snapshot
}

func TestBadIndex(t *testing.T) {
	index := func(text string) func(*testing.T, string) string {
		return func(t *testing.T, _ string) string {
			dir := writeTiny(t, tinyConfig("llama"), WriteOptions{ShardBytes: 2000})
			if name, ok := strings.CutPrefix(text, "s/"); ok { // instead of the first name of a shard
				data, err := os.ReadFile(filepath.Join(dir, indexName))
				if err != nil {
					t.Fatal(err)
				}
				text = strings.Replace(string(data), "model-00001-of-00009.safetensors", name, 1)
				if text == string(data) {
					t.Fatalf("the shard is not called that: %s", data)
				}
			}
			writeTo(t, filepath.Join(dir, indexName), []byte(text))
			return dir
		}
	}
	runBad(t, []badInput{
		{"not JSON", index("hello"), ":1:1: "},
		{"unknown key", index(`{"weights":{}}`), `"weights" is not known`},
		{"no map", index(`{"metadata":{}}`), "no weight_map"},
		{"parent", index("s/../../etc/passwd"), "not a plain name"},
		{"inner parent", index("s/a/../../b"), "not a plain name"},
		{"absolute", index("s//abs"), "not a plain name"},
		{"drive", index(`s/C:\\x`), "not a plain name"},
		{"encoded", index("s/..%2fx"), "not a plain name"},
		{"NUL", index(`s/a\u0000b`), "control character"},
		{"line feed", index(`s/a\nb`), "control character"},
		{"trailing dot", index("s/a."), "space or dot"},
		{"trailing space", index("s/a "), "space or dot"},
		{"long", index("s/" + strings.Repeat("a", 5000)), "longer than 255"},
		{"empty name", index("s/"), "is empty"},
		{"absent shard", index("s/other.safetensors"), "missing"},
		{"case", index("s/MODEL-00001-of-00009.safetensors"), "differ only in case"},
		{"tensor in another shard", index("s/model-00002-of-00009.safetensors"), "download the model again"},
		{"tensor not in the index", index(`{"weight_map":{"model.norm.weight":"model-00009-of-00009.safetensors"}}`), "download the model again"},
		{"same key twice", index(`{"weight_map":{"a":"x","a":"y"}}`), "comes twice"},
		{"number for a name", index(`{"weight_map":{"a":1}}`), "a number instead of a string"},
		{"too many shards", index(manyShards()), "more than 4096 files"},
	})
}

func manyShards() string {
	var b strings.Builder
	b.WriteString(`{"weight_map":{`)
	for i := range 200_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		name := "s" + strings.Repeat("x", i%7) + itoa(i)
		b.WriteString(`"` + name + `":"` + name + `"`)
	}
	return b.String() + "}}"
}

func itoa(i int) string {
	if i < 10 {
		return string(rune('0' + i))
	}
	return itoa(i/10) + string(rune('0'+i%10))
}

func TestBadConvertTargets(t *testing.T) {
	src := writeTiny(t, tinyConfig("llama"), WriteOptions{})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(src, link); err != nil {
		t.Fatal(err)
	}
	full := t.TempDir()
	writeTo(t, filepath.Join(full, "a"), nil)
	for dst, want := range map[string]string{
		src:                           "lies in the input",
		filepath.Join(src, "sub"):     "lies in the input",
		filepath.Join(link, "x", "y"): "lies in the input",
		full:                          "not empty",
		filepath.Join(full, "a"):      "is a file",
	} {
		err := convertOS(src, dst, "F32")
		if err == nil || fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dst, err, want)
		}
	}
	if err := convertOS(src, filepath.Join(full, "b"), "F8"); fault.ExitCode(err) != 2 {
		t.Errorf("dtype F8: %v", err)
	}
	empty := t.TempDir()
	if err := convertOS(src, empty, "F32"); err != nil {
		t.Errorf("an empty directory: %v", err)
	}
	mustOpen(t, empty)
}
