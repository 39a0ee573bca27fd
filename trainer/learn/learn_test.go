package learn

import (
	"math"
	"slices"
	"testing"

	"spar/internal/rng"
	"spar/trainer/learn/interval"
)

func around(mean, spread float64, n int, seed uint64) []float64 {
	r := rng.NewStream(seed)
	out := make([]float64, n)
	for i := range out {
		out[i] = mean + spread*(2*r.Float64()-1)
	}
	return out
}

func TestJudge(t *testing.T) {
	for _, x := range []struct {
		name       string
		gap        []float64
		resolution float64
		want       Verdict
	}{
		{"a clear gap", around(0.5, 1, 200, 1), 0.1, Remaining},
		{"a small gap, many pairs", around(0.02, 0.1, 2000, 2), 0.1, Remaining},
		{"none", around(0, 0.5, 2000, 3), 0.1, Reached},
		{"none, few pairs", around(0, 2, 20, 4), 0.1, Unknown},
		{"the wrong way", around(-0.5, 1, 200, 5), 0.1, Reversed},
		{"one pair", []float64{0}, 0.1, Unknown},
		{"nothing", nil, 0.1, Unknown},
	} {
		gap := interval.Of(x.gap, 0.95)
		if got := Judge(gap, x.resolution); got != x.want {
			t.Errorf("%s: %v, want %v (%+v)", x.name, got, x.want, gap)
		}
	}
}

// TestGaps: the meters of a distribution against samples, at the best discriminator, reach their divergences exactly.
func TestGaps(t *testing.T) {
	p, q := []float64{0.5, 0.3, 0.2}, []float64{0.2, 0.2, 0.6}
	mean := func(w []float64, r []float64, gap func(r, g []float64) []float64, side int) float64 {
		total := 0.0
		for i := range w {
			pair := [2][]float64{{0}, {0}}
			pair[side][0] = r[i]
			total += w[i] * gap(pair[0], pair[1])[0]
		}
		return total
	}
	js, chi := 0.0, 0.0
	ratio, square := make([]float64, 3), make([]float64, 3)
	const c = 0.5
	for i := range p {
		m := (p[i] + q[i]) / 2
		js += (p[i]*math.Log(p[i]/m) + q[i]*math.Log(q[i]/m)) / 2
		chi += (p[i] - m) * (p[i] - m) / m
		ratio[i], square[i] = math.Log(p[i]/q[i]), (p[i]-q[i])/(p[i]+q[i])/c
	}
	zero := JensenShannonGap([]float64{0}, []float64{0})[0]
	if got := mean(p, ratio, JensenShannonGap, 0) + mean(q, ratio, JensenShannonGap, 1) - zero; math.Abs(got-js) > 1e-12 {
		t.Errorf("Jensen-Shannon: %v, want %v", got, js)
	}
	square2 := func(r, g []float64) []float64 { return ChiSquareGap(r, g, c) }
	if got := mean(p, square, square2, 0) + mean(q, square, square2, 1); math.Abs(got-chi/c) > 1e-12 {
		t.Errorf("chi-squared: %v, want %v", got, chi/c)
	}
	if got := MarginGap([]float64{3}, []float64{1}); got[0] != 2 {
		t.Errorf("margin %v", got)
	}
	if got := JensenShannonGap([]float64{1e4}, []float64{-1e4}); got[0] != math.Ln2 {
		t.Errorf("a perfect discriminator gives %v, want ln 2", got)
	}
}

func TestDrifts(t *testing.T) {
	l := Limits{RealLogpDrop: 0.1, LengthRatio: 1.5, EntropyLoss: 0.3}
	before := Health{RealLogp: -2, Length: 40, Entropy: 1}
	for _, x := range []struct {
		name  string
		after Health
		want  []string
	}{
		{"better", Health{-1.5, 42, 0.95}, nil},
		{"at the limits", Health{-2.09, 59, 0.71}, nil},
		{"forgot", Health{-2.2, 40, 1}, []string{"real_logp"}},
		{"longer", Health{-2, 61, 1}, []string{"length"}},
		{"shorter", Health{-2, 26, 1}, []string{"length"}},
		{"says nothing", Health{-2, 0, 1}, []string{"length"}},
		{"collapsed", Health{-3, 10, 0.1}, []string{"real_logp", "length", "entropy"}},
		{"not measured", Health{math.NaN(), math.NaN(), math.NaN()}, nil},
	} {
		var names []string
		for _, d := range Drifts(before, x.after, l) {
			names = append(names, d.Name)
		}
		if !slices.Equal(names, x.want) {
			t.Errorf("%s: %v, want %v", x.name, names, x.want)
		}
	}
	if d := Drifts(before, Health{-9, 400, 0}, Limits{}); len(d) != 0 {
		t.Errorf("limits that are off gave %v", d)
	}
}

// TestBF16 checks the rounding over bit patterns against the definition: the nearer neighbour, or the even one.
func TestBF16(t *testing.T) {
	r := rng.NewStream(9)
	for range 200000 {
		bits := uint32(r.Uint64())
		x := math.Float32frombits(bits)
		if y := float64(x); math.IsNaN(y) || math.Abs(y) > 3e38 {
			continue
		}
		low := bits &^ 0xffff
		a, b := float64(math.Float32frombits(low)), float64(math.Float32frombits(low+0x10000))
		want := low >> 16
		if da, db := math.Abs(float64(x)-a), math.Abs(b-float64(x)); db < da || da == db && want&1 == 1 {
			want++
		}
		if got := bf16(bits); got != want {
			t.Fatalf("%x rounds to %x, want %x", bits, got, want)
		}
	}
}

func TestVisible(t *testing.T) {
	before := []float32{1, 1, 1, 1, 0, -2}
	after := []float32{1, 1 + 1.0/1024, 1 + 1.0/128, 1 - 1.0/128, 1e-30, -2}
	v := VisibleOf(before, after)
	if v != (Visible{6, 4, 3}) || v.Share() != 0.5 || math.Abs(v.MovedShare()-4.0/6) > 1e-15 {
		t.Errorf("%+v", v)
	}
	v.Add(VisibleOf(before[:2], after[:2]))
	if v != (Visible{8, 5, 3}) {
		t.Errorf("added %+v", v)
	}
	if empty := VisibleOf(nil, nil); empty.Share() != 0 {
		t.Error("the share of nothing")
	}
}

// TestPredictedShare: an update of a fixed size d on weights spread evenly between two powers of two is seen by d/(spacing) of them.
func TestPredictedShare(t *testing.T) {
	const n, d = 1 << 20, 1e-5
	r := rng.NewStream(1)
	before, after := make([]float32, n), make([]float32, n)
	for i := range before {
		before[i] = float32(0.0157 + 0.0153*r.Float64()) // bf16 spacing 2^-13 between 1/64 and 1/32
		after[i] = before[i] + d
	}
	got, want := VisibleOf(before, after).Share(), d*(1<<13)
	if math.Abs(got-want) > 0.03*want {
		t.Errorf("share %v, want %v", got, want)
	}
}

func BenchmarkVisible(b *testing.B) {
	before, after := make([]float32, 1<<20), make([]float32, 1<<20)
	for i := range before {
		before[i] = float32(i) * 1e-6
		after[i] = before[i] * 1.0001
	}
	b.SetBytes(8 << 20)
	for b.Loop() {
		if VisibleOf(before, after).Seen == 0 {
			b.Fatal("nothing was seen")
		}
	}
}
