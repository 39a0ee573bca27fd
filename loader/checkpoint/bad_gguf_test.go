package checkpoint

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spar/loader/checkpoint/gguf"
	"spar/loader/checkpoint/gguf/gguftest"
)

// ggufWith builds a good tiny GGUF after spoiling its parts.
func ggufWith(edit func(g *tinyGGUF)) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string {
		g := &tinyGGUF{config: tinyConfig("llama"), arch: "llama", keys: map[string]any{}, tensors: map[string]gguftest.Tensor{}}
		edit(g)
		return writeTo(t, filepath.Join(dir, "m.gguf"), g.bytes(t))
	}
}

func withKey(key string, value any) func(*testing.T, string) string {
	return ggufWith(func(g *tinyGGUF) { g.keys[key] = value })
}

// rawKey adds a key with any type and bytes.
func rawKey(key string, kind uint32, data []byte) func(*testing.T, string) string {
	return ggufWith(func(g *tinyGGUF) { g.builder.Raw(key, kind, data) })
}

// withTensor replaces the weights of one F32 matrix [12, 16].
func withTensor(kind uint32, bytes int, dims ...uint64) func(*testing.T, string) string {
	return ggufWith(func(g *tinyGGUF) {
		g.tensors["blk.0.ffn_gate.weight"] = gguftest.Tensor{Name: "blk.0.ffn_gate.weight", Type: kind, Dims: dims, Data: make([]byte, bytes)}
	})
}

func withOffset(offset uint64) func(*testing.T, string) string {
	return ggufWith(func(g *tinyGGUF) {
		g.tensors["output_norm.weight"] = gguftest.Tensor{Name: "output_norm.weight", Dims: []uint64{16}, Data: make([]byte, 64), Offset: &offset}
	})
}

func extraTensor(t gguftest.Tensor) func(*testing.T, string) string {
	return ggufWith(func(g *tinyGGUF) { g.tensors["extra"] = t })
}

// counts sets the counts of a file of 64 more bytes.
func counts(tensors, keys uint64) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string {
		b := gguftest.Builder{Version: 3, Count: &tensors, Keys: &keys, Tail: make([]byte, 64)}
		return writeTo(t, filepath.Join(dir, "m.gguf"), b.Bytes())
	}
}

func header(magic string, version uint32) func(*testing.T, string) string {
	return ggufWith(func(g *tinyGGUF) { g.builder.Magic, g.builder.Version = magic, version })
}

