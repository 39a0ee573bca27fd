package suggest

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"seed", "learning_rate", "temperature", "top_k", "top_p"}
	for word, want := range map[string]string{
		"learnig_rate":  "learning_rate",
		"temprature":    "temperature",
		"Seed":          "seed",
		"top_q":         "top_k", // as near as top_p, and before it
		"learning-rate": "learning_rate",
		"optimizer":     "",
		"x":             "",
		"":              "",

		strings.Repeat("learning_rate", 9): "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%.20q: %q, want %q", word, got, want)
		}
	}
	if got := Nearest("seed", nil); got != "" {
		t.Errorf("nothing known, but %q", got)
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"same", "same", 0}} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
