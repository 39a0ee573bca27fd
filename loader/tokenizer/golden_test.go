package tokenizer

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// goldenDir adds golden files of vocabularies that are too big for the repository (scripts/golden/bpe_goldens.py file).
var goldenDir = flag.String("golden", "", "a folder with more *.golden.json.gz files")

// golden is what scripts/golden/bpe_goldens.py writes.
type golden struct {
	Tokenizer string               `json:"tokenizer"`
	IDs       [][2][]int32         `json:"ids"`
	Decode    [][2]json.RawMessage `json:"decode"`
	Long      map[string][2]any    `json:"long"`
	Sweep     []string             `json:"sweep"`
}

func readGzip(t testing.TB, path string, into any) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(into); err != nil {
		t.Fatal(path, err)
	}
}

func readGolden(t testing.TB, path string) (*golden, *Tokenizer) {
	t.Helper()
	var g golden
	readGzip(t, path, &g)
	if !strings.HasPrefix(g.Tokenizer, "{") {
		data, err := os.ReadFile(g.Tokenizer)
		if err != nil {
			t.Fatal(err)
		}
		g.Tokenizer = string(data)
	}
	tok, err := ParseJSON([]byte(g.Tokenizer), "tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	return &g, tok
}

func goldenFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.golden.json.gz")
	if err != nil || len(files) < 8 {
		t.Fatalf("golden files are missing: %v %v", files, err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.Contains(f, "real-") })
	if *goldenDir != "" {
		more, err := filepath.Glob(filepath.Join(*goldenDir, "*.golden.json.gz"))
		if err != nil || len(more) == 0 {
			t.Fatalf("no golden files in %s: %v", *goldenDir, err)
		}
		files = append(files, more...)
	}
	return files
}

func familyName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), ".golden.json.gz")
}

func nastyStrings(t testing.TB) []string {
	var texts []string
	readGzip(t, "testdata/strings.json.gz", &texts)
	return texts
}

func TestEncodeEqualsReference(t *testing.T) {
	texts := nastyStrings(t)
	for _, path := range goldenFiles(t) {
		t.Run(familyName(path), func(t *testing.T) {
			g, tok := readGolden(t, path)
			checkIDs(t, tok, texts, g)
			checkDecode(t, tok, g)
			checkLong(t, tok, g)
			copied := reparse(t, tok)
			checkIDs(t, copied, texts, g)
			if copied.Hash() != tok.Hash() {
				t.Errorf("hash of the rewritten tokenizer.json is %s, of the original %s", copied.Hash(), tok.Hash())
			}
		})
	}
}

