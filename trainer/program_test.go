package trainer

import (
	"context"
	"testing"

	"spar/loader"
	"spar/loader/shard"
	"spar/trainer/config"
	"spar/trainer/selfplay/family"
)

// TestProgramTasks has triples set, run in the jail and judged: a right answer passes, a wrong one does not, in all three kinds.
func TestProgramTasks(t *testing.T) {
	c := config.Default("m", "play", "")
	c.Play.Family, c.Verifier.Name = "program", "starlark"
	m, err := loader.Open("../cmd/spar/testdata/models/chat")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := &run{c: c, model: m}
	defer r.close()
	if err := r.openFamily(); err != nil {
		t.Fatal(err)
	}
	if err := r.openVerifiers(); err != nil {
		t.Fatal(err)
	}
	proposed := "<program>\ndef f(a, b=1):\n    return [a * b, a + b]\n</program>\n<input>3, b=4</input>\n<input>2</input>\n<input>5, 6</input>\n<input>7, b=0</input>"
	answers := map[string][2]string{
		"deduction": {"<answer>[12, 7]</answer>", "<answer>[12, 8]</answer>"},
		"abduction": {"<answer>4, 3</answer>", "<answer>1, 1</answer>"},
		"induction": {"<answer>\ndef f(a, b=1):\n    return [b * a, b + a]\n</answer>", "<answer>\ndef f(a, b=1):\n    return [12, 7]\n</answer>"},
	}
	for kind, answer := range answers {
		set, reason, err := r.family.Read(context.Background(), family.Pose{Kind: kind}, proposed)
		if err != nil || reason != "" {
			t.Fatalf("%s: %q, %v", kind, reason, err)
		}
		x := example{task: &task{answer: set.Answer, tests: set.Tests, verifier: set.Verifier, kind: set.Kind}}
		var records []shard.Record
		for _, text := range append(answer[:], "no marks", "<answer>f(</answer>") {
			ids, err := r.model.Tokenizer.Encode(text, false)
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, shard.Record{Response: ids})
		}
		if err := r.judgeTask(context.Background(), x, records); err != nil {
			t.Fatal(err)
		}
		for i, want := range []bool{true, false, false, false} {
			if got := records[i].Verdict == shard.VerdictPass; got != want {
				t.Errorf("%s: response %d has verdict %d, want passed %v", kind, i, records[i].Verdict, want)
			}
		}
	}
}
