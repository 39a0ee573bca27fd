package dataset

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"spar/internal/fault"
	"spar/loader/template"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes a file into a fresh directory and returns its path.
func put(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, data, 0o600))
	return path
}

func list(role, content string) []template.Message {
	return []template.Message{{Role: role, Content: content}}
}

func messages(m ...template.Message) Text { return Text{Messages: m, IsMessages: true, Present: true} }

func text(s string) Text { return Text{String: s, Present: true} }

func answer(s string) Text {
	return Text{String: s, Messages: list("assistant", s), IsMessages: true, Present: true}
}

const (
	userHi   = `{"role":"user","content":"hi"}`
	botYo    = `{"role":"assistant","content":"yo"}`
	botNo    = `{"role":"assistant","content":"no"}`
	promptHi = `[` + userHi + `]`
)

func TestShapes(t *testing.T) {
	yes, chosen, rejected := true, -12.5, -13.0
	hi := messages(list("user", "hi")...)
	for line, want := range map[string]Row{
		`{"messages":[` + userHi + `,` + botYo + `]}`:                    {Shape: ShapeMessages, Messages: append(list("user", "hi"), list("assistant", "yo")...)},
		`{"messages":` + promptHi + `,"add_generation_prompt":true}`:     {Shape: ShapeMessages, Messages: list("user", "hi"), AddGenerationPrompt: true},
		`{"prompt":"a","completion":"b"}`:                                {Shape: ShapePromptCompletion, Prompt: text("a"), Completion: text("b")},
		`{"prompt":"a","response":""}`:                                   {Shape: ShapePromptCompletion, Prompt: text("a"), Completion: text("")},
		`{"prompt":"a","completion":"b","label":true}`:                   {Shape: ShapePromptCompletion, Prompt: text("a"), Completion: text("b"), Label: &yes},
		`{"prompt_ids":[1,2],"completion_ids":[3]}`:                      {Shape: ShapePromptCompletion, PromptIDs: []int32{1, 2}, CompletionIDs: []int32{3}},
		`{"prompt_ids":[1,2],"response_ids":[]}`:                         {Shape: ShapePromptCompletion, PromptIDs: []int32{1, 2}, CompletionIDs: []int32{}},
		`{"prompt":"a","chosen":"b","rejected":"c","id":7,"score":null}`: {Shape: ShapePreference, Prompt: text("a"), Chosen: text("b"), Rejected: text("c")},
		`{"prompt":"a","chosen":"b","rejected":""}`:                      {Shape: ShapePreference, Prompt: text("a"), Chosen: text("b"), Rejected: text("")},
		`{"prompt_ids":[1],"chosen_ids":[2],"rejected_ids":[3],"ref_chosen_logps":-12.5,"ref_rejected_logps":-13}`: {Shape: ShapePreference,
			PromptIDs: []int32{1}, ChosenIDs: []int32{2}, RejectedIDs: []int32{3}, RefChosenLogp: &chosen, RefRejectedLogp: &rejected},
		`{"prompt":` + promptHi + `,"chosen":[` + botYo + `],"rejected":[` + botNo + `]}`:                   {Shape: ShapePreference, Prompt: hi, Chosen: answer("yo"), Rejected: answer("no")},
		`{"chosen":[` + userHi + `,` + botYo + `],"rejected":[` + userHi + `,` + botNo + `]}`:               {Shape: ShapePreference, Prompt: hi, Chosen: answer("yo"), Rejected: answer("no")},
		`{"prompt":"hi","chosen":[` + userHi + `,` + botYo + `],"rejected":[` + userHi + `,` + botNo + `]}`: {Shape: ShapePreference, Prompt: hi, Chosen: answer("yo"), Rejected: answer("no")},
		`{"real":[` + userHi + `,` + botYo + `],"generated":[` + userHi + `,` + botNo + `]}`:                {Shape: ShapeRealGenerated, Prompt: hi, Chosen: answer("yo"), Rejected: answer("no")},
		`{"prompt":"a","real":"b","generated":"c"}`:                                                         {Shape: ShapeRealGenerated, Prompt: text("a"), Chosen: text("b"), Rejected: text("c")},
		`{"problem":"1+1","answer":"2"}`:                                                                    {Shape: ShapeTask, Prompt: text("1+1"), Answer: "2"},
		`{"problem":[{"role":"user","content":"1+1"}],"answer":"2","solution":"It is 2."}`:                  {Shape: ShapeTask, Prompt: messages(template.Message{Role: "user", Content: "1+1"}), Answer: "2", Solution: "It is 2."},
		`{"problem_ids":[1,2],"answer":"3"}`:                                                                {Shape: ShapeTask, PromptIDs: []int32{1, 2}, Answer: "3"},
		`{"problem":"f","tests":"assert f() == 1"}`:                                                         {Shape: ShapeTask, Prompt: text("f"), Tests: "assert f() == 1"},
		`{"problem":"1+1","answer":"2","verifier":"exact"}`:                                                 {Shape: ShapeTask, Prompt: text("1+1"), Answer: "2", Verifier: "exact"},
		`{"prompt":"a"}`:                                {Shape: ShapePromptOnly, Prompt: text("a")},
		`{"prompt_ids":[5]}`:                            {Shape: ShapePromptOnly, PromptIDs: []int32{5}},
		`{"prompt":` + promptHi + `}`:                   {Shape: ShapePromptOnly, Prompt: hi},
		`{"text":"a\u00e9\ud83d\ude00"}`:                {Shape: ShapeText, Text: "aé😀"},
		`{"prompt":` + promptHi + `,"completion":"yo"}`: {Shape: ShapePromptCompletion, Prompt: hi, Completion: answer("yo")},
	} {
		want.Line = 1
		rows, err := ReadAll(put(t, "x.jsonl", []byte(line)), Options{})
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if d := cmp.Diff([]Row{want}, rows); d != "" {
			t.Errorf("%s: %s", line, d)
		}
	}
}

