package ledger

import (
	"math"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"spar/internal/rng"

	"pgregory.net/rapid"
)

func key(i int) Key { return KeyOf("test", strconv.Itoa(i)) }

func open(t testing.TB, p Params) *Ledger {
	t.Helper()
	l, err := New(p)
	must(t, err)
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestKeys(t *testing.T) {
	k := KeyOf("a", "bc")
	back, err := ParseKey(k.String())
	must(t, err)
	if back != k || len(k.String()) != 32 {
		t.Errorf("%v came back as %v", k, back)
	}
	if k == KeyOf("ab", "c") || k == KeyOf("a", "bc", "") {
		t.Error("parts run into each other")
	}
	for _, bad := range []string{"", "12", k.String() + "00", "zz" + k.String()[2:]} {
		if _, err := ParseKey(bad); err == nil {
			t.Errorf("%q was taken for a key", bad)
		}
	}
}

// TestDiscounting follows one task over iterations against the sums written out.
func TestDiscounting(t *testing.T) {
	l := open(t, Params{Forgetting: 0.5, PriorAlpha: 1, PriorBeta: 2})
	k := key(1)
	must(t, l.Observe(k, 0, 4, 8))
	must(t, l.Observe(k, 0, 0, 2)) // the same iteration adds up
	must(t, l.Observe(k, 2, 1, 8))
	task, seen := l.Lookup(k)
	want := Task{Successes: 4*0.25 + 1, Failures: 6*0.25 + 7, Trials: 18, Last: 2}
	if !seen || task != want {
		t.Errorf("got %+v, want %+v", task, want)
	}
	if q := l.Posterior(task, 3); q != (Posterior{1 + 0.5*2, 2 + 0.5*8.5}) {
		t.Errorf("an iteration later the posterior is %+v", q)
	}
	if q := l.Posterior(task, 200); math.Abs(q.Mean()-1.0/3) > 1e-12 {
		t.Errorf("a forgotten task has mean %v, want the prior's", q.Mean())
	}
	if q := l.Posterior(Task{}, 7); q != (Posterior{1, 2}) {
		t.Errorf("an unseen task has %+v, want the prior", q)
	}
	if _, seen := l.Lookup(key(2)); seen {
		t.Error("a task that was never observed was found")
	}
}

// TestLevels: levels are discounted as tasks are, whatever order they come in, and are no tasks.
func TestLevels(t *testing.T) {
	l := open(t, Params{Forgetting: 0.5, PriorAlpha: 1, PriorBeta: 2})
	must(t, l.ObserveLevel(3, 0, 40, 100))
	must(t, l.ObserveLevel(1, 1, 90, 100))
	must(t, l.ObserveLevel(3, 2, 10, 80))
	if got, want := l.Level(3), (Task{Successes: 20, Failures: 85, Trials: 180, Last: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if l.Level(1).Trials != 100 || l.Level(2) != (Task{}) || l.Len() != 0 {
		t.Errorf("level 1 %+v, level 2 %+v, %d tasks", l.Level(1), l.Level(2), l.Len())
	}
	for _, bad := range [][4]int{{0, 3, 1, 2}, {-1, 3, 1, 2}, {3, 1, 1, 2}, {3, 3, 3, 2}} {
		if err := l.ObserveLevel(bad[0], bad[1], bad[2], bad[3]); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

func TestObservationsAreChecked(t *testing.T) {
	l := open(t, DefaultParams())
	must(t, l.Observe(key(1), 3, 1, 2))
	for _, bad := range []struct{ iteration, successes, trials int }{{2, 1, 2}, {-1, 0, 1}, {3, 3, 2}, {3, -1, 2}, {3, 0, -1}} {
		if err := l.Observe(key(1), bad.iteration, bad.successes, bad.trials); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	if task, _ := l.Lookup(key(1)); task.Trials != 2 || l.Len() != 1 {
		t.Errorf("refused observations changed the ledger: %+v, %d tasks", task, l.Len())
	}
	for _, p := range []Params{{0, 1, 1}, {1.1, 1, 1}, {0.5, 0, 1}, {0.5, 1, math.NaN()}, {0.5, math.Inf(1), 1}} {
		if _, err := New(p); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
}

// TestAgainstMap compares the table with a map over random observations, through many splits.
func TestAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rng.NewStream(rapid.Uint64().Draw(t, "seed"))
		l, _ := New(Params{Forgetting: 0.75, PriorAlpha: 1, PriorBeta: 1})
		want := map[Key]Task{}
		for range rapid.IntRange(1, 20000).Draw(t, "observations") {
			k, i, s := key(r.IntN(15000)), 0, r.IntN(9)
			task, seen := want[k]
			if seen {
				i = task.Last + r.IntN(3)
			}
			keep := math.Pow(0.75, float64(i-task.Last))
			if err := l.Observe(k, i, s, 8); err != nil {
				t.Fatal(err)
			}
			want[k] = Task{float64(float32(keep*task.Successes + float64(s))), float64(float32(keep*task.Failures + float64(8-s))), task.Trials + 8, i}
		}
		if l.Len() != len(want) {
			t.Fatalf("%d tasks, want %d", l.Len(), len(want))
		}
		for k, task := range want {
			if got, seen := l.Lookup(k); !seen || got != task {
				t.Fatalf("%v: got %+v, want %+v", k, got, task)
			}
		}
		n := 0
		for k, task := range l.Each() {
			if want[k] != task {
				t.Fatalf("Each gives %v as %+v, want %+v", k, task, want[k])
			}
			n++
		}
		if n != len(want) {
			t.Fatalf("Each gives %d tasks, want %d", n, len(want))
		}
	})
}

// TestPoorKeys: keys that are counters, not hashes, spread over the pages all the same.
func TestPoorKeys(t *testing.T) {
	l := open(t, DefaultParams())
	for i := range uint64(50000) {
		must(t, l.Observe(Key{0, i}, 0, 0, 1))
		must(t, l.Observe(Key{i, 0}, 0, 0, 1))
	}
	if l.depth > 7 {
		t.Errorf("100,000 keys need %d bits of directory", l.depth)
	}
}

// TestCrowded fills a page with keys of one place: an error, neither a hang nor a panic.
func TestCrowded(t *testing.T) {
	l := open(t, DefaultParams())
	var err error
	for i := range uint64(pageFull + 1) {
		if err = l.Observe(Key{i, i * 0x9e3779b97f4a7c15}, 0, 1, 1); err != nil {
			break
		}
	}
	if err == nil || l.Len() != pageFull {
		t.Fatalf("%d keys of one place: %v", l.Len(), err)
	}
	must(t, l.Observe(Key{0, 0}, 1, 1, 1)) // those that are in stay usable
}

// TestMemory bounds the bytes a task takes, as counted and as the runtime sees them.
func TestMemory(t *testing.T) {
	const n = 400_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	l := open(t, DefaultParams())
	for i := range n {
		must(t, l.Observe(key(i), 0, 1, 2))
		if used := float64(l.Bytes()) / float64(i+1); i > 100_000 && i%1000 == 0 && used > 90 {
			t.Fatalf("%d tasks take %.1f bytes each", i+1, used)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	if own := l.Bytes(); held > own+own/10 {
		t.Errorf("the heap grew by %d bytes, Bytes says %d", held, own)
	}
	runtime.KeepAlive(l)
}

func TestEachIsOrdered(t *testing.T) {
	a, b := open(t, DefaultParams()), open(t, DefaultParams())
	for i := range 10000 {
		must(t, a.Observe(key(i), 0, 1, 1))
		must(t, b.Observe(key(9999-i), 0, 1, 1))
	}
	list := func(l *Ledger) (out []Key) {
		for k := range l.Each() {
			out = append(out, k)
		}
		return out
	}
	if x := list(a); !slices.Equal(x, list(b)) || !slices.IsSortedFunc(x, func(p, q Key) int {
		if p.before(q) {
			return -1
		}
		return 1
	}) {
		t.Error("the order depends on the order of insertion")
	}
}