func u64(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

func TestBadGGUFContainer(t *testing.T) {
	nested := gguftest.Array(8, 1, gguftest.String("x"))
	for range 10_000 {
		nested = gguftest.Array(9, 1, nested)
	}
	runBad(t, []badInput{
		{"magic in lower case", header("gguf", 3), "instead of \"GGUF\""},
		{"magic swapped", header("FUGG", 3), "instead of \"GGUF\""},
		{"version 2^32-1", header("", 1<<32-1), "version 4294967295"},
		{"version 0", fileIn("m.gguf", "GGUF\x00\x00\x00\x00"+strings.Repeat("\x00", 32)), "version 0 is not supported"},
		{"version 1", header("", 1), "version 1 is not supported; supported are 2 and 3"},
		{"version 4", header("", 4), "version 4 is not supported"},
		{"version 2^31", header("", 1<<31), "big-endian"},
		{"big-endian", header("", 3<<24), "big-endian"},
		{"tensor count 2^63", counts(1<<63, 0), "tensors are more"},
		{"tensor count 2^40", counts(1<<40, 0), "tensors are more"},
		{"key count 2^40", counts(0, 1<<40), "metadata keys are more"},
		{"key count the file cannot hold", counts(0, 6), "metadata keys are more"},
		{"key length 2^63", rawKey("k", 8, u64(1<<63)), "over the limit"},
		{"string of 1 GiB", rawKey("k", 8, u64(1<<30)), "over the limit"},
		{"string past the end", rawKey("k", 8, u64(1<<23)), "are left"},
		{"long key", rawKey(strings.Repeat("k", 65536), 8, gguftest.String("")), "a metadata key of 65536 bytes"},
		{"key with NUL", rawKey("k\x00", 8, gguftest.String("")), "not text"},
		{"key not UTF-8", rawKey("k\xff", 8, gguftest.String("")), "not text"},
		{"empty key", rawKey("", 8, gguftest.String("")), "is empty"},
		{"key twice", rawKey("general.architecture", 8, gguftest.String("llama")), "comes twice"},
		{"type 13", rawKey("k", 13, u64(0)), "has type 13"},
		{"boolean 2", rawKey("k", 7, []byte{2}), "boolean 2"},
		{"boolean 2 in an array", rawKey("k", 9, gguftest.Array(7, 2, []byte{1, 2})), "boolean 2"},
		{"array of arrays", rawKey("k", 9, nested), "array of type 9"},
		{"array of type 77", rawKey("k", 9, gguftest.Array(77, 1, nil)), "array of type 77"},
		{"array length overflows", rawKey("k", 9, gguftest.Array(10, 1<<61, nil)), "elements, more than"},
		{"array over the limit", rawKey("k", 9, gguftest.Array(0, 64<<20+1, nil)), "elements, more than"},
		{"array past the end", rawKey("k", 9, gguftest.Array(4, 1<<20, nil)), "elements, more than"},
		{"strings past the end", rawKey("k", 9, gguftest.Array(8, 2, append(u64(0), u64(1<<24)...))), "are left"},
		{"alignment 0", withKey("general.alignment", uint32(0)), "power of two"},
		{"alignment 3", withKey("general.alignment", uint32(3)), "power of two"},
		{"alignment 2^31", withKey("general.alignment", uint32(1<<31)), "power of two"},
		{"alignment INT32", withKey("general.alignment", int32(32)), "UINT32"},
		{"alignment text", withKey("general.alignment", "32"), "UINT32"},
		{"split file", withKey("split.count", uint32(3)), "join them"},
		{"tail", ggufWith(func(g *tinyGGUF) { g.builder.Tail = []byte("PK\x05\x06") }), "last 4 bytes"},
	})
}

func TestBadGGUFTensors(t *testing.T) {
	norm := gguftest.Tensor{Name: "output_norm.weight", Dims: []uint64{16}, Data: make([]byte, 64)}
	runBad(t, []badInput{
		{"name twice", extraTensor(norm), "comes twice"},
		{"name with a line feed", extraTensor(gguftest.Tensor{Name: "a\nb", Dims: []uint64{1}, Data: make([]byte, 4)}), "not text"},
		{"long name", extraTensor(gguftest.Tensor{Name: strings.Repeat("n", 1025), Dims: []uint64{1}}), "a tensor name of 1025 bytes"},
		{"no dimensions", withTensor(0, 4), "0 dimensions"},
		{"5 dimensions", withTensor(0, 4, 1, 1, 1, 1, 1), "5 dimensions"},
		{"dimension 0", withTensor(0, 0, 16, 0), "dimension is 0"},
		{"elements overflow", withTensor(0, 4, math.MaxInt64, 2), "does not fit 63 bits"},
		{"stride wraps", withTensor(0, 4, 1<<42+1, 1<<22), "does not fit 63 bits"},
		{"bytes overflow", withTensor(0, 4, 1<<62), "does not fit 64 bits"},
		{"bytes wrap when rounded up", withTensor(0, 4, 1<<60), "cut short"},
		{"row not whole blocks", withTensor(8, 34, 16, 12), "whole blocks of 32 (Q8_0)"},
		{"type 255", withTensor(255, 4, 16, 12), "type 255 is not supported"},
		{"removed type 4", withTensor(4, 4, 16, 12), "type 4 is not supported"},
		{"known type that is not read", withTensor(10, 4, 16, 12), "type 10 (Q2_K) is not supported; supported are F32"},
		{"offset not aligned", withOffset(1), "is expected"},
		{"offset overlaps", withOffset(0), "is expected"},
		{"offset past the end", withOffset(1 << 40), "is expected"},
		{"offset wraps", withOffset(math.MaxUint64 - 31), "past the end"},
		{"tensor longer than the file", withTensor(0, 64, 16, 1<<20), "cut short"},
		{"unknown tensor", extraTensor(gguftest.Tensor{Name: "blk.0.ssm.weight", Dims: []uint64{8}, Data: make([]byte, 32)}), "not known for LlamaForCausalLM"},
		{"another shape", withTensor(0, 8*16*4, 16, 8), "has shape [8 16] instead of [12 16]"},
		{"layer too many", extraTensor(gguftest.Tensor{Name: "blk.7.attn_q.weight", Dims: []uint64{8}, Data: make([]byte, 32)}), "is not part of the model"},
		{"rope_freqs of another kind", ggufWith(func(g *tinyGGUF) {
			g.tensors[ropeFactorsName] = gguftest.Tensor{Name: ropeFactorsName, Dims: []uint64{2}, Data: floats([]float32{3, 8})}
		}), "use the original model directory"},
		{"rope_freqs too long", ggufWith(func(g *tinyGGUF) {
			g.tensors[ropeFactorsName] = gguftest.Tensor{Name: ropeFactorsName, Dims: []uint64{3}, Data: floats([]float32{1, 1, 1})}
		}), "3 elements instead of 2"},
	})
}

func TestBadGGUFModel(t *testing.T) {
	runBad(t, []badInput{
		{"no architecture", withKey("general.architecture", nil), "general.architecture is missing"},
		{"unknown architecture", withKey("general.architecture", "mamba"), `"mamba" is not supported; supported are llama, qwen2 and qwen3`},
		{"architecture is a number", withKey("general.architecture", uint32(1)), "instead of a string"},
		{"no heads", withKey("A.attention.head_count", uint32(0)), "out of range"},
		{"heads per layer", withKey("A.attention.head_count", []int32{4, 4}), "instead of a whole number"},
		{"kv heads do not divide", withKey("A.attention.head_count_kv", uint32(3)), "does not divide"},
		{"kv heads 0", withKey("A.attention.head_count_kv", uint32(0)), "out of range"},
		{"layers 10^9", withKey("A.block_count", uint32(1e9)), "out of range"},
		{"layers missing", withKey("A.block_count", nil), "is missing"},
		{"layers negative", withKey("A.block_count", int32(-1)), "out of range"},
		{"context 0", withKey("A.context_length", uint32(0)), "out of range"},
		{"context 2^63", withKey("A.context_length", uint64(1)<<63), "below 2^63"},
		{"theta NaN", withKey("A.rope.freq_base", float32(math.NaN())), "must be finite"},
		{"theta 0", withKey("A.rope.freq_base", float32(0)), "out of range"},
		{"eps text", withKey("A.attention.layer_norm_rms_epsilon", "1e-5"), "instead of a floating point number"},
		{"partial rotation", withKey("A.rope.dimension_count", uint32(2)), "only equal sizes"},
		{"long rope", withKey("A.rope.scaling.type", "longrope"), "supported are none, linear and yarn"},
		{"unknown key", withKey("A.attn_logit_softcapping", float32(50)), "may change what the model computes"},
		{"experts", withKey("A.expert_count", uint32(8)), "may change what the model computes"},
		{"vocabulary of another size", withKey("A.vocab_size", uint32(100)), "there are 24 tokens"},
		{"no tokens", withKey("tokenizer.ggml.tokens", nil), "out of range"},
		{"tokens are numbers", withKey("tokenizer.ggml.tokens", []int32{1, 2}), "instead of an array of strings"},
		{"types of another length", withKey("tokenizer.ggml.token_type", []int32{1}), "1 types for 24 tokens"},
		{"type 9", withKey("tokenizer.ggml.token_type", append(make([]int32, 23), 9)), "has type 9"},
		{"scores of another length", withKey("tokenizer.ggml.scores", []float32{1}), "1 scores for 24 tokens"},
		{"merge of unknown tokens", withKey("tokenizer.ggml.merges", []string{"a b", "q z"}), "merge 1"},
		{"merge of three", withKey("tokenizer.ggml.merges", []string{"a b c"}), "merge 0"},
		{"merge without a space", withKey("tokenizer.ggml.merges", []string{"ab"}), "merge 0"},
		{"no tokenizer model", withKey("tokenizer.ggml.model", nil), "use a file with a tokenizer"},
		{"end token out of range", withKey("tokenizer.ggml.eos_token_id", uint32(24)), "outside the vocabulary of 24"},
		{"begin token out of range", withKey("tokenizer.ggml.bos_token_id", uint32(1<<31)), "no token id"},
		{"unknown token out of range", withKey("tokenizer.ggml.unknown_token_id", uint32(99)), "outside the vocabulary of 24"},
		{"long template", withKey("tokenizer.chat_template", strings.Repeat("x", 256<<10+1)), "over the limit"},
		{"template not UTF-8", withKey("tokenizer.chat_template", "\xff"), "not valid UTF-8"},
	})
}

// Every prefix that lacks a byte of the last tensor is refused; its padding may be missing.
func TestTruncatedGGUF(t *testing.T) {
	data := smallGGUF(t, "llama")
	name := writeTo(t, filepath.Join(t.TempDir(), "m.gguf"), data)
	parsed, err := gguf.Open(bytes.NewReader(data), int64(len(data)), name)
	if err != nil {
		t.Fatal(err)
	}
	last := parsed.Tensors[len(parsed.Tensors)-1]
	for size := int64(len(data)); size >= 0; size-- {
		if err := os.Truncate(name, size); err != nil {
			t.Fatal(err)
		}
		m, err := Open(name)
		if err == nil {
			m.Close()
		}
		switch whole := size >= last.Begin+last.Bytes; {
		case whole != (err == nil):
			t.Fatalf("%d of %d bytes: %v", size, len(data), err)
		case err != nil && !strings.HasPrefix(err.Error(), name+": "):
			t.Fatalf("%d bytes: %v", size, err)
		}
	}
}
