package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"spar/internal/rng"
)

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFiles makes the set twice: the same bytes, the sizes that were asked for, and no problem in both files.
func TestFiles(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, dir := range []string{first, second} {
		if err := run(dir, 300, 100, 7); err != nil {
			t.Fatal(err)
		}
	}
	in := map[string]string{}
	for name, want := range map[string]int{"train.jsonl": 300, "held-out.jsonl": 100} {
		data := read(t, first, name)
		if !bytes.Equal(data, read(t, second, name)) {
			t.Errorf("%s: two runs give different bytes", name)
		}
		rows := strings.Split(strings.TrimSpace(string(data)), "\n")
		if len(rows) != want {
			t.Errorf("%s has %d rows, want %d", name, len(rows), want)
		}
		for _, text := range rows {
			checkRow(t, name, text, in)
		}
	}
}

var number = regexp.MustCompile(`\d+`)

// checkRow looks at one row; in maps a problem to the file that has it.
func checkRow(t *testing.T, name, text string, in map[string]string) {
	t.Helper()
	var row task
	if err := json.Unmarshal([]byte(text), &row); err != nil {
		t.Fatal(err)
	}
	last := row.Problem[len(row.Problem)-1]
	answer, err := strconv.Atoi(row.Answer)
	if err != nil || answer < 0 || last.Role != "user" || strings.ContainsAny(last.Content, "{}") || row.Steps < 1 || row.Steps > 3 {
		t.Errorf("%s: %s", name, text)
	}
	if other, there := in[last.Content]; there {
		t.Errorf("%s and %s share %q", name, other, last.Content)
	}
	in[last.Content] = name
}

// TestAnswers computes some stories' answers from the numbers in their text, in the order of the text.
func TestAnswers(t *testing.T) {
	solve := map[string]func(n []int) int{
		"gets {b} more. How":        func(n []int) int { return n[0] + n[1] },
		"still have?":               func(n []int) int { return n[0] - n[1] },
		"each child get?":           func(n []int) int { return n[0] / n[1] },
		"still missing?":            func(n []int) int { return n[0] - n[1] },
		"have together?":            func(n []int) int { return n[0] + n[1] },
		"How many {things} remain?": func(n []int) int { return n[0]*n[1] - n[2] },
		"end with?":                 func(n []int) int { return n[0] + n[1] - n[2] + n[3] },
		"then finds {d} more":       func(n []int) int { return n[0]*n[1] - n[2] + n[3] },
	}
	checked := 0
	for _, s := range append(trainStories, heldOutStories...) {
		for mark, want := range solve {
			if !strings.Contains(s.text, mark) || strings.Contains(s.text, "than {who}") {
				continue
			}
			draw := rng.NewStream(1)
			for range 50 {
				problem, got := s.tell(draw)
				if got < 0 {
					continue
				}
				var n []int
				for _, m := range number.FindAllString(problem, -1) {
					x, _ := strconv.Atoi(m)
					n = append(n, x)
				}
				if checked++; want(n) != got {
					t.Fatalf("%s: the answer is %d, the set says %d", problem, want(n), got)
				}
			}
		}
	}
	if checked < 300 {
		t.Errorf("only %d answers were computed", checked)
	}
}

// TestNoSense: what is taken away must be there.
func TestNoSense(t *testing.T) {
	if taken(5, 2, 4) != -1 || plus(taken(1, 2), 9) != -1 || taken(5, 2, 3) != 0 {
		t.Error("a story goes below zero")
	}
	if _, err := draw([]story{{1, "always {a}", func(a, _, _, _ int) int { return a }}}, 100, rng.NewStream(0)); err == nil {
		t.Error("a hundred different problems are told with nine numbers")
	}
}
