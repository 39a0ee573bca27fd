package evolve

import (
	"context"
	"math"
	"strings"
	"testing"

	"spar/internal/fault"
)

func score(t *testing.T, task Task, program string, heldOut bool) Evaluation {
	t.Helper()
	v, err := task.Evaluate(context.Background(), inProcess{}, program, heldOut)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// packByHand is best fit or first fit without any Starlark.
func packByHand(items []int, best bool) int {
	var rooms []int
	for _, x := range items {
		at := -1
		for i, room := range rooms {
			if room >= x && (at < 0 || best && room < rooms[at]) {
				at = i
			}
		}
		if at < 0 {
			rooms, at = append(rooms, binCapacity), len(rooms)
		}
		rooms[at] -= x
	}
	return len(rooms)
}

func TestBaselinesOfBinPacking(t *testing.T) {
	task := BinPacking{}
	for i, b := range task.Baselines() {
		for _, heldOut := range []bool{false, true} {
			want := 0.0
			for _, items := range task.instances(heldOut) {
				want -= 100 * (float64(packByHand(items, i == 1))/float64(leastBins(items)) - 1) / binInstances
			}
			got := score(t, task, b.Program, heldOut)
			t.Logf("%s, held out %v: %s", b.Name, heldOut, got.Detail)
			if math.Abs(got.Score-want) > 1e-9 || want > -1 {
				t.Errorf("%s: %+v, want %v", b.Name, got, want)
			}
		}
	}
}

func TestItemsAreWeibull(t *testing.T) {
	sum, n := 0.0, 0.0
	for _, heldOut := range []bool{false, true} {
		for _, items := range (BinPacking{}).instances(heldOut) {
			for _, x := range items {
				sum, n = sum+float64(x), n+1
			}
		}
	}
	if want := weibullScale * math.Gamma(1+1.0/weibullShape); math.Abs(sum/n-want) > 1.5 {
		t.Errorf("the mean item is %.2f, want %.2f", sum/n, want)
	}
}

func TestPackingsAreChecked(t *testing.T) {
	for _, c := range []struct {
		where []int
		bins  int
		ok    bool
	}{{[]int{0, 1, 0}, 2, true}, {[]int{0, 0, 1}, 0, false}, {[]int{0, 2, 1}, 0, false}, {[]int{0, 1}, 0, false}, {[]int{-1, 0, 1}, 0, false}} {
		if bins, ok := packed([]int{60, 50, 40}, c.where); bins != c.bins || ok != c.ok {
			t.Errorf("%v: %d %v", c.where, bins, ok)
		}
	}
}

func TestBaselinesOfCapSets(t *testing.T) {
	task := CapSet{}
	for heldOut, want := range map[bool]float64{false: 16, true: 32} {
		if got := score(t, task, task.Seed(), heldOut); got.Score != want {
			t.Errorf("lexicographic: %+v, want %v", got, want)
		}
	}
}

// The vectors of a set are checked pair by pair against the definition of a line.
func TestCapSetsHaveNoLines(t *testing.T) {
	const n = 4
	priorities := make([]float64, 81)
	for i := range priorities {
		priorities[i] = float64(i * 37 % 81)
	}
	set := greedyCap(priorities, n)
	if len(set) < 12 {
		t.Fatalf("only %d vectors", len(set))
	}
	digit := func(v, i int) int {
		for range i {
			v /= 3
		}
		return v % 3
	}
	for _, a := range set {
		for _, b := range set {
			for _, c := range set {
				line := a != b && b != c && a != c
				for i := range n {
					line = line && (digit(a, i)+digit(b, i)+digit(c, i))%3 == 0
				}
				if line {
					t.Fatalf("%d, %d and %d are on a line", a, b, c)
				}
			}
		}
	}
}

func TestBadProgramsHaveNoScore(t *testing.T) {
	for name, program := range map[string]string{
		"nothing": "", "no text": "priority = 3\n", "syntax": "def priority(:\n", "division": "def priority(a, b, c=0):\n    return 1 // 0\n",
		"own harness": "def priority(a, b, c=0):\n    return 0\ndef pack_all(i, c):\n    return []\ndef rank_all(n):\n    return []\n",
		"endless":     "def priority(a, b, c=0):\n    for i in range(1000000000):\n        pass\n    return 0\n",
	} {
		for _, task := range []Task{BinPacking{}, CapSet{}} {
			if v := score(t, task, program, false); v.Failure == "" {
				t.Errorf("%s on %s: %+v", name, task.Name(), v)
			}
		}
	}
	if v := score(t, CapSet{}, "def priority(v, n):\n    return float('nan')\n", false); !strings.Contains(v.Failure, "numbers") {
		t.Errorf("not a number: %+v", v)
	}
}

func TestTaskNames(t *testing.T) {
	for _, name := range []string{"bin_packing", "cap_set"} {
		if task, err := NewTask(name); err != nil || task.Name() != name {
			t.Errorf("%s: %v %v", name, task, err)
		}
	}
	if _, err := NewTask("sorting"); fault.ExitCode(err) != int(fault.Usage) {
		t.Errorf("%v", err)
	}
}
