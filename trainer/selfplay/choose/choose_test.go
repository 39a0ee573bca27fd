package choose

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestChoose(t *testing.T) {
	in := []Candidate{
		{Task: 2, Sample: 0, Passed: true, Score: 1, Text: "a"},
		{Task: 1, Sample: 1, Passed: true, Score: 1, Text: "x  y", Hinted: true},
		{Task: 1, Sample: 2, Passed: true, Score: 1, Text: "x y"},
		{Task: 1, Sample: 0, Passed: false, Score: 0, Text: "z"},
		{Task: 2, Sample: 1, Passed: true, Score: 0.9, Text: "b"},
		{Task: 2, Sample: 2, Passed: true, Score: 1, Text: "c"},
		{Task: 2, Sample: 3, Passed: true, Score: 0.5, Text: "d"},
	}
	kept, n := Rule{Threshold: 0.5, Dedupe: ByText, MaxPerTask: 2}.Choose(in)
	var got []int
	for _, c := range kept {
		got = append(got, 10*c.Task+c.Sample)
	}
	if want := []int{12, 20, 22}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	if want := (Counts{Candidates: 7, Failed: 1, Low: 1, Duplicate: 1, Capped: 1, Kept: 3, Tasks: 2}); n != want {
		t.Errorf("counts %+v, want %+v", n, want)
	}
}

func TestKeys(t *testing.T) {
	a := Candidate{Text: "He has 3 + 4 = 7 apples, then 7*2=14.", Answer: "14"}
	b := Candidate{Text: "First 3+4 = 7. After that it doubles: 7 * 2 = 14", Answer: "14"}
	c := Candidate{Text: "Twice: 3*2 = 6, 4*2 = 8 and 6 + 8 = 14.", Answer: "14"}
	if ByPath.Key(a) != ByPath.Key(b) || ByPath.Key(a) == ByPath.Key(c) {
		t.Errorf("paths %q, %q, %q: want the first two equal and the third another", ByPath.Key(a), ByPath.Key(b), ByPath.Key(c))
	}
	if ByAnswer.Key(a) != ByAnswer.Key(c) || ByText.Key(a) == ByText.Key(b) {
		t.Error("answers are equal and texts are not")
	}
	if plain := (Candidate{Text: "no sums  here"}); ByPath.Key(plain) != "no sums here" {
		t.Errorf("a response without equations has the path %q, want its text", ByPath.Key(plain))
	}
}

// TestOrder: the outcome does not depend on the order of the candidates, and every candidate is counted once.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Candidate {
			return Candidate{Task: rapid.IntRange(0, 3).Draw(t, "task"), Hinted: rapid.Bool().Draw(t, "hinted"), Passed: rapid.Bool().Draw(t, "passed"),
				Score: rapid.SampledFrom([]float64{0.2, 0.6, 1}).Draw(t, "score"), Text: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "text")}
		}), 0, 30).Draw(t, "candidates")
		for i := range in {
			in[i].Sample = i
		}
		rule := Rule{Threshold: 0.5, Dedupe: rapid.SampledFrom([]Dedupe{Never, ByText}).Draw(t, "dedupe"), MaxPerTask: rapid.IntRange(0, 3).Draw(t, "cap")}
		a, n := rule.Choose(in)
		b, m := rule.Choose(rapid.Permutation(in).Draw(t, "other order"))
		if !slices.Equal(a, b) || n != m {
			t.Fatalf("two orders give %v and %v", a, b)
		}
		if n.Failed+n.Low+n.Duplicate+n.Capped+n.Kept != len(in) {
			t.Fatalf("%+v does not add up to %d", n, len(in))
		}
	})
}
