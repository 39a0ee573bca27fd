package dataset

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"

	"spar/internal/fault"
)

// FuzzLines reads any bytes as JSONL: rows or input errors, nothing else, and a row that was read is sound.
func FuzzLines(f *testing.F) {
	for line := range badLines {
		if len(line) < 1<<10 {
			f.Add([]byte(line))
		}
	}
	f.Add([]byte(`{"real":[` + userHi + `,` + botYo + `],"generated":[` + userHi + `,` + botNo + `]}`))
	f.Add([]byte("{\"prompt_ids\":[1],\"chosen_ids\":[2],\"rejected_ids\":[3]}\r\n{\"text\":\"x\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(bytes.NewReader(data), "x", Options{SkipBad: 5})
		for {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				if fault.ExitCode(err) != 3 {
					t.Fatalf("not an input error: %v", err)
				}
				return
			}
			checkRow(t, row)
		}
	})
}

func checkRow(t *testing.T, row Row) {
	t.Helper()
	hasPrompt := row.Prompt.String != "" || len(row.Prompt.Messages) > 0 || len(row.PromptIDs) > 0
	switch row.Shape {
	case ShapePromptCompletion, ShapePreference, ShapeRealGenerated, ShapePromptOnly:
		if !hasPrompt {
			t.Fatalf("a row without prompt: %+v", row)
		}
	case ShapeMessages:
		if len(row.Messages) == 0 {
			t.Fatalf("a conversation without messages: %+v", row)
		}
	case ShapeTask, ShapeText:
	default:
		t.Fatalf("a row without shape: %+v", row)
	}
	if row.Line < 1 || (row.RefChosenLogp == nil) != (row.RefRejectedLogp == nil) {
		t.Fatalf("%+v", row)
	}
	for _, r := range []Text{row.Completion, row.Chosen, row.Rejected} {
		if r.Present && r.IsMessages && (len(r.Messages) != 1 || r.Messages[0].Role != "assistant" || !row.Prompt.IsMessages) {
			t.Fatalf("a response of %+v", r)
		}
	}
}

func FuzzParquet(f *testing.F) {
	rows, _ := spinRows(3)
	for _, codec := range codecs() {
		f.Add(parquetBytes(f, rows, parquet.Compression(codec)))
	}
	f.Add(parquetBytes(f, []textRow{{"a", "b", nil, nil}}))
	f.Add(parquetBytes(f, []idsRow{{[]int32{1}, []int64{2}, []int32{3}, nil, nil}}))
	f.Add(withFooter(nil, []byte{0x15, 2, 0x19, 0xfc, 0x80, 0x94, 0xeb, 0xdc, 0x03, 0}))
	path := filepath.Join(f.TempDir(), "x.parquet")
	f.Fuzz(func(t *testing.T, data []byte) {
		must(t, os.WriteFile(path, data, 0o600))
		rows, err := ReadAll(path, Options{SkipBad: 5})
		if err != nil && fault.ExitCode(err) != 3 {
			t.Fatalf("not an input error: %v", err)
		}
		for _, row := range rows {
			checkRow(t, row)
		}
	})
}
