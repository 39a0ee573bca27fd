package checkpoint

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spar/internal/fsys"
)

func convertOS(src, dst, dtype string) error { return Convert(fsys.OS, src, dst, dtype, nil) }

func TestBadSafetensors(t *testing.T) {
	// Files with one entry "t" and a body of 4 bytes.
	raw := func(data string) func(*testing.T, string) string { return replaceFile(singleName, data) }
	header := func(h string) func(*testing.T, string) string {
		return raw(string(safetensorsBytes(h, []byte{1, 2, 3, 4})))
	}
	entry := func(fields string) func(*testing.T, string) string { return header(`{"t":{` + fields + `}}`) }
	length := func(n uint64) func(*testing.T, string) string {
		return raw(string(binary.LittleEndian.AppendUint64(nil, n)) + `{"t":{}}`)
	}
	runBad(t, []badInput{
		{"0 bytes", raw(""), "0 bytes"},
		{"7 bytes", raw("1234567"), "7 bytes"},
		{"8 bytes", raw("\x02\x00\x00\x00\x00\x00\x00\x00"), "0 are left"},
		{"length 0", length(0), "cannot be JSON"},
		{"length 1", length(1), "cannot be JSON"},
		{"length 2^63", length(1 << 63), "over the limit"},
		{"length 2^64-1", length(1<<64 - 1), "over the limit"},
		{"length past the end", length(9), "are left"},
		{"length over the limit", length(32<<20 + 1), "over the limit"},
		{"not an object", header(`[]`), "instead of '{'"},
		{"leading space", header(` {}`), "instead of '{'"},
		{"byte order mark", header("\xef\xbb\xbf{}"), "instead of '{'"},
		{"trailing NUL", header("{}\x00"), "must end with '}'"},
		{"trailing line feed", header("{}\n"), "must end with '}'"},
		{"two objects", header("{}{}"), "after the end"},
		{"bad UTF-8 in a name", header("{\"\xff\":{}}"), "not valid UTF-8"},
		{"lone surrogate in a name", header(`{"\ud800":{}}`), "surrogate"},
		{"same name twice", header(`{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`), "comes twice"},
		{"empty name", header(`{"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`), "a tensor name of 0 bytes"},
		{"long name", header(`{"` + strings.Repeat("n", 1025) + `":{}}`), "a tensor name of 1025 bytes"},
		{"other case", entry(`"DTYPE":"F32","shape":[1],"data_offsets":[0,4]`), `"DTYPE"`},
		{"unknown field", entry(`"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1`), `"x"`},
		{"unknown dtype", entry(`"dtype":"X9","shape":[1],"data_offsets":[0,4]`), "supported are F32, F16 and BF16"},
		{"dtype not supported", entry(`"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]`), "supported are F32, F16 and BF16"},
		{"missing shape", entry(`"dtype":"F32","data_offsets":[0,4]`), "needs dtype, shape and two"},
		{"shape -1", entry(`"dtype":"F32","shape":[-1],"data_offsets":[0,4]`), "not a whole number"},
		{"shape 1.5", entry(`"dtype":"F32","shape":[1.5],"data_offsets":[0,4]`), "not a whole number"},
		{"shape 1e0", entry(`"dtype":"F32","shape":[1e0],"data_offsets":[0,4]`), "not a whole number"},
		{"shape text", entry(`"dtype":"F32","shape":["1"],"data_offsets":[0,4]`), "a string instead of a number"},
		{"shape null", entry(`"dtype":"F32","shape":null,"data_offsets":[0,4]`), "instead of an array"},
		{"shape 2^64", entry(`"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]`), "not a whole number"},
		{"shape 2^63", entry(`"dtype":"F32","shape":[9223372036854775808,0],"data_offsets":[0,0]`), "does not take"},
		{"rank 200", entry(`"dtype":"F32","shape":[` + strings.Repeat("1,", 199) + `1],"data_offsets":[0,4]`), "more than 8 numbers"},
		{"product wraps to 4", entry(`"dtype":"F32","shape":[4194305,4194305,211106198978564],"data_offsets":[0,16]`), "does not take"},
		{"bytes wrap", entry(`"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]`), "does not take"},
		{"span too short", entry(`"dtype":"F32","shape":[2],"data_offsets":[0,4]`), "does not take the 4 bytes"},
		{"span too long", entry(`"dtype":"F16","shape":[1],"data_offsets":[0,4]`), "does not take the 4 bytes"},
		{"begin after end", entry(`"dtype":"F32","shape":[0],"data_offsets":[4,0]`), "not a range"},
		{"end past the body", entry(`"dtype":"F32","shape":[2],"data_offsets":[0,8]`), "ends at byte 8"},
		{"offset 2^63", entry(`"dtype":"F32","shape":[1],"data_offsets":[9223372036854775808,9223372036854775812]`), "not a range"},
		{"negative offset", entry(`"dtype":"F32","shape":[1],"data_offsets":[-4,0]`), "not a whole number"},
		{"one offset", entry(`"dtype":"F32","shape":[1],"data_offsets":[4]`), "two data_offsets"},
		{"three offsets", entry(`"dtype":"F32","shape":[1],"data_offsets":[0,4,8]`), "more than 2 numbers"},
		{"overlap", header(`{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}`), "inside tensor"},
		{"gap", entry(`"dtype":"F16","shape":[1],"data_offsets":[2,4]`), "belong to no tensor"},
		{"tail", entry(`"dtype":"F16","shape":[1],"data_offsets":[0,2]`), "last 2 bytes"},
		{"no tensors", header(`{}`), "last 4 bytes"},
		{"metadata is a list", header(`{"__metadata__":[]}`), "instead of an object"},
		{"metadata is a number", header(`{"__metadata__":{"a":1}}`), "instead of a string"},
		{"metadata is long", header(`{"__metadata__":{"a":"` + strings.Repeat("x", 1<<20+1) + `"}}`), "metadata entry"},
		{"other tensors", entry(`"dtype":"F32","shape":[1],"data_offsets":[0,4]`), "model.embed_tokens.weight is missing"},
		{"another shape", tinyWith(func(t *testing.T, dir string) {
			other := tinyConfig("llama")
			other.IntermediateSize = 8
			writeTo(t, filepath.Join(dir, configName), editConfig(t, other, nil))
		}), "has shape [12 16] instead of [8 16]"},
		{"cut short", tinyWith(func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, singleName), 5000); err != nil {
				t.Fatal(err)
			}
		}), "download it again"},
	})
}

