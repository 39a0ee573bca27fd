package verify

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"spar/internal/fault"
)

func opened(t *testing.T, s Spec, o Options) Verifier {
	t.Helper()
	v, err := Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	if v.Name() != s.Name {
		t.Errorf("%s calls itself %s", s.Name, v.Name())
	}
	return v
}

func judge(t *testing.T, v Verifier, items ...Item) []Outcome {
	t.Helper()
	out, err := v.Verify(context.Background(), items)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != len(items) {
		t.Fatalf("%d outcomes for %d items", len(out), len(items))
	}
	for i, o := range out {
		if o.Verdict == Pass && o.Score < 0.5 || o.Verdict == 0 || o.Score < 0 || o.Score > 1 {
			t.Errorf("outcome %d is %v with score %v", i, o.Verdict, o.Score)
		}
	}
	return out
}

// table judges single items: response, answer, wanted verdict.
func table(t *testing.T, v Verifier, cases [][3]string) {
	t.Helper()
	for _, c := range cases {
		if o := judge(t, v, Item{Response: c[0], Answer: c[1]})[0]; o.Verdict.String() != c[2] {
			t.Errorf("%s: %q against %q is %v (%q, %s), want %s", v.Name(), c[0], c[1], o.Verdict, o.Extracted, o.Detail, c[2])
		}
	}
}

func TestExact(t *testing.T) {
	table(t, opened(t, Spec{Name: "exact"}, Options{}), [][3]string{
		{"  blue  whale\n", "blue whale", "pass"}, {"Blue whale", "blue whale", "fail"}, {`So \boxed{blue}`, "blue", "pass"}, {"think\n#### 7", "7", "pass"},
		{"The answer is blue.", "blue", "pass"}, {"blue, no: red", "blue", "fail"}, {"", "blue", "fail"}, {"blue", " ", "refused"},
	})
}

func TestMathsVerifier(t *testing.T) {
	v := opened(t, Spec{Name: "maths"}, Options{})
	table(t, v, [][3]string{
		{`Thus \boxed{\frac{1}{2}}.`, "0.5", "pass"}, {`\boxed{1} and then \boxed{2}`, "1", "fail"}, {`\boxed{2} \boxed{`, "2", "fail"}, {"x = 3\n#### 1,234", "1234", "pass"},
		{"The final answer is: $\\sqrt{8}$, as shown.", `2\sqrt2`, "pass"}, {"so we get $\\frac{3}{4}$.", "4", "fail"}, {"so we get $\\frac{3}{4}$.", "3/4", "pass"},
		{"It costs 12 dollars and 5 more make 17", "17", "pass"}, {"10-3", "7", "pass"}, {"from -4 to -7", "-7", "pass"}, {"2^{10^9}", "5", "fail"}, {"9^9^9^9", "9^9^9", "fail"},
		{"I do not know what to say here, it is hard to say anything of use about such a thing.", "5", "fail"}, {"", "5", "fail"}, {"5", "", "refused"}, {"Monday", "monday", "pass"},
		{"so 72", "He has 48 / 2 = 24.\n#### 72", "pass"}, {"so 24", "He has 48 / 2 = 24.\n#### 72", "fail"}, {"3/4", `it is \boxed{\frac34}.`, "pass"},
		{strings.Repeat("(", 1<<20), "5", "fail"}, {strings.Repeat("5 ", 1<<20), "5", "pass"}, {strings.Repeat(`\boxed{`, 1<<18), "5", "fail"},
	})
	percent := Item{Problem: "What percent is it?", Response: "50%", Answer: "50"}
	plain := Item{Problem: "How much is it?", Response: "50%", Answer: "50"}
	if out := judge(t, v, percent, plain); out[0].Verdict != Pass || out[1].Verdict != Fail {
		t.Errorf("percent: %v, otherwise %v; want pass and fail", out[0].Verdict, out[1].Verdict)
	}
	if o := judge(t, v, Item{Response: "log 100", Answer: "2"})[0]; o.Verdict != Fail || !strings.HasPrefix(o.Detail, "unknown: ") {
		t.Errorf("an undecided answer is %v: %s", o.Verdict, o.Detail)
	}
}

func TestNumeric(t *testing.T) {
	table(t, opened(t, Spec{Name: "numeric"}, Options{}), [][3]string{
		{"so 0.5", "1/2", "pass"}, {"0.3333", "1/3", "fail"}, {"x", "5", "fail"}, {"5", "five", "refused"}, {`\boxed{2\sqrt{2}}`, `\sqrt{8}`, "pass"}, {"", "5", "fail"},
	})
	table(t, opened(t, Spec{Name: "numeric", Tolerance: 0.01}, Options{}), [][3]string{
		{"3.14", `\pi`, "pass"}, {"3.2", `\pi`, "fail"}, {"-3.14", `\pi`, "fail"}, {"0", "0", "pass"}, {"0.001", "0", "fail"}, {"1e4000", "5", "fail"},
	})
}

func TestChoice(t *testing.T) {
	table(t, opened(t, Spec{Name: "choice"}, Options{}), [][3]string{
		{"B", "B", "pass"}, {"b)", "(B)", "pass"}, {"The answer is (C).", "C", "pass"}, {"The answer is c.", "C", "pass"}, {`\boxed{\text{(D)}}`, "D", "pass"}, {"**Answer:** B", "B", "pass"},
		{"A dog. I think (A) or (B)", "B", "pass"}, {"A dog is here.", "A", "fail"}, {"The answer is a dog", "A", "fail"}, {"we choose\nC.", "C", "pass"}, {"A", "B", "fail"}, {"B", "BC", "refused"}, {"B", "", "refused"},
		{"Answer: B because A is wrong", "B", "pass"}, {"The answer is Berlin", "B", "fail"},
	})
}

