package checkpoint

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/loader/checkpoint/gguf/gguftest"
)

var modelTypes = []string{"llama", "mistral", "qwen2", "qwen3"}

func checkValues(t *testing.T, m *Model) {
	t.Helper()
	want := tinyValues(m.Config)
	for _, info := range m.Config.Tensors() {
		got := make([]float32, info.Elements())
		if err := m.Read(info.Name, got); err != nil {
			t.Fatal(err)
		}
		if v, _ := want(info.Name); !slices.Equal(got, v) {
			t.Fatalf("%s: values differ", info.Name)
		}
	}
}

func TestWriteReadWriteGivesTheSameBytes(t *testing.T) {
	for _, modelType := range modelTypes {
		for _, o := range []WriteOptions{{DType: "F32"}, {DType: "F16"}, {DType: "BF16", ShardBytes: 900}} {
			t.Run(modelType+o.DType, func(t *testing.T) {
				c := tinyConfig(modelType)
				first := writeTiny(t, c, o)
				m := mustOpen(t, first)
				checkValues(t, m)
				c.DType = o.DType
				if !reflect.DeepEqual(m.Config, c) {
					t.Errorf("config came back as %+v, want %+v", m.Config, c)
				}
				second := filepath.Join(t.TempDir(), "again")
				if err := Write(fsys.OS, second, m, o); err != nil {
					t.Fatal(err)
				}
				sameFiles(t, first, second)
				if o.ShardBytes > 0 && !strings.Contains(strings.Join(names(t, first), " "), "model-00002-of-") {
					t.Errorf("no shards among %v", names(t, first))
				}
			})
		}
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func sameFiles(t *testing.T, a, b string) {
	t.Helper()
	if !slices.Equal(names(t, a), names(t, b)) {
		t.Fatalf("files %v and %v", names(t, a), names(t, b))
	}
	for _, name := range names(t, a) {
		x, errX := os.ReadFile(filepath.Join(a, name))
		y, errY := os.ReadFile(filepath.Join(b, name))
		if errX != nil || errY != nil || !bytes.Equal(x, y) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestHashSeesConfigAndWeightsAndNotTheShards(t *testing.T) {
	hash := func(c *Config, o WriteOptions) string {
		h, err := mustOpen(t, writeTiny(t, c, o)).Hash()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	base := hash(tinyConfig("llama"), WriteOptions{})
	if got := hash(tinyConfig("llama"), WriteOptions{ShardBytes: 900}); got != base {
		t.Error("cutting the model into shards changes its hash")
	}
	other := tinyConfig("llama")
	other.Rope.Theta = 20_000
	if hash(other, WriteOptions{}) == base {
		t.Error("another theta has the same hash")
	}
	if hash(tinyConfig("llama"), WriteOptions{DType: "BF16"}) == base {
		t.Error("other stored bytes have the same hash")
	}
}

func TestGGUFHasTheTensorsOfTheDirectory(t *testing.T) {
	for arch, modelType := range map[string]string{"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3"} {
		t.Run(arch, func(t *testing.T) {
			c := tinyConfig(modelType)
			c.SlidingWindow, c.WindowFirstLayer, c.EOS, c.DType = 0, 0, []int{2}, "F32"
			g := &tinyGGUF{config: c, arch: arch}
			m := mustOpen(t, writeTo(t, filepath.Join(t.TempDir(), "m.gguf"), g.bytes(t)))
			if !reflect.DeepEqual(m.Config, c) {
				t.Errorf("config %+v, want %+v", m.Config, c)
			}
			checkValues(t, m)
			d, err := Diff(m, mustOpen(t, writeTiny(t, c, WriteOptions{})))
			if err != nil || !d.Equal() {
				t.Errorf("difference %+v, %v", d, err)
			}
			tok := m.GGUFTokenizer
			if tok.Model != "gpt2" || tok.Pre != "qwen2" || len(tok.Tokens) != 24 || tok.Merges[0] != "a b" || tok.BOS != 1 || tok.Pad != -1 || m.ChatTemplate != "{{ messages }}" {
				t.Errorf("tokenizer %+v", tok)
			}
		})
	}
}

func TestGGUFVersion2AndAlignment(t *testing.T) {
	c := tinyConfig("llama")
	g := &tinyGGUF{config: c, arch: "llama", keys: map[string]any{"general.alignment": uint32(128)}}
	g.builder.Version, g.builder.Alignment = 2, 128
	m := mustOpen(t, writeTo(t, filepath.Join(t.TempDir(), "m.gguf"), g.bytes(t)))
	checkValues(t, m)
}

func TestGGUFOfMistralHasAWindow(t *testing.T) {
	c := tinyConfig("mistral")
	g := &tinyGGUF{config: c, arch: "llama", keys: map[string]any{"A.attention.sliding_window": uint32(8)}}
	m := mustOpen(t, writeTo(t, filepath.Join(t.TempDir(), "m.gguf"), g.bytes(t)))
	if m.Config.Architecture != "MistralForCausalLM" || m.Config.SlidingWindow != 8 {
		t.Errorf("config %+v", m.Config)
	}
	checkValues(t, m)
}

func TestGGUFRope(t *testing.T) {
	llama3 := Rope{Type: "llama3", Theta: 10_000, Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalMaxPositions: 8192}
	for name, tc := range map[string]struct {
		keys    map[string]any
		factors []float32
		want    Rope
	}{
		"linear": {map[string]any{"A.rope.scaling.type": "linear", "A.rope.scaling.factor": float32(4)}, nil, Rope{Type: "linear", Theta: 10_000, Factor: 4}},
		"older":  {map[string]any{"A.rope.scale_linear": float32(2)}, nil, Rope{Type: "linear", Theta: 10_000, Factor: 2}},
		"none":   {map[string]any{"A.rope.scaling.type": "none"}, nil, Rope{Type: "default", Theta: 10_000}},
		"yarn": {map[string]any{"A.rope.scaling.type": "yarn", "A.rope.scaling.factor": float32(4), "A.rope.scaling.original_context_length": uint32(32)}, nil,
			Rope{Type: "yarn", Theta: 10_000, Factor: 4, OriginalMaxPositions: 32, Truncate: true}},
		"llama3": {nil, []float32{1, 8}, llama3},
	} {
		t.Run(name, func(t *testing.T) {
			g := &tinyGGUF{config: tinyConfig("llama"), arch: "llama", keys: tc.keys}
			g.config.HeadDim = 4
			if tc.factors != nil {
				// The two frequencies of head size 4 turn 1304 and 13 times: both are kept.
				g.config.Rope.Theta = 1e8 // now the second turns 0.13 times and is divided
				tc.want.Theta = 1e8
				g.tensors = map[string]gguftest.Tensor{ropeFactorsName: {Name: ropeFactorsName, Dims: []uint64{2}, Data: floats(tc.factors)}}
			}
			m := mustOpen(t, writeTo(t, filepath.Join(t.TempDir(), "m.gguf"), g.bytes(t)))
			if m.Config.Rope != tc.want {
				t.Errorf("rope %+v, want %+v", m.Config.Rope, tc.want)
			}
		})
	}
}

// Every quantised type is read through a model file; blocks and floats come from ggml.
func TestGGUFReadsEveryType(t *testing.T) {
	data, err := os.ReadFile("gguf/testdata/ggml.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			Name    string
			Type    uint32
			Data    []byte
			Float32 []byte
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for _, gc := range golden.Cases {
		c := tinyConfig("llama")
		c.HiddenSize, c.HeadDim, c.IntermediateSize = 256, 64, 8
		g := &tinyGGUF{config: c, arch: "llama", tensors: map[string]gguftest.Tensor{
			"blk.1.ffn_gate.weight": {Name: "blk.1.ffn_gate.weight", Type: gc.Type, Dims: []uint64{256, 8}, Data: gc.Data},
		}}
		m := mustOpen(t, writeTo(t, filepath.Join(t.TempDir(), "m.gguf"), g.bytes(t)))
		got := make([]float32, 2048)
		if err := m.Read("model.layers.1.mlp.gate_proj.weight", got); err != nil {
			t.Fatal(err)
		}
		if have := floats(got); !bytes.Equal(have[:4096], gc.Float32[:4096]) {
			t.Errorf("%s: the values differ from ggml's", gc.Name)
		}
	}
}

func TestCacheLayoutOfTheHub(t *testing.T) {
	model := writeTiny(t, tinyConfig("llama"), WriteOptions{})
	repo := filepath.Join(t.TempDir(), "models--a--b")
	snapshot := filepath.Join(repo, "snapshots", "abc")
	for _, dir := range []string{filepath.Join(repo, "blobs"), snapshot} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range names(t, model) {
		blob := string(rune('a' + i))
		if err := os.Rename(filepath.Join(model, name), filepath.Join(repo, "blobs", blob)); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../../blobs/"+blob, filepath.Join(snapshot, name)); err != nil {
			t.Fatal(err)
		}
	}
	checkValues(t, mustOpen(t, snapshot))
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(snapshot, link); err != nil {
		t.Fatal(err)
	}
	checkValues(t, mustOpen(t, link))
	if _, err := Open(repo); err == nil || !strings.Contains(err.Error(), "one revision") {
		t.Errorf("the repository folder: %v", err)
	}
}

func TestTiedHeadStoredTwice(t *testing.T) {
	c := tinyConfig("llama")
	dir := writeTiny(t, c, WriteOptions{})
	same := func(name string) ([]float32, error) {
		if name == headName {
			name = embedName
		}
		return tinyValues(c)(name)
	}
	for equal, values := range map[bool]func(string) ([]float32, error){true: same, false: tinyValues(c)} {
		untied := filepath.Join(t.TempDir(), "m")
		if err := Write(fsys.OS, untied, mustOpen(t, dir), WriteOptions{DType: "BF16", Tensor: values}); err != nil {
			t.Fatal(err)
		}
		writeTo(t, filepath.Join(untied, configName), editConfig(t, c, map[string]any{"tie_word_embeddings": true}))
		m, err := Open(untied)
		if equal {
			if err != nil || len(m.Warnings) != 1 || len(m.Tensors()) != len(c.Tensors())-1 {
				t.Errorf("an equal copy: %v, %+v", err, m)
			}
			m.Close()
		} else if err == nil || !strings.Contains(err.Error(), "differs from") {
			t.Errorf("another head: %v", err)
		}
	}
}

func TestChatTemplateOfDirectory(t *testing.T) {
	for name, tc := range map[string]struct {
		files    map[string]string
		want     string
		warnings int
	}{
		"none":        {nil, "", 0},
		"file":        {map[string]string{templateName: "F"}, "F", 0},
		"inside":      {map[string]string{tokenizerConfigName: `{"chat_template": "I"}`}, "I", 0},
		"list":        {map[string]string{tokenizerConfigName: `{"chat_template": [{"name":"rag","template":"R"},{"name":"default","template":"D"}]}`}, "D", 0},
		"both, equal": {map[string]string{templateName: "F", tokenizerConfigName: `{"chat_template": "F"}`}, "F", 0},
		"both":        {map[string]string{templateName: "F", tokenizerConfigName: `{"chat_template": "I"}`}, "F", 1},
	} {
		dir := writeTiny(t, tinyConfig("llama"), WriteOptions{})
		for file, text := range tc.files {
			writeTo(t, filepath.Join(dir, file), []byte(text))
		}
		m := mustOpen(t, dir)
		if m.ChatTemplate != tc.want || len(m.Warnings) != tc.warnings {
			t.Errorf("%s: template %q, warnings %v", name, m.ChatTemplate, m.Warnings)
		}
	}
}

func TestConfigOnlyAndPickleBesideSafetensors(t *testing.T) {
	dir := writeTiny(t, tinyConfig("qwen3"), WriteOptions{})
	// A directory in its place could not be opened as a file: nothing touches it.
	if err := os.Mkdir(filepath.Join(dir, "pytorch_model.bin"), 0); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir)
	if err := os.Remove(filepath.Join(dir, singleName)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, configName)} {
		m, err := OpenConfigOnly(path)
		if err != nil {
			t.Fatal(err)
		}
		if m.Format != "config" || len(m.Tensors()) != len(m.Config.Tensors()) || m.Close() != nil {
			t.Errorf("%s: %+v", path, m)
		}
		if err := m.Read(embedName, nil); err == nil {
			t.Error("weights were read from a config")
		}
	}
}

func TestDiff(t *testing.T) {
	c := tinyConfig("llama")
	a := mustOpen(t, writeTiny(t, c, WriteOptions{}))
	changed := filepath.Join(t.TempDir(), "b")
	err := Write(fsys.OS, changed, a, WriteOptions{DType: "F32", Tensor: func(name string) ([]float32, error) {
		v, err := tinyValues(c)(name)
		if name == "model.norm.weight" {
			v[0], v[3] = 2, 2
			v[3] += 0.5
		}
		return v, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	writeTo(t, filepath.Join(changed, configName), editConfig(t, c, map[string]any{"rope_theta": 500}))
	d, err := Diff(a, mustOpen(t, changed))
	if err != nil {
		t.Fatal(err)
	}
	before, _ := tinyValues(c)("model.norm.weight")
	abs, at := float64(2-before[0]), 0
	if x := float64(2.5 - before[3]); x > abs {
		abs, at = x, 3
	}
	if len(d.Tensors) != 1 || d.Tensors[0].Differing != 2 || d.Tensors[0].MaxAbs != abs || d.Tensors[0].At != at || len(d.Config) != 1 || d.Config[0] != "rope_theta: 10000.0, 500.0" {
		t.Errorf("%+v; want %v at %d", d, abs, at)
	}
	d, err = Diff(a, mustOpen(t, writeTiny(t, tinyConfig("qwen3"), WriteOptions{})))
	if err != nil || len(d.OnlyB) != 4 || len(d.OnlyA) != 0 || len(d.Shapes) != 8 || d.Equal() {
		t.Errorf("against another family: %+v, %v", d, err)
	}
	nan := diffValues("x", []float32{float32(nanValue()), float32(nanValue())}, []float32{1, float32(nanValue())})
	text, err := json.Marshal(nan)
	if err != nil || nan.Differing != 1 || !strings.Contains(string(text), `"max_abs":"+Inf"`) {
		t.Errorf("NaN: %+v, %s, %v", nan, text, err)
	}
}

func nanValue() float64 { zero := 0.0; return zero / zero }

func TestInspectAndScan(t *testing.T) {
	dir := writeTiny(t, tinyConfig("qwen2"), WriteOptions{DType: "BF16"})
	writeTo(t, filepath.Join(dir, templateName), []byte("hello"))
	m := mustOpen(t, dir)
	s, err := Inspect(m)
	if err != nil {
		t.Fatal(err)
	}
	// Embedding 24*16, norm 16; a layer: norms 32, q 256+16, k and v 2*(128+8), o 256, mlp 3*192.
	const parameters = 24*16 + 16 + 2*(32+272+272+256+576)
	if s.Parameters != parameters || s.StoredBytes != 2*parameters || s.Tokenizer != "BPE" || s.DTypes["BF16"] != s.Tensors {
		t.Errorf("%+v, want %d parameters", s, parameters)
	}
	if s.TemplateHash != "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" {
		t.Errorf("template hash %s", s.TemplateHash)
	}
	bad := filepath.Join(t.TempDir(), "m")
	err = Write(fsys.OS, bad, m, WriteOptions{DType: "F32", Tensor: func(name string) ([]float32, error) {
		v, err := tinyValues(m.Config)(name)
		switch name {
		case "model.norm.weight":
			v[1] = float32(nanValue())
		case embedName:
			clear(v)
		}
		return v, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := Scan(mustOpen(t, bad))
	want := []TensorHealth{{Name: embedName, AllZero: true}, {Name: "model.norm.weight", NonFinite: 1}}
	if err != nil || !slices.Equal(found, want) {
		t.Errorf("scan %+v, %v", found, err)
	}
}

func TestConvertFromGGUF(t *testing.T) {
	c := tinyConfig("qwen2")
	c.SlidingWindow, c.WindowFirstLayer = 0, 0
	src := writeTo(t, filepath.Join(t.TempDir(), "m.gguf"), (&tinyGGUF{config: c, arch: "qwen2"}).bytes(t))
	dst := filepath.Join(t.TempDir(), "out")
	made := func(m *Model) ([]byte, error) { return []byte(`{"model":{"type":"BPE"}}`), nil }
	if err := Convert(fsys.OS, src, dst, "F16", made); err != nil {
		t.Fatal(err)
	}
	m := mustOpen(t, dst)
	checkValues(t, m)
	var side map[string]any
	if err := json.Unmarshal(m.Files[tokenizerConfigName], &side); err != nil || side["bos_token"] != "b" || m.ChatTemplate != "{{ messages }}" || m.TokenizerJSON == nil {
		t.Errorf("side files %v, %v, template %q", side, err, m.ChatTemplate)
	}
}

// An error or a loss of power at any file operation leaves the whole directory or none.
func TestWriteIsAllOrNothing(t *testing.T) {
	c := tinyConfig("llama")
	m := &Model{Config: c, Files: map[string][]byte{}}
	o := WriteOptions{DType: "BF16", ShardBytes: 2000, Tensor: tinyValues(c)}
	whole := fsys.NewMemFS()
	if err := Write(whole, "m", m, o); err != nil {
		t.Fatal(err)
	}
	want := memFiles(t, whole, "m")
	for seed := range uint64(20) {
		if got := memFiles(t, whole.Crash(rng.NewStream(seed)), "m"); !maps.Equal(got, want) {
			t.Fatalf("a crash after the end left %d of %d files", len(got), len(want))
		}
	}
	for n := 0; ; n++ {
		mem := fsys.NewMemFS()
		reached := false
		err := Write(fsys.NewFaulty(mem, func(op, name string, i int) error {
			if i == n {
				reached = true
				return fs.ErrInvalid
			}
			return nil
		}), "m", m, o)
		if !reached {
			break
		}
		if got := memFiles(t, mem, "m"); got != nil && !maps.Equal(got, want) {
			t.Fatalf("operation %d: error %v left %d of %d files", n, err, len(got), len(want))
		}
		for seed := range uint64(4) {
			crashed := mem.Crash(rng.NewStream(seed, uint32(n)))
			if got := memFiles(t, crashed, "m"); got != nil && !maps.Equal(got, want) {
				t.Fatalf("operation %d: a crash left %d of %d files", n, len(got), len(want))
			}
		}
	}
}

// memFiles is the contents of a directory, nil when it is absent.
func memFiles(t *testing.T, f fsys.FS, dir string) map[string]string {
	t.Helper()
	entries, err := f.ReadDir(dir)
	if err != nil {
		return nil
	}
	files := map[string]string{}
	for _, e := range entries {
		data, err := fsys.ReadFile(f, filepath.Join(dir, e.Name()), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(data)
	}
	return files
}
