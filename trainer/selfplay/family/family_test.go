package family

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"spar/internal/rng"
)

func mustOpen(t *testing.T, name string, o Options) Family {
	t.Helper()
	f, err := Open(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestArithmetic(t *testing.T) {
	f := mustOpen(t, "arithmetic", Options{Levels: 2})
	spaced := mustOpen(t, "arithmetic", Options{Levels: 2, Spaced: true, Pose: "check {level}"})
	for _, c := range []struct {
		family          Family
		response        string
		problem, answer string
		reason          Reason
	}{
		{f, "12+34=", "12+34=", "46", ""},
		{f, " 7 * 8\n", "7*8=", "56", ""},
		{f, "3-12", "3-12=", "-9", ""},
		{f, "123+4", "", "", Broken},
		{f, "12+0", "", "", Trivial},
		{f, "1*9", "", "", Trivial},
		{f, "twelve", "", "", Unreadable},
		{f, "1+2+3", "", "", Unreadable},
		{f, strings.Repeat("9", 1000) + "+1", "", "", Unreadable},
		{spaced, " 1 2 + 3 4", " 1 2 + 3 4 =", "46", ""},
	} {
		task, reason, err := c.family.Read(context.Background(), Pose{Kind: "arithmetic", Level: 2}, c.response)
		if err != nil || reason != c.reason || task.Problem != c.problem || task.Answer != c.answer {
			t.Errorf("%q: %+v, %q, %v; want %q = %q, %q", c.response, task, reason, err, c.problem, c.answer, c.reason)
		}
	}
}

func TestLevels(t *testing.T) {
	f := mustOpen(t, "arithmetic", Options{Levels: 3})
	count := map[int]int{}
	for _, p := range f.Poses(3000, []float64{0, 1, 3}, rng.NewStream(1)) {
		count[p.Level]++
		if !strings.Contains(p.Text, fmt.Sprint(p.Level)) {
			t.Fatalf("the pose %q does not say level %d", p.Text, p.Level)
		}
	}
	if count[1] != 0 || count[2] < 600 || count[2] > 900 {
		t.Errorf("levels %v, want none of 1 and a quarter of 2", count)
	}
}

func TestCorpus(t *testing.T) {
	f := mustOpen(t, "corpus", Options{Documents: []string{"The Danube is 2,850 km long."}})
	p := f.Poses(1, nil, rng.NewStream(1))[0]
	for response, want := range map[string]Reason{
		"<question>How long is the Danube?</question><answer>2,850 km</answer>": "",
		"<question>How long is the Danube?</question><answer>3 km</answer>":     Broken,
		"<question>Is it 2,850 km long?</question><answer>2,850 km</answer>":    Trivial,
		"<question>How long?</question>":                                        Unreadable,
	} {
		if _, reason, err := f.Read(context.Background(), p, response); reason != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", response, reason, err, want)
		}
	}
}

// TestProgram reads proposals with a runner that knows a few functions; the jail's own tests run real programs.
func TestProgram(t *testing.T) {
	calls := 0
	f := mustOpen(t, "program", Options{Run: func(_ context.Context, text, function, arguments string) (string, bool, error) {
		calls++
		switch {
		case strings.Contains(text, "return x"):
			return arguments, true, nil
		case strings.Contains(text, "fail("):
			return "", false, nil
		case strings.Contains(text, "count"):
			return fmt.Sprint(calls), true, nil
		case strings.Contains(text, "seven"):
			return "7", true, nil
		}
		return arguments + "0", true, nil
	}})
	program := func(body string, inputs ...string) string {
		return "<program>\ndef f(x):\n    " + body + "\n</program><input>" + strings.Join(inputs, "</input><input>") + "</input>"
	}
	many := []string{"1", "2", "3", "4"}
	for _, c := range []struct {
		kind, response string
		want           Reason
	}{
		{deduction, program("return 10 * x", "3"), ""},
		{abduction, program("return 10 * x", "3"), ""},
		{induction, program("return 10 * x", many...), ""},
		{induction, program("return 10 * x", "1"), Unreadable},
		{induction, program("seven", many...), Trivial},
		{deduction, program("return x", "3"), Trivial},
		{deduction, program("fail()", "3"), Broken},
		{deduction, program("count", "3"), Nondeterministic},
		{deduction, "<program>g = 1</program><input>3</input>", Unreadable},
	} {
		task, reason, err := f.Read(context.Background(), Pose{Kind: c.kind}, c.response)
		if reason != c.want || err != nil {
			t.Errorf("%s %q: %q, %v; want %q", c.kind, c.response, reason, err, c.want)
		}
		if c.kind == induction && reason == "" && (strings.Contains(task.Problem, "f(2)") || !strings.Contains(task.Tests, "check_equal(f(2), 20)")) {
			t.Errorf("induction shows what it holds back: %+v", task)
		}
	}
	w := f.(Wrapper)
	for kind, want := range map[string]string{deduction: "def answer():\n    return (30)\n", abduction: "def answer():\n    return (30,)\n", induction: "30\n"} {
		if got := w.Wrap(kind, "so <answer> 30 </answer>"); got != want {
			t.Errorf("Wrap(%s) = %q, want %q", kind, got, want)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"arithmetic", Options{}, "not between 1 and 9"},
		{"arithmetic", Options{Levels: 2, Pose: "go"}, "has no {level}"},
		{"corpus", Options{}, "needs documents"},
		{"corpus", Options{Documents: []string{"d"}, Pose: "go"}, "has no {document}"},
		{"program", Options{}, "needs the jail"},
		{"chess", Options{}, "is not one of arithmetic, program, open, corpus"},
	} {
		if _, err := Open(c.name, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestOwn: what a family puts around a task is not the proposer's.
func TestOwn(t *testing.T) {
	for name, c := range map[string]struct {
		options        Options
		pose           Pose
		response, want string
	}{
		"open":       {Options{}, Pose{Kind: "open"}, "<question>Why?</question>", "Why?"},
		"corpus":     {Options{Documents: []string{"d"}}, Pose{Given: "It is so."}, "<question>Why?</question><answer>so</answer>", "Why?"},
		"arithmetic": {Options{Levels: 1}, Pose{Level: 1}, "2+3", "2+3="},
	} {
		f, err := Open(name, c.options)
		if err != nil {
			t.Fatal(err)
		}
		task, reason, err := f.Read(context.Background(), c.pose, c.response)
		if err != nil || reason != "" || task.Own() != c.want {
			t.Errorf("%s: %q, reason %q, want %q; %v", name, task.Own(), reason, c.want, err)
		}
	}
}
