package trainer

import (
	"math"
	"testing"

	"spar/trainer/config"
	"spar/trainer/learn/ledger"
	"spar/trainer/selfplay/family"
)

// TestLevelWeights: the level whose solve rate in the ledger is nearest to the target is asked for most often, and one never tried counts
// as solved half of the time.
func TestLevelWeights(t *testing.T) {
	c := config.Default("m", "play", "")
	c.Play.Family, c.Play.Levels, c.Play.TargetRate = "arithmetic", 4, 0.5
	f, err := family.Open("arithmetic", family.Options{Levels: 4})
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.New(ledger.DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	for level, passed := range map[int]int{1: 950, 2: 600, 3: 20} {
		if err := l.ObserveLevel(level, 0, passed, 1000); err != nil {
			t.Fatal(err)
		}
	}
	r := &run{c: c, family: f, known: known{0, l}}
	if w, err := r.levelWeights(1); w != nil || err != nil {
		t.Errorf("without a curriculum: %v, %v", w, err)
	}
	c.Play.Curriculum = "steer"
	w, err := r.levelWeights(1)
	if err != nil || len(w) != 4 {
		t.Fatalf("%v, %v", w, err)
	}
	if !(w[3] == 1 && w[3] > w[1] && w[1] > 10*w[0] && w[0] > w[2]) {
		t.Errorf("weights %v", w)
	}
	rate := (1 + 0.8*600) / (2 + 0.8*1000)
	if want := math.Exp(-math.Pow((rate-0.5)/levelWidth, 2) / 2); math.Abs(w[1]-want) > 1e-12 {
		t.Errorf("level 2 has %v, want %v", w[1], want)
	}
}
