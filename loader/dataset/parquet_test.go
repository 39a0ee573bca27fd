package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"

	"spar/internal/fault"
	"spar/internal/rng"
)

type turn struct {
	Role    string `parquet:"role"`
	Content string `parquet:"content"`
}

// spinRow is a row of SPIN's published files, as Parquet holds it.
type spinRow struct {
	Real      []turn `parquet:"real,list"`
	Generated []turn `parquet:"generated,list"`
	ID        int64  `parquet:"id"`
}

type idsRow struct {
	PromptIDs   []int32  `parquet:"prompt_ids,list"`
	ChosenIDs   []int64  `parquet:"chosen_ids,list"`
	RejectedIDs []int32  `parquet:"rejected_ids"` // without the list wrapper
	Chosen      *float64 `parquet:"ref_chosen_logps,optional"`
	Rejected    *float32 `parquet:"ref_rejected_logps,optional"`
}

type textRow struct {
	Prompt     string  `parquet:"prompt,dict"`
	Completion string  `parquet:"completion"`
	Label      *bool   `parquet:"label,optional"`
	Messages   *string `parquet:"messages,optional"` // null in every row
}

func parquetBytes[T any](t testing.TB, rows []T, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, options...)
	for i, row := range rows {
		_, err := w.Write([]T{row})
		must(t, err)
		if i%7 == 6 { // several row groups
			must(t, w.Flush())
		}
	}
	must(t, w.Close())
	return b.Bytes()
}

func spinRows(n int) (rows []spinRow, want []Row) {
	for i := range n {
		q, a, b := fmt.Sprint("question ", i), fmt.Sprint("answer ", i), fmt.Sprint("guess ", i)
		rows = append(rows, spinRow{[]turn{{"user", q}, {"assistant", a}}, []turn{{"user", q}, {"assistant", b}}, int64(i)})
		want = append(want, Row{Line: i + 1, Shape: ShapeRealGenerated, Prompt: messages(list("user", q)...), Chosen: answer(a), Rejected: answer(b)})
	}
	return rows, want
}

func codecs() map[string]compress.Codec {
	return map[string]compress.Codec{"none": &parquet.Uncompressed, "snappy": &parquet.Snappy, "gzip": &parquet.Gzip, "zstd": &parquet.Zstd}
}

func TestParquetRows(t *testing.T) {
	rows, want := spinRows(30)
	for name, codec := range codecs() {
		for version := 1; version <= 2; version++ {
			data := parquetBytes(t, rows, parquet.Compression(codec), parquet.DataPageVersion(version))
			got, err := ReadAll(put(t, "x.parquet", data), Options{})
			if d := cmp.Diff(want, got); err != nil || d != "" {
				t.Errorf("%s, pages of version %d: %v %s", name, version, err, d)
			}
		}
	}
}

