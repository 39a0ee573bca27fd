package policy

import (
	"os"
	"path/filepath"
	"testing"

	"spar/internal/rng"
	"spar/loader"
	"spar/loader/pack"
	"spar/native"
)

// tinyConfig has every branch of the family: grouped heads, biases, a head size that is not C / H,
// an untied head and an odd vocabulary.
const tinyConfig = `{"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2","vocab_size":301,"hidden_size":48,
"num_hidden_layers":3,"num_attention_heads":4,"num_key_value_heads":2,"intermediate_size":80,
"max_position_embeddings":256,"rms_norm_eps":1e-6,"rope_theta":10000.0,"tie_word_embeddings":false,"hidden_act":"silu",
"bos_token_id":1,"eos_token_id":2,"torch_dtype":"float32"}`

func openLibrary(t testing.TB) *native.Library {
	t.Helper()
	lib, err := native.Open(native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

// tinyModel is tinyConfig opened without weights.
func tinyModel(t testing.TB) *loader.Model {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(tinyConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := loader.OpenConfigOnly(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func openPolicy(t testing.TB, m *loader.Model, o Options) *Policy {
	t.Helper()
	p, err := Open(openLibrary(t), m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// tiny is an open tiny model with random weights, two threads.
func tiny(t testing.TB, o Options) *Policy {
	t.Helper()
	o.Threads = 2
	return openPolicy(t, tinyModel(t), o)
}

func randomIDs(draw *rng.Stream, n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(draw.IntN(301))
	}
	return ids
}

// someGroups are groups of odd sizes: one-token prompts, empty and one-token responses.
func someGroups() []pack.Group {
	draw := rng.NewStream(7)
	var gs []pack.Group
	for i, shape := range [][]int{{5, 9, 3}, {1, 4}, {17, 1, 0, 6}, {33, 20}, {2, 0}, {64, 31, 17}} {
		g := pack.Group{Key: i, Prompt: randomIDs(draw, shape[0])}
		for _, n := range shape[1:] {
			g.Responses = append(g.Responses, randomIDs(draw, n))
		}
		gs = append(gs, g)
	}
	return gs
}

// sameBits compares scores bit for bit.
func sameBits(t *testing.T, what string, got, want []Scored) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d groups, want %d", what, len(got), len(want))
	}
	for i := range want {
		if len(got[i].Logp) != len(want[i].Logp) {
			t.Fatalf("%s: group %d has %d responses, want %d", what, i, len(got[i].Logp), len(want[i].Logp))
		}
		for j, logp := range want[i].Logp {
			if len(got[i].Logp[j]) != len(logp) {
				t.Fatalf("%s: group %d response %d has %d numbers, want %d", what, i, j, len(got[i].Logp[j]), len(logp))
			}
			for k, x := range logp {
				if got[i].Logp[j][k] != x {
					t.Fatalf("%s: group %d response %d token %d is %v, want %v", what, i, j, k, got[i].Logp[j][k], x)
				}
			}
		}
	}
}