func reparse(t testing.TB, tok *Tokenizer) *Tokenizer {
	t.Helper()
	data, err := tok.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	copied, err := ParseJSON(data, "rewritten")
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

func checkIDs(t *testing.T, tok *Tokenizer, texts []string, g *golden) {
	t.Helper()
	if len(texts) < 2000 || len(texts) != len(g.IDs) {
		t.Fatalf("%d strings and %d golden rows", len(texts), len(g.IDs))
	}
	wrong := 0
	for i, text := range texts {
		want := g.IDs[i]
		if want[1] == nil {
			want[1] = want[0]
		}
		for k, special := range []bool{false, true} {
			got, err := tok.Encode(text, special)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want[k]) {
				wrong++
				if wrong <= 5 {
					t.Errorf("Encode(%q, %v)\n got %v\nwant %v", text, special, got, want[k])
				}
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d mismatches in 2 x %d encodings", wrong, len(texts))
	}
}

func checkDecode(t *testing.T, tok *Tokenizer, g *golden) {
	t.Helper()
	for _, c := range g.Decode {
		var ids []int32
		var want string
		if err := json.Unmarshal(c[0], &ids); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(c[1], &want); err != nil {
			t.Fatal(err)
		}
		if got := tok.Decode(ids); got != want {
			t.Errorf("Decode(%v) = %q, want %q", ids, got, want)
		}
		var stream strings.Builder
		d := tok.NewDecoder()
		for _, id := range ids {
			stream.WriteString(d.Next(id))
		}
		stream.WriteString(d.Flush())
		if stream.String() != want {
			t.Errorf("the Decoder gives %q for %v, want %q", stream.String(), ids, want)
		}
	}
}

// longTexts are the units and counts of LONG in bpe_goldens.py.
var longTexts = map[string]struct {
	unit  string
	count int
}{
	"a": {"a", 200000}, "space": {" ", 200000}, "newline": {"\n", 200000}, "caret": {"^", 200000}, "digit": {"7", 200000},
	"cjk": {"\u4e00", 60000}, "zwj": {"\U0001f468\u200d", 30000}, "mark": {"\u0301", 60000}, "nul": {"\x00", 200000},
	"replacement": {"\ufffd", 60000}, "mixed": {"ab 1'", 50000},
}

func checkLong(t *testing.T, tok *Tokenizer, g *golden) {
	t.Helper()
	if len(g.Long) != len(longTexts) {
		t.Fatalf("%d long texts in the golden file, %d here", len(g.Long), len(longTexts))
	}
	for name, want := range g.Long {
		ids, err := tok.Encode(strings.Repeat(longTexts[name].unit, longTexts[name].count), false)
		if err != nil {
			t.Fatal(name, err)
		}
		if float64(len(ids)) != want[0] || digest(ids) != want[1] {
			t.Errorf("%s: %d ids with digest %s, want %v", name, len(ids), digest(ids), want)
		}
	}
}

func digest(ids []int32) string {
	var raw []byte
	for _, id := range ids {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(id))
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// TestEveryCodePoint puts each code point into twelve contexts; the ids' hashes per 4096 code points are golden. It
// fails when a change of Go, or of the tables, changes ids.
func TestEveryCodePoint(t *testing.T) {
	swept := 0
	for _, path := range goldenFiles(t) {
		g, tok := readGolden(t, path)
		if len(g.Sweep) == 0 {
			continue
		}
		swept++
		t.Run(familyName(path), func(t *testing.T) {
			t.Parallel()
			for block, want := range g.Sweep {
				if got := sweepBlock(t, tok, block); got != want {
					t.Errorf("code points from U+%04X: hash %s, want %s", block*4096, got, want)
				}
			}
		})
	}
	if swept < 5 {
		t.Errorf("only %d golden files have a sweep", swept)
	}
}

func sweepBlock(t *testing.T, tok *Tokenizer, block int) string {
	h := sha256.New()
	var raw []byte
	for c := rune(block * 4096); c < rune(block+1)*4096; c++ {
		if c >= 0xD800 && c <= 0xDFFF {
			continue
		}
		ch := string(c)
		text := "a" + ch + "b " + ch + "c'" + ch + "1" + ch + "2\n" + ch + " " + ch + "\u0301" + ch + " \u0327" + ch + "\r" + ch + ch
		ids, err := tok.Encode(text, false)
		if err != nil {
			t.Fatal(err)
		}
		raw = raw[:0]
		for _, id := range ids {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(id))
		}
		h.Write(append(raw, 0xff, 0xff, 0xff, 0xff))
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// TestLongTextsAreLinear: a megabyte of one thing takes at most two seconds.
func TestLongTextsAreLinear(t *testing.T) {
	_, tok := readGolden(t, "testdata/qwen2.golden.json.gz")
	for name, text := range longTexts {
		start := time.Now()
		if _, err := tok.Encode(strings.Repeat(text.unit, (1<<20)/len(text.unit)), false); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("1 MiB of %s took %v", name, took)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	files := goldenFiles(b)
	text := strings.Repeat("The reader wraps another io.Reader, and it doesn't allocate 4096 bytes. Größe!\n", 2000)
	for _, path := range files {
		b.Run(familyName(path), func(b *testing.B) {
			_, tok := readGolden(b, path)
			b.SetBytes(int64(len(text)))
			ids := 0
			for b.Loop() {
				out, err := tok.Encode(text, false)
				if err != nil {
					b.Fatal(err)
				}
				ids += len(out)
			}
			b.ReportMetric(float64(ids)/b.Elapsed().Seconds()/1e6, "Mtok/s")
		})
	}
}

func Example() {
	tok, err := FromGGUF(GGUF{Model: "gpt2", Pre: "smollm", Tokens: []string{"a", "b", "Ġ", "ab"}, Merges: []string{"a b"},
		BOS: -1, EOS: -1, Pad: -1, Unknown: -1})
	if err != nil {
		fmt.Println(err)
		return
	}
	ids, _ := tok.Encode("ab ba", false)
	fmt.Println(ids, tok.Decode(ids))
	// Output: [3 2 1 0] ab ba
}
