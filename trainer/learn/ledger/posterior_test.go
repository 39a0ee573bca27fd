package ledger

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*max(1, math.Abs(b)) }

// TestMoments checks against integrals of the Beta density, by the midpoint rule.
func TestMoments(t *testing.T) {
	for _, q := range []Posterior{{1, 1}, {3, 1.5}, {2, 9}, {5.5, 5.5}} {
		const steps = 200000
		var norm, mean, square, signal, zero float64
		for i := range steps {
			p := (float64(i) + 0.5) / steps
			w := math.Pow(p, q.Alpha-1) * math.Pow(1-p, q.Beta-1)
			norm += w
			mean += w * p
			square += w * p * p
			signal += w * p * (1 - p)
			zero += w * (math.Pow(p, 8) + math.Pow(1-p, 8))
		}
		mean, square, signal, zero = mean/norm, square/norm, signal/norm, zero/norm
		for _, x := range []struct {
			name      string
			got, want float64
		}{{"mean", q.Mean(), mean}, {"variance", q.Variance(), square - mean*mean}, {"signal", q.Signal(), signal}, {"zero signal", q.ZeroSignal(8), zero}} {
			if !near(x.got, x.want, 1e-6) {
				t.Errorf("%+v: %s is %v, the integral %v", q, x.name, x.got, x.want)
			}
		}
		if !near(q.Signal(), q.Mean()*(1-q.Mean())-q.Variance(), 1e-12) {
			t.Errorf("%+v: the signal is not mean (1-mean) - variance", q)
		}
	}
}

// TestKnownRate: with much evidence for a rate the share of groups without signal is p^G + (1-p)^G.
func TestKnownRate(t *testing.T) {
	data, err := os.ReadFile("../../objective/testdata/loss_vectors.json")
	must(t, err)
	var vectors struct {
		Diagnostics struct {
			NoGradient []struct {
				G     int
				P     float64
				Value float64
			} `json:"no_gradient_probability"`
		} `json:"diagnostics"`
	}
	must(t, json.Unmarshal(data, &vectors))
	if len(vectors.Diagnostics.NoGradient) < 10 {
		t.Fatal("the block no_gradient_probability was not read")
	}
	for _, x := range vectors.Diagnostics.NoGradient {
		q := Posterior{1e9 * x.P, 1e9 * (1 - x.P)}
		if got := q.ZeroSignal(x.G); !near(got, x.Value, 1e-6) {
			t.Errorf("G %d, p %v: got %v, want %v", x.G, x.P, got, x.Value)
		}
	}
}

func TestDecided(t *testing.T) {
	for _, x := range []struct {
		successes, trials, group int
		want                     Outcome
	}{{0, 0, 8, Undecided}, {0, 7, 8, Undecided}, {7, 7, 8, Undecided}, {1, 2, 8, Signal}, {7, 8, 8, Signal}, {0, 8, 8, NoSignal}, {8, 8, 8, NoSignal}, {0, 1, 1, NoSignal}} {
		if got := Decided(x.successes, x.trials, x.group); got != x.want {
			t.Errorf("%d of %d in a group of %d: %v, want %v", x.successes, x.trials, x.group, got, x.want)
		}
	}
}

// TestMixed sums over all ways in which the rest of a group can go.
func TestMixed(t *testing.T) {
	q := Posterior{2, 5}
	for group := 1; group <= 6; group++ {
		for trials := range group + 1 {
			for successes := range trials + 1 {
				got, want := q.Mixed(successes, trials, group), enumerate(q, successes, trials, group)
				if !near(got, want, 1e-12) {
					t.Errorf("%d of %d in a group of %d: %v, want %v", successes, trials, group, got, want)
				}
			}
		}
	}
}

func enumerate(q Posterior, successes, trials, group int) float64 {
	if trials == group {
		if successes > 0 && successes < group {
			return 1
		}
		return 0
	}
	p := (q.Alpha + float64(successes)) / (q.Alpha + q.Beta + float64(trials))
	return p*enumerate(q, successes+1, trials+1, group) + (1-p)*enumerate(q, successes, trials+1, group)
}
