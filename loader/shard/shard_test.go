package shard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/internal/rng"
)

const name = "a" + Suffix

func testHeader(vocab int) Header {
	return Header{TokenizerHash: "tok-1", TemplateHash: "tpl-1", PolicyHash: "pol-1", SamplerHash: "sam-1", VocabSize: vocab, Info: "iteration 0"}
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sampleRecords makes n different records, with and without each column.
func sampleRecords(n, vocab int) []Record {
	s := rng.NewStream(7, uint32(n))
	records := make([]Record, n)
	for i := range records {
		r := &records[i]
		*r = Record{Group: i / 2, Sample: i % 2, Finish: uint8(i % 4), Verdict: uint8(i % 7), Reward: float32(i) / 4, Prompt: []int32{}, Response: []int32{}, Meta: []byte{}}
		for range 1 + s.IntN(5) {
			r.Prompt = append(r.Prompt, int32(s.IntN(vocab)))
		}
		for range s.IntN(20) {
			r.Response = append(r.Response, int32(s.IntN(vocab)))
		}
		if i%3 > 0 {
			r.Logp, r.Mask = make([]float32, len(r.Response)), make([]byte, len(r.Response))
			for k := range r.Logp {
				r.Logp[k], r.Mask[k] = -float32(s.Float64()), byte(s.IntN(2))
			}
		}
		if i%3 > 1 {
			r.RefLogp = make([]float32, len(r.Response))
			r.Meta = []byte(fmt.Sprintf(`{"i":%d}`, i))
		}
	}
	return records
}

func write(t testing.TB, f fsys.FS, name string, h Header, o Options, records []Record) {
	t.Helper()
	w, err := Create(f, name, h, o)
	must(t, err)
	for i := range records {
		must(t, w.Append(&records[i]))
	}
	must(t, w.Seal())
}

func readAll(t testing.TB, f fsys.FS, name string) []Record {
	t.Helper()
	r, err := Open(f, name)
	must(t, err)
	defer r.Close()
	records := make([]Record, r.Len())
	for i := range records {
		must(t, r.Read(i, &records[i]))
		if p, q := r.Lengths(i); p != len(records[i].Prompt) || q != len(records[i].Response) || r.Group(i) != records[i].Group {
			t.Errorf("index of record %d: %d, %d, group %d", i, p, q, r.Group(i))
		}
	}
	return records
}

func TestRoundTrip(t *testing.T) {
	for _, vocab := range []int{100, 1 << 16, 1<<16 + 1, 1 << 20} {
		for _, f := range []fsys.FS{fsys.OS, fsys.NewMemFS()} {
			at := name
			if f == fsys.OS {
				at = filepath.Join(t.TempDir(), name)
			}
			want := sampleRecords(40, vocab)
			write(t, f, at, testHeader(vocab), Options{BlockBytes: 2000}, want)
			if d := cmp.Diff(want, readAll(t, f, at)); d != "" {
				t.Errorf("vocabulary %d: %s", vocab, d)
			}
			stats, err := Verify(f, at)
			if err != nil || stats.Records != 40 || stats.Blocks < 3 {
				t.Errorf("Verify = %+v, %v", stats, err)
			}
			if h, err := ReadHeader(f, at); err != nil || h != testHeader(vocab) {
				t.Errorf("header %+v, %v", h, err)
			}
		}
	}
}

func TestRandomRecordsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vocab := rapid.SampledFrom([]int{7, 70000}).Draw(t, "vocab")
		ids := rapid.SliceOfN(rapid.Int32Range(0, int32(vocab-1)), 0, 50)
		var want []Record
		for range rapid.IntRange(0, 8).Draw(t, "records") {
			r := Record{Group: rapid.Int().Draw(t, "group"), Sample: int(rapid.Int32().Draw(t, "sample")), Prompt: ids.Draw(t, "prompt"),
				Response: ids.Draw(t, "response"), Reward: rapid.Float32Range(-9, 9).Draw(t, "reward"), Meta: rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "meta")}
			n := len(r.Response)
			if rapid.Bool().Draw(t, "logp") {
				r.Logp = rapid.SliceOfN(rapid.Float32Range(-90, 0), n, n).Draw(t, "logps")
			}
			if rapid.Bool().Draw(t, "mask") {
				r.Mask = rapid.SliceOfN(rapid.ByteRange(0, 1), n, n).Draw(t, "masks")
			}
			want = append(want, r)
		}
		mem := fsys.NewMemFS()
		w, err := Create(mem, name, testHeader(vocab), Options{BlockBytes: rapid.IntRange(1, 2000).Draw(t, "block")})
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if err := w.Append(&want[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Seal(); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(mem, name); err != nil {
			t.Fatal(err)
		}
		r, err := Open(mem, name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			var got Record
			if err := r.Read(i, &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want[i], got); d != "" {
				t.Fatal(d)
			}
		}
	})
}

