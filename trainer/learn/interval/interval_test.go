package interval

import (
	"math"
	"testing"

	"spar/internal/rng"
)

// TestStudent compares with printed tables of the t distribution.
func TestStudent(t *testing.T) {
	for _, x := range []struct {
		p       float64
		freedom int
		want    float64
	}{{0.975, 1, 12.7062047}, {0.975, 2, 4.30265273}, {0.95, 4, 2.13184679}, {0.975, 10, 2.22813885}, {0.995, 30, 2.74999565}, {0.975, 1000, 1.96233908}, {0.975, 1e6, 1.95996636}, {0.025, 10, -2.22813885}, {0.5, 3, 0}} {
		if got := Student(x.p, x.freedom); math.Abs(got-x.want) > 1e-7*max(1, math.Abs(x.want)) {
			t.Errorf("t(%v, %d) = %.9f, want %.9f", x.p, x.freedom, got, x.want)
		}
	}
}

// TestCoverage draws small samples of a known mean: the interval holds it as often as it says.
func TestCoverage(t *testing.T) {
	r := rng.NewStream(5)
	const trials, n = 4000, 6
	held := 0
	for range trials {
		values := make([]float64, n)
		for i := range values {
			values[i] = 3 + math.Sqrt(-2*math.Log(1-r.Float64()))*math.Cos(2*math.Pi*r.Float64())
		}
		if x := Of(values, 0.9); x.Low <= 3 && 3 <= x.High {
			held++
		}
	}
	if share := float64(held) / trials; math.Abs(share-0.9) > 0.015 {
		t.Errorf("a 90 %% interval held the mean in %.3f of the trials", share)
	}
}

func TestFewValues(t *testing.T) {
	for _, values := range [][]float64{nil, {2}} {
		if x := Of(values, 0.95); !math.IsInf(x.Low, -1) || !math.IsInf(x.HalfWidth(), 1) || x.N != len(values) {
			t.Errorf("%v: %+v", values, x)
		}
	}
	if x := Of([]float64{1, 1, 1}, 0.95); x.Low != 1 || x.High != 1 {
		t.Errorf("equal values have the interval %+v", x)
	}
}
