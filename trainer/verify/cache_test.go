package verify

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
)

// counting says what its rule says and counts how often it was asked about each response.
type counting struct {
	mu    sync.Mutex
	asked map[string]int
	rule  func(it Item, time int) Verdict
}

func (c *counting) Name() string { return "counting" }

func (c *counting) Verify(_ context.Context, batch []Item) ([]Outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked == nil {
		c.asked = map[string]int{}
	}
	out := make([]Outcome, len(batch))
	for i, it := range batch {
		c.asked[it.Response]++
		out[i] = passed(c.rule(it, c.asked[it.Response]) == Pass, "", "")
		out[i].Verdict, out[i].Took = c.rule(it, c.asked[it.Response]), 1
	}
	return out, nil
}

func always(v Verdict) func(Item, int) Verdict { return func(Item, int) Verdict { return v } }

func TestCacheRemembersContent(t *testing.T) {
	c := &counting{rule: always(Fail)}
	v := Cached(c, 100)
	a, b := Item{Response: "a"}, Item{Response: "b"}
	first := judge(t, v, a, b, a)
	again := judge(t, v, b, a)
	if c.asked["a"] != 1 || c.asked["b"] != 1 || first[2].Verdict != Fail || again[0].Verdict != Fail || again[0].Took != 0 {
		t.Errorf("asked %v, outcomes %v %v", c.asked, first, again)
	}
	half := 0.5
	for _, other := range []Item{{Response: "a", Answer: "x"}, {Problem: "a"}, {Response: "a", Tests: "x"}, {Response: "a", Problem: "x"}, {Response: "a", Steps: []Step{{Text: ""}}}, {Response: "a", Steps: []Step{{Score: &half}}}} {
		before := c.asked[other.Response]
		judge(t, v, other)
		if c.asked[other.Response] != before+1 {
			t.Errorf("%+v is taken for another item", other)
		}
	}
}

func TestCacheForgets(t *testing.T) {
	for _, passing := range []Verdict{Timeout, Crash, OOM} {
		c := &counting{rule: always(passing)}
		v := Cached(c, 100)
		judge(t, v, Item{Response: "a"})
		judge(t, v, Item{Response: "a"})
		if c.asked["a"] != 2 {
			t.Errorf("%v is remembered", passing)
		}
	}
	c := &counting{rule: always(Fail)}
	v := Cached(c, 2)
	for _, r := range []string{"a", "b", "a", "c", "a", "b"} { // c drives b out, a is used in between
		judge(t, v, Item{Response: r})
	}
	if c.asked["a"] != 1 || c.asked["b"] != 2 || c.asked["c"] != 1 {
		t.Errorf("asked %v", c.asked)
	}
}

func TestCacheTogether(t *testing.T) {
	v := Cached(&counting{rule: always(Fail)}, 50)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 200 {
				if out, err := v.Verify(context.Background(), []Item{{Response: fmt.Sprint((i + g) % 70)}}); err != nil || out[0].Verdict != Fail {
					t.Errorf("%v %v", out, err)
				}
			}
		})
	}
	all.Wait()
}

// A verifier with known rates is measured as such, and a verdict that flips is told from one that is wrong.
func TestAuditMeasuresRates(t *testing.T) {
	right := func(it Item) bool { return it.Problem == "right" }
	// The hash lets 51/256 of the right ones fail and 77/256 of the wrong ones pass.
	noisy := &counting{rule: func(it Item, _ int) Verdict {
		draw := float64(it.hash()[0])
		if right(it) && draw >= 51 || !right(it) && draw < 77 {
			return Pass
		}
		return Fail
	}}
	truth := &counting{rule: func(it Item, _ int) Verdict { return map[bool]Verdict{true: Pass, false: Fail}[right(it)] }}
	a := NewAudit(noisy, truth, 0.5, 7)
	var batch []Item
	for i := range 8000 {
		batch = append(batch, Item{Problem: []string{"right", "wrong"}[i%2], Response: fmt.Sprint(i)})
	}
	judge(t, a, batch...)
	c := a.Take()
	fp, wrong := c.FalsePositive()
	fn, rights := c.FalseNegative()
	if n := wrong + rights; n < 3800 || n > 4200 {
		t.Errorf("%d of 8000 audited, want about half", n)
	}
	if math.Abs(fp-77.0/256) > 0.04 || math.Abs(fn-51.0/256) > 0.04 || math.Abs(c.YoudenJ()-(1-fp-fn)) > 1e-15 || c.Unstable != 0 {
		t.Errorf("false positive %v, false negative %v, J %v, %+v", fp, fn, c.YoudenJ(), c)
	}
	if len(truth.asked) != wrong+rights {
		t.Errorf("the second verifier saw %d items, counted are %d", len(truth.asked), wrong+rights)
	}
	if again := a.Take(); again != (Counts{}) || !math.IsNaN(again.YoudenJ()) {
		t.Errorf("after Take: %+v", again)
	}
	judge(t, a, batch...)
	if a.Take() != c {
		t.Error("the same items are not audited alike")
	}
}

func TestAuditTellsUnstableFromWrong(t *testing.T) {
	flips := &counting{rule: func(_ Item, time int) Verdict { return map[bool]Verdict{true: Pass, false: Fail}[time == 1] }}
	judge2 := func(v Verifier) { _, _ = v.Verify(context.Background(), []Item{{Response: "a"}}) }
	for name, first := range map[string]Verifier{"bare": flips, "behind a cache": Cached(&counting{rule: flips.rule}, 8)} {
		a := NewAudit(first, &counting{rule: always(Fail)}, 1, 0)
		judge2(a)
		if c := a.Take(); c != (Counts{Unstable: 1}) {
			t.Errorf("a verdict that flips, %s: %+v", name, c)
		}
	}
	a := NewAudit(&counting{rule: always(Timeout)}, &counting{rule: always(Fail)}, 1, 0)
	judge2(a)
	if c := a.Take(); c != (Counts{Unjudged: 1}) {
		t.Errorf("a timeout: %+v", c)
	}
}
