package policy

import (
	"testing"

	"pgregory.net/rapid"
)

// letters decodes id i to the i-th of a few pieces.
type letters []string

func (l letters) Next(id int32) string { return l[id] }

func TestMatcher(t *testing.T) {
	pieces := letters{"a", "b", "", "STO", "P", "xSTOPy"}
	for _, c := range []struct {
		name   string
		stops  []string
		tokens []int32
		want   int
	}{
		{"inside one token", []string{"STOP"}, []int32{0, 5, 1}, 2},
		{"across tokens", []string{"STOP"}, []int32{0, 3, 4, 1}, 3},
		{"across an empty piece", []string{"STOP"}, []int32{3, 2, 4, 1}, 3},
		{"shortest of two", []string{"STOP", "aa"}, []int32{0, 0, 3, 4}, 2},
		{"not there", []string{"STOP"}, []int32{3, 0, 4}, 0},
		{"empty stop string", []string{""}, []int32{0, 1}, 0},
		{"one letter", []string{"b"}, []int32{0, 0, 1, 1}, 3},
	} {
		if n, found := newMatcher(pieces, c.stops).match(c.tokens); n != c.want || found != (c.want > 0) {
			t.Errorf("%s: %d %v, want %d", c.name, n, found, c.want)
		}
	}
}

// TestMatcherPortions wants the same answer however the tokens arrive.
func TestMatcherPortions(t *testing.T) {
	pieces := letters{"a", "b", "ab", ""}
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.SliceOfN(rapid.Int32Range(0, 3), 0, 12).Draw(t, "tokens")
		stops := []string{rapid.StringMatching("[ab]{1,4}").Draw(t, "stop")}
		want, _ := newMatcher(pieces, stops).match(tokens)
		m := newMatcher(pieces, stops)
		for n := 0; n <= len(tokens); n += rapid.IntRange(1, 5).Draw(t, "step") {
			m.match(tokens[:n])
		}
		if got, _ := m.match(tokens); got != want {
			t.Fatalf("in portions %d, at once %d", got, want)
		}
	})
}
