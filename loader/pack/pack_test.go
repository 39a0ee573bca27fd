package pack

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"spar/internal/fault"
)

func arrays(need Limits) Arrays {
	return Arrays{
		Token: make([]int32, need.Rows), Position: make([]int32, need.Rows), Target: make([]int32, need.Rows),
		Segment: make([]Segment, need.Segments),
	}
}

func ids(t *rapid.T, label string, least int) []int32 {
	return rapid.SliceOfN(rapid.Int32Range(0, 99), least, 6).Draw(t, label)
}

func groups(t *rapid.T) []Group {
	n := rapid.IntRange(0, 6).Draw(t, "groups")
	gs := make([]Group, n)
	for i := range gs {
		gs[i] = Group{Key: 10 + i, Prompt: ids(t, "prompt", 1)}
		for range rapid.IntRange(0, 4).Draw(t, "responses") {
			gs[i].Responses = append(gs[i].Responses, ids(t, "response", 0))
		}
	}
	return gs
}

// The layout of one small batch, written out by hand.
func TestFillByHand(t *testing.T) {
	gs := []Group{
		{Prompt: []int32{1, 2, 3}, Responses: [][]int32{{4, 5}, {6}}},
		{Prompt: []int32{7}, Responses: [][]int32{{8, 9}}},
	}
	a := arrays(Need(gs))
	rows, segments := Fill(gs, a)
	want := Arrays{
		Token:    []int32{1, 2, 3, 4, 3, 7, 8},
		Position: []int32{0, 1, 2, 3, 2, 0, 1},
		Target:   []int32{-1, -1, 4, 5, 6, 8, 9},
		Segment: []Segment{{FirstRow: 0, NumRows: 2, Prefix: -1}, {FirstRow: 2, NumRows: 2, Prefix: 0},
			{FirstRow: 4, NumRows: 1, Prefix: 0}, {FirstRow: 5, NumRows: 2, Prefix: -1}},
	}
	if d := cmp.Diff(want, a); d != "" || rows != 7 || segments != 4 {
		t.Errorf("rows %d, segments %d, %s", rows, segments, d)
	}
}

// Reading a batch back through its segments gives every prompt and response again.
func TestFillCarriesEverySequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gs := groups(t)
		need := Need(gs)
		a := arrays(need)
		rows, segments := Fill(gs, a)
		if rows != need.Rows || segments != need.Segments {
			t.Fatalf("took %d rows and %d segments, Need says %+v", rows, segments, need)
		}
		checkCover(t, a, rows)
		for i, spans := range Index(gs) {
			for j, s := range spans {
				checkResponse(t, a, gs[i].Prompt, gs[i].Responses[j], s)
			}
		}
		targets := 0
		for _, id := range a.Target {
			if id != NoTarget {
				targets++
			}
		}
		if targets != need.Targets {
			t.Fatalf("%d targets, Need says %d", targets, need.Targets)
		}
	})
}

// Segments cover the rows in order, once each, and name only earlier prefixes.
func checkCover(t *rapid.T, a Arrays, rows int) {
	next := int32(0)
	for i, s := range a.Segment {
		if s.FirstRow != next || s.NumRows < 1 || int(s.Prefix) >= i {
			t.Fatalf("segment %d is %+v, expected first row %d", i, s, next)
		}
		next += s.NumRows
	}
	if int(next) != rows {
		t.Fatalf("segments cover %d of %d rows", next, rows)
	}
}

// The chain of a response's segment spells prompt + response, and its rows predict the response.
func checkResponse(t *rapid.T, a Arrays, prompt, response []int32, s Span) {
	if s.Count != len(response) || !slices.Equal(a.Target[s.First:s.First+s.Count], response) {
		t.Fatalf("span %+v does not predict %v", s, response)
	}
	if s.Count == 0 {
		return
	}
	i := slices.IndexFunc(a.Segment, func(seg Segment) bool { return int(seg.FirstRow) == s.First })
	var tokens, positions []int32
	for _, k := range []int32{a.Segment[i].Prefix, int32(i)} {
		if k >= 0 {
			seg := a.Segment[k]
			tokens = append(tokens, a.Token[seg.FirstRow:seg.FirstRow+seg.NumRows]...)
			positions = append(positions, a.Position[seg.FirstRow:seg.FirstRow+seg.NumRows]...)
		}
	}
	if want := append(slices.Clone(prompt), response[:len(response)-1]...); !slices.Equal(tokens, want) {
		t.Fatalf("rows hold %v, want %v", tokens, want)
	}
	for p, got := range positions {
		if int(got) != p {
			t.Fatalf("positions %v", positions)
		}
	}
}

func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gs := groups(t)
		max := Limits{rapid.IntRange(0, 40).Draw(t, "rows"), rapid.IntRange(0, 12).Draw(t, "segments"),
			rapid.IntRange(0, 30).Draw(t, "targets")}
		batches, err := Split(gs, max)
		if err != nil {
			if !slices.ContainsFunc(gs, func(g Group) bool { return !Need([]Group{g}).within(max) }) {
				t.Fatalf("every group fits, and Split says %v", err)
			}
			return
		}
		var seen []int
		for i, b := range batches {
			var taken []Group
			for _, k := range b {
				taken = append(taken, gs[k])
			}
			if need := Need(taken); len(b) == 0 || !need.within(max) {
				t.Fatalf("batch %d %v needs %+v of %+v", i, b, need, max)
			}
			if i+1 < len(batches) && Need(append(taken, gs[batches[i+1][0]])).within(max) {
				t.Fatalf("batch %d had room for the next group", i)
			}
			seen = append(seen, b...)
		}
		if want := Order(len(gs), 0, 0, false); !slices.Equal(seen, want) {
			t.Fatalf("batches hold %v", seen)
		}
	})
}

func TestSplitNamesTheGroup(t *testing.T) {
	fits := Group{Key: 3, Prompt: []int32{1}, Responses: [][]int32{{1}}}
	for want, g := range map[string]Group{
		"group 41 needs 5 rows":        {Key: 41, Prompt: []int32{1, 2, 3}, Responses: [][]int32{{1, 2, 3}}},
		"group 42 has an empty prompt": {Key: 42, Responses: [][]int32{{1}}},
	} {
		_, err := Split([]Group{fits, g}, Limits{Rows: 4})
		if err == nil || !strings.Contains(err.Error(), want) || fault.ExitCode(err) != 3 {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, seed, epoch := rapid.IntRange(0, 200).Draw(t, "n"), rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 9).Draw(t, "epoch")
		order := Order(n, seed, epoch, true)
		if again := Order(n, seed, epoch, true); !slices.Equal(order, again) {
			t.Fatal("two calls differ")
		}
		if n > 30 && (slices.Equal(order, Order(n, seed, epoch+1, true)) || slices.Equal(order, Order(n, seed+1, epoch, true))) {
			t.Fatal("another epoch or seed gives the same order")
		}
		slices.Sort(order)
		if !slices.Equal(order, Order(n, seed, epoch, false)) {
			t.Fatalf("not a permutation: %v", order)
		}
	})
}