func TestParquetIDs(t *testing.T) {
	chosen, rejected := -2.5, float32(-3.25)
	wide := float64(rejected)
	data := parquetBytes(t, []idsRow{{[]int32{1, 2}, []int64{3}, []int32{4, 5}, &chosen, &rejected}, {[]int32{9}, nil, []int32{8}, nil, nil}})
	got, err := ReadAll(put(t, "x.parquet", data), Options{})
	must(t, err)
	want := []Row{
		{Line: 1, Shape: ShapePreference, PromptIDs: []int32{1, 2}, ChosenIDs: []int32{3}, RejectedIDs: []int32{4, 5}, RefChosenLogp: &chosen, RefRejectedLogp: &wide},
		{Line: 2, Shape: ShapePreference, PromptIDs: []int32{9}, ChosenIDs: []int32{}, RejectedIDs: []int32{8}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Null columns count as absent, and bad rows are named by number and may be left out.
func TestParquetNullsAndBadRows(t *testing.T) {
	yes := true
	data := parquetBytes(t, []textRow{{"a", "b", &yes, nil}, {"", "b", nil, nil}, {"c", "d", nil, nil}, {"e", "\xff", nil, nil}})
	path := put(t, "x.parquet", data)
	if _, err := ReadAll(path, Options{}); err == nil || !strings.Contains(err.Error(), path+": row 2: the prompt is empty") || fault.ExitCode(err) != 3 {
		t.Errorf("%v", err)
	}
	got, err := ReadAll(path, Options{SkipBad: 2})
	must(t, err)
	want := []Row{{Line: 1, Shape: ShapePromptCompletion, Prompt: text("a"), Completion: text("b"), Label: &yes},
		{Line: 3, Shape: ShapePromptCompletion, Prompt: text("c"), Completion: text("d")}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := ReadAll(put(t, "y.parquet", parquetBytes(t, []textRow{})), Options{}); err == nil || !strings.Contains(err.Error(), "there are no rows") {
		t.Errorf("no rows: %v", err)
	}
}

func TestParquetCodecsNotRead(t *testing.T) {
	rows, _ := spinRows(3)
	for name, codec := range map[string]compress.Codec{"BROTLI": &parquet.Brotli, "LZ4_RAW": &parquet.Lz4Raw} {
		_, err := ReadAll(put(t, "x.parquet", parquetBytes(t, rows, parquet.Compression(codec))), Options{})
		if err == nil || !strings.Contains(err.Error(), "the compression "+name+" is not read") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// withFooter makes a file of a body and a footer.
func withFooter(body, footer []byte) []byte {
	b := append([]byte("PAR1"), body...)
	b = append(b, footer...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(footer))), "PAR1"...)
}

// Footers written by hand in the compact protocol.
func TestHostileFooters(t *testing.T) {
	deep := bytes.Repeat([]byte{0x1c}, 1000)
	for name, c := range map[string]struct {
		footer []byte
		want   string
	}{
		"empty":            {nil, "cut off"},
		"a billion items":  {[]byte{0x15, 2, 0x19, 0xfc, 0x80, 0x94, 0xeb, 0xdc, 0x03, 0}, "a list claims more items"},
		"deep":             {deep, "nested too deep"},
		"a long string":    {[]byte{0x68, 0xff, 0xff, 0xff, 0xff, 0x07, 0}, "a length goes past the end"},
		"an unknown type":  {[]byte{0x1d, 0}, "unknown type"},
		"a cut number":     {[]byte{0x15, 0x80}, "a number is cut off"},
		"no schema":        {[]byte{0x15, 2, 0}, "Parquet"},
		"unfinished field": {[]byte{0x15}, "a number is cut off"},
	} {
		path := put(t, "x.parquet", withFooter([]byte("........"), c.footer))
		want := c.want
		if name == "empty" {
			want = "a length goes past the end"
		}
		if _, err := ReadAll(path, Options{}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || fault.ExitCode(err) != 3 {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// Random damage anywhere never panics, hangs or changes the class of the error.
func TestDamagedParquet(t *testing.T) {
	rows, _ := spinRows(20)
	path := filepath.Join(t.TempDir(), "x.parquet")
	chance := rng.NewStream(3)
	for _, codec := range codecs() {
		good := parquetBytes(t, rows, parquet.Compression(codec))
		read := func(data []byte) error {
			must(t, os.WriteFile(path, data, 0o600))
			_, err := ReadAll(path, Options{SkipBad: 1 << 30})
			return err
		}
		must(t, read(good))
		for range 400 {
			bad := bytes.Clone(good)
			for range 1 + chance.IntN(3) {
				bad[chance.IntN(len(bad))] = byte(chance.IntN(256))
			}
			if err := read(bad); err != nil && (fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), path)) {
				t.Fatalf("not an input error: %v", err)
			}
		}
		for n := 0; n < len(good); n += 37 {
			if err := read(good[:n]); fault.ExitCode(err) != 3 {
				t.Fatalf("%d of %d bytes: %v", n, len(good), err)
			}
		}
	}
}
