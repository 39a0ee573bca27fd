package checkpoint

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"spar/internal/fault"
	"spar/loader/checkpoint/gguf"
	"spar/loader/checkpoint/gguf/gguftest"
)

func wantInputError(t *testing.T, err error) {
	t.Helper()
	if fault.ExitCode(err) != 3 {
		t.Fatalf("error without class: %v", err)
	}
}

// A config that is accepted can be written and read back, lists its tensors, and has finite
// frequencies.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{smollm2JSON, llama31JSON, mistralJSON, qwen25JSON, qwen3JSON} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data, "config.json")
		if err != nil {
			wantInputError(t, err)
			return
		}
		written, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseConfig(written, "config.json")
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Fatalf("%+v was written as %s and read as %+v, %v", c, written, again, err)
		}
		if c.NumLayers < 100 && c.Parameters() < 1 {
			t.Fatalf("%d parameters", c.Parameters())
		}
		inv, scale, err := c.InvFreq(100)
		if err != nil {
			wantInputError(t, err)
			return
		}
		for _, x := range append(inv, scale) {
			if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
				t.Fatalf("frequency or scale %v of %+v", x, c.Rope)
			}
		}
	})
}

// An index that is accepted names plain files only.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":4},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"x"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../x"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		shardOf, shards, err := parseIndex(data, "index.json")
		if err != nil {
			wantInputError(t, err)
			return
		}
		for tensor, shard := range shardOf {
			if checkFileName(shard) != nil || !contains(shards, shard) {
				t.Fatalf("%q is in %q; shards %q", tensor, shard, shards)
			}
		}
	})
}

// smallGGUF is a model of a few hundred bytes, so that the fuzzer reaches all of it.
func smallGGUF(t testing.TB, arch string) []byte {
	c := tinyConfig(arch)
	c.VocabSize, c.HiddenSize, c.NumLayers, c.NumHeads, c.NumKVHeads, c.HeadDim, c.IntermediateSize, c.SlidingWindow = 3, 4, 1, 2, 1, 2, 2, 0
	return (&tinyGGUF{config: c, arch: arch, keys: map[string]any{}, tensors: map[string]gguftest.Tensor{}}).bytes(t)
}

// A GGUF file that is accepted can be read whole, and its metadata gives a model or an error.
func FuzzGGUF(f *testing.F) {
	for _, arch := range []string{"llama", "qwen2", "qwen3"} {
		f.Add(smallGGUF(f, arch))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := gguf.Open(bytes.NewReader(data), int64(len(data)), "m.gguf")
		if err != nil {
			wantInputError(t, err)
			return
		}
		for _, tensor := range file.Tensors {
			if tensor.Elements() > 512*len(data) { // the most elements a byte can hold is 2
				t.Fatalf("%+v in %d bytes", tensor, len(data))
			}
			if err := file.Read(tensor, make([]float32, tensor.Elements())); err != nil {
				t.Fatalf("%+v: %v", tensor, err)
			}
		}
		c, err := ggufConfig(file, "m.gguf")
		if err != nil {
			wantInputError(t, err)
			return
		}
		if _, err := ggufTokenizer(file, c); err != nil {
			wantInputError(t, err)
			return
		}
		w := &ggufWeights{parsed: file, path: "m.gguf", config: c}
		if err := w.match(); err != nil {
			wantInputError(t, err)
			return
		}
		for _, info := range w.tensors() {
			if err := w.read(info.Name, make([]float32, info.Elements())); err != nil {
				t.Fatal(err)
			}
		}
	})
}
