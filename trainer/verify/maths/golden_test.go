package maths

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

// pair is a line of testdata/pairs.jsonl after the first.
type pair struct {
	Family, Answer, Response string
	Equal                    bool
}

func pairs(t testing.TB) []pair {
	t.Helper()
	file, err := os.Open("testdata/pairs.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	var head struct{ Pairs int }
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &head) != nil {
		t.Fatal("testdata/pairs.jsonl has no head")
	}
	var out []pair
	for lines.Scan() {
		var p pair
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	if len(out) != head.Pairs || len(out) < 500 {
		t.Fatalf("%d pairs, the head says %d", len(out), head.Pairs)
	}
	return out
}

// maxMissed is the share of equal pairs that may be missed: what is measured, so that it cannot rise unseen.
const maxMissed = 0.01

// The pairs are labelled by SymPy. None that differs may pass, in either order, and none that is equal may be
// called different.
func TestGoldenPairs(t *testing.T) {
	equal, missed := map[string]int{}, map[string]int{}
	total, totalMissed := 0, 0
	for _, p := range pairs(t) {
		got, reason := Compare(p.Answer, p.Response, Options{})
		back, _ := Compare(p.Response, p.Answer, Options{})
		switch {
		case !p.Equal && (got == Equal || back == Equal):
			t.Errorf("false positive (%s): %q passes for %q", p.Family, p.Response, p.Answer)
		case p.Equal && got == Different:
			t.Errorf("%s: %q is called different from %q", p.Family, p.Response, p.Answer)
		}
		if p.Equal {
			equal[p.Family]++
			total++
			if got != Equal {
				missed[p.Family]++
				totalMissed++
				t.Logf("false negative (%s): %q for %q: %s", p.Family, p.Response, p.Answer, reason)
			}
		}
	}
	t.Logf("%d of %d equal pairs missed", totalMissed, total)
	if float64(totalMissed) > maxMissed*float64(total) {
		t.Errorf("%d of %d equal pairs missed, by family %v of %v", totalMissed, total, missed, equal)
	}
}
