package evolve

import (
	"context"
	"strings"
	"testing"

	"spar/trainer/policy"
)

const someProgram = "def priority(v, n):\n    x = 1\n    return x\n"

func TestApplyEdit(t *testing.T) {
	block := func(search, replace string) string {
		return searchLine + "\n" + search + dividerLine + "\n" + replace + replaceLine + "\n"
	}
	for _, c := range []struct{ name, answer, want, refused string }{
		{"one block", "I change x.\n" + block("    x = 1\n", "    x = 2\n"), "def priority(v, n):\n    x = 2\n    return x\n", ""},
		{"two blocks", block("    x = 1\n", "") + block("    return x\n", "    return n\n"), "def priority(v, n):\n    return n\n", ""},
		{"first line", block("def priority(v, n):\n", "def priority(w, n):\n"), "def priority(w, n):\n    x = 1\n    return x\n", ""},
		{"a fence", "```python\ndef priority(v, n):\n    return 0\n```\nThat is all.", "def priority(v, n):\n    return 0\n", ""},
		{"not there", block("    y = 1\n", ""), "", "exactly once"},
		{"half a line", block("x = 1\n", ""), "", "exactly once"},
		{"empty search", block("", "x = 3\n"), "", "exactly once"},
		{"no divider", searchLine + "\n    x = 1\n", "", "divider"},
		{"no end", searchLine + "\n    x = 1\n" + dividerLine + "\n", "", "end"},
		{"talk", "I would sort.", "", "neither"},
		{"open fence", "```python\ndef", "", "without an end"},
	} {
		got, refused := ApplyEdit(someProgram, c.answer)
		if got != c.want || (c.refused == "") != (refused == "") || !strings.Contains(refused, c.refused) {
			t.Errorf("%s: %q, %q", c.name, got, refused)
		}
	}
}

// writes is a model that gives the same answer to everything and remembers what it was asked.
type writes struct {
	answer   string
	requests *[]policy.SampleRequest
}

func (w writes) Sample(_ context.Context, rs []policy.SampleRequest, _ policy.SampleOptions, on func(policy.Completion) error) error {
	*w.requests = append(*w.requests, rs...)
	for _, r := range rs {
		if err := on(policy.Completion{ID: r.ID, Sample: r.FirstSample, Text: w.answer}); err != nil {
			return err
		}
	}
	return nil
}

func TestAModelProposes(t *testing.T) {
	var asked []policy.SampleRequest
	var prompts []string
	answer := "```\ndef priority(v, n):\n    return v[0]\n```"
	m := Model{Task: CapSet{}, Sampler: writes{answer, &asked}, Encode: func(p string) ([]int32, error) {
		prompts = append(prompts, p)
		return []int32{1}, nil
	}}
	parent := Entry{Program: someProgram, Score: 16}
	rs := []Request{{Generation: 3, Island: 1, Index: 0, Seed: 7, Parent: parent}, {Generation: 3, Island: 1, Index: 1, Seed: 7, Parent: parent, Inspirations: []Entry{{Program: "other", Score: 2}}}}
	ps, err := m.Propose(context.Background(), rs)
	if err != nil || ps[1].Program != "def priority(v, n):\n    return v[0]\n" {
		t.Errorf("%+v %v", ps, err)
	}
	for _, want := range []string{"Cap sets", someProgram, "score 16", "other\n", searchLine} {
		if !strings.Contains(prompts[1], want) {
			t.Errorf("the prompt lacks %q:\n%s", want, prompts[1])
		}
	}
	if q := asked[1]; q.FirstSample != 1 || q.Iteration != 3 || q.PromptKey != 1 || q.Seed != 7 {
		t.Errorf("%+v", q)
	}
	asked = nil
	m.MaxLength, m.Settings.MaxNewTokens = 10, 10
	if ps, err = m.Propose(context.Background(), rs); err != nil || len(asked) != 0 || !strings.Contains(ps[1].Refused, "too long") {
		t.Errorf("a prompt that does not fit: %+v, %v", ps, err)
	}
	m.MaxLength = 0
	many := make([]Request, 200)
	for i := range many {
		many[i] = Request{Index: i, Parent: parent}
	}
	mixed := Mixed{Share: 0.25, First: m, Second: Mutation{CapSet{}}}
	ps, err = mixed.Propose(context.Background(), many)
	if err != nil || len(asked) < 30 || len(asked) > 70 {
		t.Errorf("%d of 200 requests went to the model: %v", len(asked), err)
	}
	for i, p := range ps {
		if p.Program == "" && p.Refused == "" {
			t.Errorf("request %d has no answer", i)
		}
	}
}

// Every mutation parses, and most of them change what the program does.
func TestMutationsParse(t *testing.T) {
	m := Mutation{BinPacking{}}
	parent := Entry{Program: "def priority(item, room, capacity):\n    # ünïcode before code on a line: é\n    x = item * 2 + 0.5 if room > 3 else 1\n    if x > 1 and room < capacity:\n        return -room\n    return (x - room)\n"}
	seen := map[string]bool{}
	rs := make([]Request, 300)
	for i := range rs {
		rs[i] = Request{Seed: 9, Index: i, Parent: parent, Inspirations: []Entry{{Program: "def priority(item, room, capacity):\n    return item - 7\n"}}}
	}
	ps, err := m.Propose(context.Background(), rs)
	if err != nil {
		t.Fatal(err)
	}
	borrowed := 0
	for _, p := range ps {
		if _, err := parse(p.Program); err != nil || p.Refused != "" || !strings.Contains(p.Program, "ünïcode before code on a line: é\n    x = ") {
			t.Errorf("%+v: %v", p, err)
		}
		if strings.Contains(p.Program, "item - 7") {
			borrowed++
		}
		seen[p.Program] = true
	}
	if len(seen) < 150 || borrowed < 3 {
		t.Errorf("%d different programs of 300, %d with a piece of another one", len(seen), borrowed)
	}
	again, _ := m.Propose(context.Background(), rs[150:])
	if again[3] != ps[153] {
		t.Error("a proposal depends on the requests beside it")
	}
}