func TestGoodOddSafetensors(t *testing.T) {
	// Two of the rules that say OK: trailing spaces, and empty tensors that share an offset.
	dir := writeTiny(t, tinyConfig("llama"), WriteOptions{})
	name := filepath.Join(dir, singleName)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(data)
	h := strings.TrimRight(string(data[8:8+n]), " ")
	h = strings.Replace(h, `{`, `{"x.rotary_emb.inv_freq":{"dtype":"F32","shape":[0,4611686018427387904],"data_offsets":[64,64]},`, 1) + "   "
	writeTo(t, name, safetensorsBytes(h, data[8+n:]))
	checkValues(t, mustOpen(t, dir))
}

// Every prefix of a good file is refused.
func TestTruncatedSafetensors(t *testing.T) {
	dir := writeTiny(t, tinyConfig("llama"), WriteOptions{DType: "BF16"})
	name := filepath.Join(dir, singleName)
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	for size := info.Size() - 1; size >= 0; size-- {
		if err := os.Truncate(name, size); err != nil {
			t.Fatal(err)
		}
		if m, err := Open(dir); err == nil {
			m.Close()
			t.Fatalf("%d of %d bytes were accepted", size, info.Size())
		} else if !strings.HasPrefix(err.Error(), name+": ") {
			t.Fatalf("%d bytes: %v", size, err)
		}
	}
}
