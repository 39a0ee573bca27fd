package template

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"testing"
)

// TestExpressionsEqualJinja: the random expressions of scripts/golden/jinja_expressions.py. What Jinja refuses must be
// refused here, and the other way round.
func TestExpressionsEqualJinja(t *testing.T) {
	f, err := os.Open("testdata/expressions.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Data  map[string]json.RawMessage `json:"data"`
		Cases [][2]*string               `json:"cases"`
	}
	if err := json.NewDecoder(z).Decode(&golden); err != nil || len(golden.Cases) < 5000 {
		t.Fatal(len(golden.Cases), err)
	}
	in := Input{Extra: map[string]any{}}
	for k, raw := range golden.Data {
		if in.Extra[k], err = FromJSON(raw, k); err != nil {
			t.Fatal(err)
		}
	}
	wrong := 0
	for _, c := range golden.Cases {
		source, want := *c[0], c[1]
		var got string
		tpl, err := Parse(source, "x")
		if err == nil {
			got, err = tpl.Render(in)
		}
		switch {
		case (err != nil) == (want == nil) && (err != nil || got == *want):
			continue
		case err != nil:
			t.Errorf("%s: %v, want %q", source, err, *want)
		case want == nil:
			t.Errorf("%s: got %q where Jinja raises", source, got)
		default:
			t.Errorf("%s: got %q, want %q", source, got, *want)
		}
		wrong++
	}
	if wrong > 0 {
		t.Errorf("%d of %d expressions differ", wrong, len(golden.Cases))
	}
}