func TestMatchNamesBoth(t *testing.T) {
	h := testHeader(100)
	for _, c := range []struct {
		want Header
		text string
	}{
		{Header{TokenizerHash: "tok-2"}, "tokenizer tok-1, but this run has tok-2"},
		{Header{TemplateHash: "tpl-2"}, "chat template tpl-1, but this run has tpl-2"},
		{Header{PolicyHash: "pol-2"}, "policy pol-1, but this run has pol-2"},
		{Header{SamplerHash: "sam-2"}, "sampler settings sam-1, but this run has sam-2"},
		{Header{VocabSize: 99}, "a vocabulary of 100, but this run has 99"},
	} {
		err := h.Match("x.shard", c.want)
		if err == nil || !strings.Contains(err.Error(), "x.shard: made with") || !strings.Contains(err.Error(), c.text) || fault.ExitCode(err) != 3 {
			t.Errorf("%+v: %v", c.want, err)
		}
	}
	if err := h.Match("x", h); err != nil {
		t.Error(err)
	}
	if err := h.Match("x", Header{}); err != nil {
		t.Error(err)
	}
}

// Appending goes on where Sync was called, and only with the same header.
func TestAppendContinues(t *testing.T) {
	mem, records := fsys.NewMemFS(), sampleRecords(12, 50)
	w, err := Create(mem, name, testHeader(50), Options{})
	must(t, err)
	for i := range records[:5] {
		must(t, w.Append(&records[i]))
	}
	must(t, w.Sync())
	must(t, w.Append(&records[11])) // never synced, and never written
	must(t, w.Close())
	if _, err := Create(mem, name, testHeader(50), Options{}); fault.ExitCode(err) != 3 {
		t.Errorf("Create over an unsealed shard: %v", err)
	}
	other := testHeader(50)
	other.PolicyHash = "pol-9"
	if _, _, err := Append(mem, name, other, Options{}); err == nil || !strings.Contains(err.Error(), "pol-1, but this run has pol-9") {
		t.Errorf("other policy: %v", err)
	}
	w, keys, err := Append(mem, name, testHeader(50), Options{})
	must(t, err)
	if len(keys) != 5 || keys[3] != (Key{1, 1}) || w.Records() != 5 {
		t.Errorf("keys %v, %d records", keys, w.Records())
	}
	if _, _, err := Append(mem, name, testHeader(50), Options{}); !errors.Is(err, fsys.ErrLocked) {
		t.Errorf("second writer: %v", err)
	}
	for i := range records[5:] {
		must(t, w.Append(&records[5+i]))
	}
	must(t, w.Seal())
	if d := cmp.Diff(records, readAll(t, mem, name)); d != "" {
		t.Error(d)
	}
	if _, _, err := Append(mem, name, testHeader(50), Options{}); err == nil || !strings.Contains(err.Error(), "sealed") {
		t.Errorf("Append to a sealed shard: %v", err)
	}
	if err := w.Append(&records[0]); err == nil {
		t.Error("a sealed writer takes records")
	}
}

func TestWriterRefusesBadRecords(t *testing.T) {
	w, err := Create(fsys.NewMemFS(), name, testHeader(50), Options{})
	must(t, err)
	nan := float32(math.NaN())
	for want, r := range map[string]Record{
		"id 50 is outside the vocabulary":  {Prompt: []int32{50}},
		"id -1 is outside the vocabulary":  {Response: []int32{-1}},
		"1 log-probs for 2 response ids":   {Response: []int32{1, 2}, Logp: []float32{-1}},
		"1 reference log-probs for 0":      {RefLogp: []float32{-1}},
		"2 mask entries for 1":             {Response: []int32{1}, Mask: []byte{1, 1}},
		"log-prob 0.5 of response token 0": {Response: []int32{1}, Logp: []float32{0.5}},
		"log-prob NaN":                     {Response: []int32{1}, Logp: []float32{nan}},
		"log-prob -Inf":                    {Response: []int32{1}, RefLogp: []float32{float32(math.Inf(-1))}},
		"mask entry 2":                     {Response: []int32{1}, Mask: []byte{2}},
		"the reward is not finite":         {Reward: nan},
		"verdict 7 is unknown":             {Verdict: 7},
		"finish reason 4":                  {Finish: 4},
		"does not fit 32 bits":             {Sample: 1 << 40},
		"bytes of metadata":                {Meta: make([]byte, maxMeta+1)},
	} {
		if err := w.Append(&r); err == nil || !strings.Contains(err.Error(), want) || fault.ExitCode(err) != 3 {
			t.Errorf("%q: %v", want, err)
		}
	}
	must(t, w.Append(&Record{})) // a refused record does not spoil the writer
	must(t, w.Seal())
}

