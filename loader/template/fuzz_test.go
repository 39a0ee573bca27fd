package template

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"spar/internal/fault"
)

// FuzzParse: no source makes Parse or Render panic, hang or fail with anything but an input error.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/templates/*.jinja")
	if err != nil || len(files) == 0 {
		f.Fatal("no templates: ", err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
	}
	r := readRendered(f)
	in := r.input(f, 25, 4)
	f.Fuzz(func(t *testing.T, src string) {
		tpl, err := Parse(src, "fuzz")
		if err == nil {
			start := time.Now()
			_, err = tpl.Render(in)
			if took := time.Since(start); took > 5*time.Second {
				t.Fatalf("rendering took %v", took)
			}
		}
		if err != nil && fault.ExitCode(err) != int(fault.Input) {
			t.Fatalf("class of %v", err)
		}
	})
}