func TestRegex(t *testing.T) {
	table(t, opened(t, Spec{Name: "regex"}, Options{}), [][3]string{
		{"it is 42 m", `\b42\b`, "pass"}, {"it is 421 m", `\b42\b`, "fail"}, {"x", "(", "refused"}, {strings.Repeat("a", 1<<20), "(a*)*b", "fail"}, {"x", "", "refused"},
	})
	table(t, opened(t, Spec{Name: "regex", Pattern: `result: (\w+)`}, Options{}), [][3]string{
		{"result: a, result: b", "b", "pass"}, {"result: a, result: b", "a", "fail"}, {"none", "a", "fail"},
	})
}

func TestMajority(t *testing.T) {
	label, votes := plurality([]string{"1/2", "7", "0.5", "", `\frac12`, "7", " "})
	if label != "1/2" || votes["1/2"] != 3 || votes["7"] != 2 || len(votes) != 2 {
		t.Errorf("%q %v", label, votes)
	}
	if label, _ := plurality([]string{"b", "a", "a", "b"}); label != "b" {
		t.Errorf("a tie goes to %q", label)
	}
	if label, _ := plurality(nil); label != "" {
		t.Errorf("nobody votes for %q", label)
	}
	out := judge(t, opened(t, Spec{Name: "majority"}, Options{}),
		Item{Problem: "p", Response: "so 4"}, Item{Problem: "q", Response: "so 9"}, Item{Problem: "p", Response: `\boxed{4}`}, Item{Problem: "p", Response: "I say 5"}, Item{Problem: "r"}, Item{Problem: "r", Response: strings.Repeat("no answer here ", 20)})
	for i, want := range []Verdict{Pass, Pass, Pass, Fail, Refused, Refused} {
		if out[i].Verdict != want {
			t.Errorf("majority: item %d is %v (%s), want %v", i, out[i].Verdict, out[i].Detail, want)
		}
	}
}

func TestVerdictsHaveNames(t *testing.T) {
	for v := Pass; v <= Refused; v++ {
		text, err := json.Marshal(v)
		var back Verdict
		if err != nil || json.Unmarshal(text, &back) != nil || back != v {
			t.Errorf("%v is written %s and read %v", v, text, back)
		}
	}
	var v Verdict
	if v.UnmarshalText([]byte("none")) == nil || v.String() != "none" || v.Judged() {
		t.Error("the zero value passes for a verdict")
	}
}

func TestOpenRefuses(t *testing.T) {
	for hint, s := range map[string]Spec{
		"maths is meant": {Name: "math"}, "tolerance": {Name: "numeric", Tolerance: 2}, "threshold": {Name: "process", Threshold: 1.5}, "aggregate": {Name: "process", Aggregate: "sum"},
		"pattern": {Name: "regex", Pattern: "("}, "splitter": {Name: "process", Splitter: "["}, "no program is given": {Name: "command"}, "no model": {Name: "likelihood"},
		"not found": {Name: "command", Command: []string{"no-such-program-anywhere"}}, "runs no programs": {Name: "starlark"}, "negative": {Name: "exact", Timeout: -time.Second},
	} {
		_, err := Open(s, Options{})
		if err == nil || !strings.Contains(err.Error(), hint) || fault.ExitCode(err) != int(fault.Input) {
			t.Errorf("%+v: %v, want an input error with %q", s, err, hint)
		}
	}
}

// The verifiers that run programs come from outside, and stand behind the same cache.
func TestOpenAsksForPrograms(t *testing.T) {
	program := &counting{rule: always(Pass)}
	var asked string
	v, err := Open(Spec{Name: "starlark"}, Options{Programs: func(name string) (Verifier, error) {
		asked = name
		return program, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	judge(t, v, Item{Response: "a"}, Item{Response: "a"})
	if program.asked["a"] != 1 || asked != "starlark" {
		t.Errorf("%q was opened and asked %v", asked, program.asked)
	}
}

// A verifier that breaks ends its batch with its error, and an outcome keeps the time that its judge gave.
func TestPerItem(t *testing.T) {
	broken := errors.New("broken")
	v := PerItem("odd", 2, func(_ context.Context, it Item) (Outcome, error) {
		if it.Response == "bad" {
			return Outcome{}, broken
		}
		return Outcome{Verdict: Pass, Score: 1, Took: time.Hour}, nil
	})
	if o := judge(t, v, Item{Response: "a"}, Item{Response: "b"}); o[1].Took != time.Hour {
		t.Errorf("took %v", o[1].Took)
	}
	if _, err := v.Verify(context.Background(), []Item{{Response: "a"}, {Response: "bad"}, {Response: "c"}}); !errors.Is(err, broken) {
		t.Errorf("%v, want the judge's error", err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, name := range []string{"exact", "maths", "majority"} {
		if _, err := opened(t, Spec{Name: name}, Options{}).Verify(ctx, []Item{{Response: "a", Answer: "a"}}); err == nil {
			t.Errorf("%s goes on after the context is cancelled", name)
		}
	}
}

func TestExtractedIsShort(t *testing.T) {
	long := strings.Repeat("é", 1<<16)
	o := judge(t, opened(t, Spec{Name: "exact"}, Options{}), Item{Response: long, Answer: long})[0]
	if o.Verdict != Pass || len(o.Extracted) > longestExtract+4 {
		t.Errorf("%v with %d bytes extracted", o.Verdict, len(o.Extracted))
	}
}