func TestCreateRefusesBadHeaders(t *testing.T) {
	for want, h := range map[string]Header{
		"a vocabulary of 0":  {},
		"has 128 bytes":      {VocabSize: 1, PolicyHash: strings.Repeat("x", 128)},
		"info has 2049":      {VocabSize: 1, Info: strings.Repeat("x", 2049)},
		"vocabulary of 2147": {VocabSize: maxVocab + 1},
	} {
		if _, err := Create(fsys.NewMemFS(), name, h, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func TestRender(t *testing.T) {
	r := Record{Group: 3, Sample: 1, Prompt: []int32{1, 2}, Response: []int32{5, 6}, Logp: []float32{-0.1, -1e-9}, Mask: []byte{1, 0},
		Finish: FinishStop, Verdict: VerdictPass, Reward: 0.5, Meta: []byte(`{"k":"v"}`)}
	want := `{"group":3,"sample":1,"prompt":[1,2],"response":[5,6],"logp":[-0.1,-1e-09],"mask":[1,0],"finish":"stop","verdict":"pass","reward":0.5,"meta":{"k":"v"}}`
	if got, err := r.MarshalJSON(); err != nil || string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for i, r := range sampleRecords(30, 50) {
		r.Meta = append(r.Meta, 0xff)
		got, _ := r.MarshalJSON()
		var back struct {
			Group, Sample int
			Logp          []float32
			Meta          []byte `json:"meta_base64"`
		}
		if err := json.Unmarshal(got, &back); err != nil || back.Group != r.Group || !cmp.Equal(back.Logp, r.Logp) || !cmp.Equal(back.Meta, r.Meta) {
			t.Errorf("record %d: %v in %s", i, err, got)
		}
	}
}

func TestList(t *testing.T) {
	mem := fsys.NewMemFS()
	write(t, mem, "b.shard", testHeader(50), Options{}, sampleRecords(3, 50))
	w, err := Create(mem, "a.shard", testHeader(50), Options{})
	must(t, err)
	must(t, w.Close())
	must(t, fsys.WriteFile(mem, "c.shard", func(w io.Writer) error { _, err := w.Write([]byte("text")); return err }))
	must(t, fsys.WriteFile(mem, "d.txt", func(w io.Writer) error { return nil }))
	list, err := List(mem, ".")
	must(t, err)
	if len(list) != 3 || list[0].Sealed || list[0].Stats.Bytes != superblockLen || !list[1].Sealed || list[1].Stats.Records != 3 ||
		list[1].Header != testHeader(50) || list[2].Error == "" {
		t.Errorf("%+v", list)
	}
}

func TestConcurrentReads(t *testing.T) {
	at := filepath.Join(t.TempDir(), name)
	want := sampleRecords(60, 50)
	write(t, fsys.OS, at, testHeader(50), Options{BlockBytes: 1000}, want)
	r, err := Open(fsys.OS, at)
	must(t, err)
	defer r.Close()
	var wg sync.WaitGroup
	for g := range uint32(4) {
		wg.Go(func() {
			var got Record
			for _, i := range rng.NewStream(1, g).Perm(len(want)) {
				if err := r.Read(i, &got); err != nil || got.Group != want[i].Group || !cmp.Equal(got.Response, want[i].Response) {
					t.Errorf("record %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
}

// A mapped file that is cut under the reader gives an error; the process lives.
func TestShrinkingFileIsAnError(t *testing.T) {
	at := filepath.Join(t.TempDir(), name)
	write(t, fsys.OS, at, testHeader(50), Options{}, sampleRecords(2000, 50))
	for range 20 {
		r, err := Open(fsys.OS, at)
		must(t, err)
		var rec Record
		must(t, os.Truncate(at, 100)) // everything after the first page is gone
		err = r.Read(1999, &rec)
		if fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), at) {
			t.Fatalf("read after truncation: %v", err)
		}
		must(t, r.Close())
		must(t, os.Remove(at))
		write(t, fsys.OS, at, testHeader(50), Options{}, sampleRecords(2000, 50))
	}
}
