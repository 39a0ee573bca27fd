package strictjson

import (
	"encoding/json"
	"strings"
	"testing"

	"spar/internal/fault"
)

func TestRefusesWhatEncodingJSONLetsPass(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"a":1,"a":2}`, `the key "a" comes twice`},
		{"\xef\xbb\xbf{}", "byte order mark"},
		{"{\"a\": \"\xff\"}", ":8: the text is not valid UTF-8"},
		{`"\ud800"`, "half of a surrogate pair"},
		{`{} {}`, "2 bytes after the end"},
		{strings.Repeat("[", 1<<20), "nested deeper than 64"},
		{`[1,]`, "follows a comma"},
		{`{"a" 1}`, "a number instead of a colon"},
		{`{"a":1 "b":2}`, "a string instead of a comma"},
		{`[NaN]`, `"NaN" instead of a JSON value`},
		{`[1`, "does not end"},
		{`{"a":01}`, "is not a JSON number"},
		{"{\n // c\n}", ":2:2: "},
		{"\"a\nb\"", "control character"},
		{`"abc`, "the string does not end"},
		{`"\q"`, "bad escape"},
		{``, "the end of the text instead of a JSON value"},
	} {
		_, _, err := Parse([]byte(c.text), "a.json", 64)
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.ExitCode(err) != 3 {
			t.Errorf("%.20q: error %v, want one with %q", c.text, err, c.want)
		}
	}
}

func TestParseKeepsNumbersAndPositions(t *testing.T) {
	v, r, err := Parse([]byte("{\"n\": 9007199254740993,\n \"s\": \"a\\u00e9\\ufffd\", \"l\": [true, null, -1.5e3]}"), "a.json", 4)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := v.Get("n")
	if i, ok := n.IsInt(); !ok || i != 9007199254740993 {
		t.Errorf("n = %d, %v", i, ok)
	}
	s, _ := v.Get("s")
	if s.Text != "aé\uFFFD" {
		t.Errorf("s = %q", s.Text)
	}
	if err := r.ErrorAt(s.At, "here"); !strings.Contains(err.Error(), ":2:7: ") {
		t.Error(err)
	}
	if l, _ := v.Get("l"); len(l.Items) != 3 || l.Items[2].Text != "-1.5e3" {
		t.Errorf("l = %+v", l)
	}
}

func TestUintTakesOnlyWholeNumbers(t *testing.T) {
	for _, text := range []string{"-1", "1.5", "1e3", `"3"`, "null", "18446744073709551616"} {
		r, err := NewReader([]byte(text), "a.json", 4)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := r.Uint(); err == nil {
			t.Errorf("%s was read as %d", text, n)
		}
	}
}

// What Parse accepts, encoding/json accepts; what both accept in the strict subset is the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-3,"x\n",true,null]}`, `[[[]]]`, `"\ud83d\ude00"`, ` 12 `, `{"a":{"b":{}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, _, err := Parse(data, "a.json", 64)
		if err != nil {
			if fault.ExitCode(err) != 3 {
				t.Fatalf("error without class: %v", err)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("accepted what encoding/json refuses: %q as %+v", data, v)
		}
	})
}
