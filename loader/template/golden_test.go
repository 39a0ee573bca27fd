package template

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spar/internal/fault"
)

// rendered is what scripts/golden/chat_templates.py writes.
type rendered struct {
	Now           string                       `json:"now"`
	Conversations [][]Message                  `json:"conversations"`
	Options       []map[string]json.RawMessage `json:"options"`
	Cases         []struct {
		Template string  `json:"template"`
		Messages int     `json:"messages"`
		Options  int     `json:"options"`
		Want     *string `json:"want"` // null: transformers raises
	} `json:"cases"`
}

func readRendered(t testing.TB) rendered {
	t.Helper()
	f, err := os.Open("testdata/rendered.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var r rendered
	if err := json.NewDecoder(z).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

func parseFile(t testing.TB, name string) *Template {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata/templates", name))
	if err != nil {
		t.Fatal(err)
	}
	tpl, err := Parse(string(src), name)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

// input makes the input of a golden case.
func (r rendered) input(t testing.TB, messages, options int) Input {
	t.Helper()
	now, err := time.Parse("2006-01-02T15:04:05", r.Now)
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Messages: r.Conversations[messages], BOS: "<s>", EOS: "</s>", Now: now, Extra: map[string]any{}}
	for k, raw := range r.Options[options] {
		v, err := FromJSON(raw, k)
		if err != nil {
			t.Fatal(err)
		}
		switch k {
		case "add_generation_prompt":
			in.AddGenerationPrompt = v.(bool)
		case "tools":
			in.Tools = v
		default:
			in.Extra[k] = v
		}
	}
	return in
}

func TestRenderEqualsTransformers(t *testing.T) {
	r := readRendered(t)
	if len(r.Conversations) < 30 || len(r.Cases) < 1000 {
		t.Fatalf("%d conversations, %d cases", len(r.Conversations), len(r.Cases))
	}
	templates := map[string]*Template{}
	wrong := map[string]int{}
	for _, c := range r.Cases {
		tpl := templates[c.Template]
		if tpl == nil {
			tpl = parseFile(t, c.Template)
			templates[c.Template] = tpl
		}
		got, err := tpl.Render(r.input(t, c.Messages, c.Options))
		switch {
		case c.Want == nil && err == nil:
			wrong[c.Template]++
			t.Errorf("%s, conversation %d, options %d: transformers raises, got %q", c.Template, c.Messages, c.Options, got)
		case c.Want == nil:
			if fault.ExitCode(err) != int(fault.Input) {
				t.Errorf("%s: class of %v", c.Template, err)
			}
		case err != nil:
			wrong[c.Template]++
			t.Errorf("%s, conversation %d, options %d: %v", c.Template, c.Messages, c.Options, err)
		case got != *c.Want:
			if wrong[c.Template]++; wrong[c.Template] <= 3 {
				t.Errorf("%s, conversation %d, options %d (-want +got):\n%s", c.Template, c.Messages, c.Options, cmp.Diff(*c.Want, got))
			}
		}
	}
	if len(templates) < 10 {
		t.Errorf("only %d templates", len(templates))
	}
	t.Logf("%d renderings, mismatches: %v", len(r.Cases), wrong)
}