// Further keys of a message reach the template as a template reads JSON.
func TestExtraKeysOfAMessage(t *testing.T) {
	const calls = `[1.5,3,true,null,{"z":"b","a":[]}]`
	rows, err := ReadAll(put(t, "x.jsonl", []byte(`{"messages":[{"role":"user","content":"x","calls":`+calls+`}]}`)), Options{})
	must(t, err)
	want, err := template.FromJSON([]byte(calls), "want")
	must(t, err)
	if got := rows[0].Messages[0].Extra["calls"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// badLines are rows that are refused, with the reason.
var badLines = map[string]string{
	`{"prompt":"a","chosen":"b"}`:                    "the keys chosen, prompt together are no kind of example",
	`{"prompt":"a","completion":"b","rejected":"c"}`: "completion, prompt, rejected together",
	`{"prompt":"a","messages":[` + userHi + `]}`:     "messages, prompt together",
	`{"id":1}`:                       "none of the keys of an example",
	`{}`:                             "none of the keys",
	`{"promt":"a","completion":"b"}`: `the key "promt" is not known; did you mean "prompt"?`,
	`{"Prompt":"a"}`:                 `did you mean "prompt"`,
	`{"prompt":"a","completion":"b","labels":true}`:                        `did you mean "label"`,
	`{"prompt":"a","completion":"b","response":"c"}`:                       `"completion" and "response" say the same`,
	`{"prompt":"a","prompt_ids":[1]}`:                                      "say the same",
	`{"prompt":"a","chosen_ids":[1],"rejected_ids":[2]}`:                   `"prompt" is text and others are ids`,
	`{"prompt":"","completion":"b"}`:                                       "the prompt is empty",
	`{"prompt":""}`:                                                        "the prompt is empty",
	`{"prompt":[],"completion":"b"}`:                                       "empty list",
	`{"prompt_ids":[],"completion_ids":[1]}`:                               "prompt_ids is absent or empty",
	`{"chosen_ids":[1],"rejected_ids":[1]}`:                                "prompt_ids is absent",
	`{"real":"a","generated":"b"}`:                                         "there is no prompt",
	`{"prompt":"a","completion":""}`:                                       `"completion" is empty`,
	`{"prompt":"a","chosen":"","rejected":"c"}`:                            `"chosen" is empty`,
	`{"prompt":1,"completion":"b"}`:                                        `"prompt" must be a string or a list of messages, not a number`,
	`{"prompt":null}`:                                                      "not null",
	`{"prompt":"a","completion":{"x":1}}`:                                  "not an object",
	`{"prompt":"a","completion":"b","label":1}`:                            `"label" must be true or false, not a number`,
	`{"prompt":"a","completion":"b","label":"true"}`:                       "not a string",
	`{"prompt_ids":[1.5]}`:                                                 `"prompt_ids": item 0 is 1.5, not a token id`,
	`{"prompt_ids":[1,-1]}`:                                                "item 1 is -1",
	`{"prompt_ids":[2147483648]}`:                                          "item 0 is 2147483648",
	`{"prompt_ids":["1"]}`:                                                 "item 0 is a string",
	`{"prompt_ids":"1 2"}`:                                                 "must be a list of token ids",
	`{"messages":[]}`:                                                      "empty list",
	`{"messages":"hi"}`:                                                    "must be a list of messages",
	`{"messages":["hi"]}`:                                                  "message 0: want an object",
	`{"messages":[{"role":"user"}]}`:                                       "role and content are both needed",
	`{"messages":[{"role":"","content":"x"}]}`:                             "role must be",
	`{"messages":[{"role":"user","content":[{"type":"text"}]}]}`:           "content must be a string, not a list",
	`{"messages":[{"role":"user","content":null}]}`:                        "content must be a string, not null",
	`{"messages":[` + userHi + `],"add_generation_prompt":1}`:              "must be true or false",
	`{"real":[` + userHi + `],"generated":[` + userHi + `,` + botNo + `]}`: `"real" must end with a message of the assistant`,
	`{"real":[` + botYo + `,` + botYo + `],"generated":[` + userHi + `,` + botNo + `]}`:            `"generated" before the answer are not those of the prompt`,
	`{"prompt":"other","chosen":[` + userHi + `,` + botYo + `],"rejected":"c"}`:                    "not those of the prompt",
	`{"prompt":"a","chosen":"b","rejected":"c","ref_chosen_logps":-1}`:                             "belong together",
	`{"prompt":"a","chosen":"b","rejected":"c","ref_chosen_logps":1,"ref_rejected_logps":-1}`:      "at most 0, not 1",
	`{"prompt":"a","chosen":"b","rejected":"c","ref_chosen_logps":"x","ref_rejected_logps":-1}`:    "not a string",
	`{"prompt":"a","chosen":"b","rejected":"c","ref_chosen_logps":-1e999,"ref_rejected_logps":-1}`: "not -1e999",
	`{"problem":"","answer":"2"}`:     `"problem" is empty`,
	`{"problem":[],"answer":"2"}`:     `"problem" is an empty list`,
	`{"problem_ids":[],"answer":"2"}`: "problem_ids is empty",
	`{"problem":"p","tests":" "}`:     `"tests" is empty`,
	`{"problem":"p","solution":"2"}`:  `the keys problem, solution together are no kind of example`,
	`{"problem":"p","answer":2}`:      `"answer" must be a string`,
	`{"text":""}`:                     `"text" is empty`,
	`{"prompt":"a","prompt":"b"}`:     `the key "prompt" comes twice`,
	`[1]`:                             "must be an object with keys, not a list",
	`"x"`:                             "not a string",
	`{"prompt":"a"`:                   "does not end",
	`{"prompt":"a"} {"prompt":"b"}`:   "after the end of the JSON value",
	`{"prompt":'a'}`:                  "correct the JSON",
	`{"prompt":NaN}`:                  `"NaN" instead of a JSON value`,
	`{"prompt":"\ud800"}`:             "surrogate",
	"{\"prompt\":\"\xff\"}":           "not valid UTF-8",
	"{\"prompt\":\"a\x00\"}":          "NUL",
	"{\"prompt\":\"a\tb\"}":           "control character",
	`{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`: "nested deeper",
	`{"text":"` + strings.Repeat("x", maxLine) + `"}`:                   "the line is longer than 16 MiB",
	`not json`: `"not" instead of null`,
}

// Every bad line, as the third of a file, is reported with file and line.
func TestBadLines(t *testing.T) {
	for line, want := range badLines {
		path := put(t, "x.jsonl", []byte("{\"prompt\":\"a\"}\n\n"+line+"\n"))
		_, err := ReadAll(path, Options{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path+":3:") || fault.ExitCode(err) != 3 {
			t.Errorf("%.80s: got %v, want %q", line, err, want)
		}
		// The same line can be left out.
		rows, err := ReadAll(path, Options{SkipBad: 1})
		if err != nil || len(rows) != 1 {
			t.Errorf("%.80s: left out: %d rows, %v", line, len(rows), err)
		}
	}
}

func compressed(t testing.TB, kind, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if kind == "zst" {
		z, err := zstd.NewWriter(&b)
		must(t, err)
		w = z
	}
	_, err := io.WriteString(w, data)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

// Whole files that are refused.
func TestBadFiles(t *testing.T) {
	good := `{"prompt":"a"}` + "\n"
	gz, zst := compressed(t, "gz", strings.Repeat(good, 100)), compressed(t, "zst", strings.Repeat(good, 100))
	flipped := append([]byte(nil), gz...)
	flipped[len(flipped)-6] ^= 1 // in the checksum
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"empty.jsonl", "there are no rows", nil},
		{"blank.jsonl", "there are no rows", []byte("\n \r\n\t\n")},
		{"bom.jsonl", "byte order mark", []byte("\xef\xbb\xbf" + good)},
		{"utf16le.jsonl", "UTF-16", []byte("\xff\xfe{\x00")},
		{"utf16be.jsonl", "UTF-16", []byte("\xfe\xff\x00{")},
		{"utf16.jsonl", "NUL", []byte("{\x00\"\x00p\x00")},
		{"gzip.jsonl", "ending .gz", gz},
		{"zstd.jsonl", "ending .zst", zst},
		{"zip.jsonl", "zip archive", []byte("PK\x03\x04....")},
		{"parquet.jsonl", "ending .parquet", []byte("PAR1....")},
		{"text.jsonl.gz", "not a gzip file", []byte(good)},
		{"empty.jsonl.gz", "not a gzip file", nil},
		{"cut.jsonl.gz", "EOF", gz[:len(gz)-4]},
		{"sum.jsonl.gz", "checksum", flipped},
		{"text.jsonl.zst", "magic", []byte(good)},
		{"cut.jsonl.zst", "EOF", zst[:len(zst)-3]},
		{"none.jsonl.zst", "there are no rows", compressed(t, "zst", "")},
		{"tail.jsonl.zst", "magic", append(append([]byte(nil), zst...), "tail"...)},
		{"short.parquet", "not a Parquet file: it has 4 bytes", []byte("PAR1")},
		{"text.parquet", "not a Parquet file, or its end is missing", []byte(strings.Repeat(good, 9))},
		{"encrypted.parquet", "encrypted", []byte("PARE........PARE")},
		{"footer.parquet", "footer claims 4294967295 bytes", []byte("PAR1....\xff\xff\xff\xffPAR1")},
	} {
		path := put(t, c.name, c.data)
		_, err := ReadAll(path, Options{SkipBad: 0})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || fault.ExitCode(err) != 3 {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestBadPaths(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "no.jsonl"): "no such file", dir: "is a directory", "/dev/zero": "is a device", "": "no such file",
	} {
		if _, err := ReadAll(path, Options{}); err == nil || !strings.Contains(err.Error(), want) || fault.ExitCode(err) != 3 {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
		if _, err := HashFile(path); err == nil {
			t.Errorf("HashFile(%q) succeeds", path)
		}
	}
}

func TestFormsOfAFile(t *testing.T) {
	lines := `{"prompt":"a"}` + "\r\n\r\n" + `{"prompt":"b"}` + "\n" + `{"prompt":"c"}` // CRLF, a blank line, no newline at the end
	frames := append(compressed(t, "zst", lines[:20]), compressed(t, "zst", lines[20:])...)
	for name, data := range map[string][]byte{
		"x.jsonl": []byte(lines), "x.jsonl.gz": compressed(t, "gz", lines), "x.jsonl.zst": compressed(t, "zst", lines), "two.jsonl.zst": frames, "x.json": []byte(lines),
	} {
		rows, err := ReadAll(put(t, name, data), Options{})
		if err != nil || len(rows) != 3 || rows[2].Prompt.String != "c" || rows[2].Line != 4 {
			t.Errorf("%s: %+v, %v", name, rows, err)
		}
	}
}

func TestSkipBad(t *testing.T) {
	var b strings.Builder
	for i := range 20 {
		if i%5 == 2 {
			b.WriteString("broken\n")
		} else {
			fmt.Fprintf(&b, "{\"prompt\":\"%d\"}\n", i)
		}
	}
	path := put(t, "x.jsonl", []byte(b.String()))
	r, err := Open(path, Options{SkipBad: 4})
	must(t, err)
	defer r.Close()
	n := 0
	for {
		if _, err = r.Next(); err != nil {
			break
		}
		n++
	}
	if !errors.Is(err, io.EOF) || n != 16 || len(r.Skipped()) != 4 || r.Skipped()[1].Line != 8 || !strings.Contains(r.Skipped()[1].Reason, "broken") {
		t.Errorf("%d rows, %v, skipped %+v", n, err, r.Skipped())
	}
	_, err = ReadAll(path, Options{SkipBad: 3})
	if err == nil || !strings.Contains(err.Error(), ":18:") || !strings.Contains(err.Error(), "3 bad rows before it") {
		t.Errorf("one too many: %v", err)
	}
	if _, err := ReadAll(put(t, "y.jsonl", []byte("x\ny\n")), Options{SkipBad: 9}); err == nil || !strings.Contains(err.Error(), "there are no rows") {
		t.Errorf("nothing good: %v", err)
	}
}

// A small file that inflates to gigabytes is stopped while it is small.
func TestBombs(t *testing.T) {
	for _, kind := range []string{"gz", "zst"} {
		row := strings.Repeat(" ", 1<<20) + "\n"
		bomb := compressed(t, kind, strings.Repeat(row, 80))
		if len(bomb)*maxRatio > 80<<20 {
			t.Fatalf("%s: %d bytes are no bomb", kind, len(bomb))
		}
		path := put(t, "x.jsonl."+kind, bomb)
		if _, err := ReadAll(path, Options{SkipBad: 1000}); err == nil || !strings.Contains(err.Error(), "compressed bytes gave more") || fault.ExitCode(err) != 3 {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestErrorsStick(t *testing.T) {
	r := NewReader(strings.NewReader("{\"prompt\":\"a\"}\nbad\n{\"prompt\":\"b\"}\n"), "stdin", Options{})
	_, err := r.Next()
	must(t, err)
	_, first := r.Next()
	_, second := r.Next()
	if first == nil || first != second || !strings.HasPrefix(first.Error(), "stdin:2:") {
		t.Errorf("first %v, then %v", first, second)
	}
}

func TestHashFile(t *testing.T) {
	got, err := HashFile(put(t, "x", []byte("abc")))
	if want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
}

func TestReadingIsFlat(t *testing.T) {
	// A stream of many rows passes through a reader whose buffers stay small.
	row := []byte(`{"prompt":"What is two and two?","completion":"Four."}` + "\n")
	r := NewReader(io.LimitReader(&repeat{row: row}, int64(len(row))*20000), "stream", Options{})
	n := 0
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 20000 || cap(r.rows.(*lines).buf) > 1<<10 {
		t.Errorf("%d rows, a line buffer of %d bytes", n, cap(r.rows.(*lines).buf))
	}
}

// repeat is an endless stream of one row.
type repeat struct {
	row []byte
	at  int
}

func (r *repeat) Read(p []byte) (n int, err error) {
	for n < len(p) {
		k := copy(p[n:], r.row[r.at:])
		n, r.at = n+k, (r.at+k)%len(r.row)
	}
	return n, nil
}
