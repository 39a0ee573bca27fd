package search

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spar/internal/fault"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		text      string
		splitters []string
		want      []string
	}{
		{"a\nb\n", []string{"\n"}, []string{"a\n", "b\n"}},
		{"a\n\nb", []string{"\n", "\n\n"}, []string{"a\n\n", "b"}},
		{"1 then 2, 3", []string{" then", ","}, []string{"1 then", " 2,", " 3"}},
		{"whole", nil, []string{"whole"}},
		{"", []string{"\n"}, nil},
	} {
		if got := Split(c.text, c.splitters); !slices.Equal(got, c.want) {
			t.Errorf("%q by %q: %q, want %q", c.text, c.splitters, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching("[ab\n]{0,20}").Draw(t, "text")
		parts := Split(text, []string{"\n", "ab"})
		if strings.Join(parts, "") != text || slices.Contains(parts, "") {
			t.Fatalf("%q is cut into %q", text, parts)
		}
	})
}

func TestAggregations(t *testing.T) {
	for name, want := range map[string]float64{AggregateMin: 0.25, AggregateProd: 0.0625, AggregateLast: 0.5, AggregateMean: 0.41666666666666669} {
		f, err := aggregation(name)
		if err != nil || f([]float64{0.5, 0.25, 0.5}) != want {
			t.Errorf("%s: %v, %v", name, f([]float64{0.5, 0.25, 0.5}), err)
		}
	}
	if _, err := aggregation("max"); fault.ExitCode(err) != int(fault.Usage) {
		t.Errorf("max: %v", err)
	}
}
