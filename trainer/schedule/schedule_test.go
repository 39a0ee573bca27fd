package schedule

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spar/internal/fault"
)

func near(got, want float64) bool { return math.Abs(got-want) <= 1e-12*math.Abs(want) }

func TestLinearVectors(t *testing.T) {
	data, err := os.ReadFile("../objective/testdata/loss_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Schedule struct {
			Peak   float64
			Total  int                `json:"total_steps"`
			Warmup int                `json:"warmup_steps"`
			At     map[string]float64 `json:"lr_at"`
		} `json:"lr_schedule"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	v := file.Schedule
	s, err := New("linear", v.Peak, v.Total, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	if s.WarmupSteps() != v.Warmup || len(v.At) != 9 {
		t.Errorf("%d warm-up steps, want %d; %d points", s.WarmupSteps(), v.Warmup, len(v.At))
	}
	for step, want := range v.At {
		n, err := strconv.Atoi(step)
		if got := s.At(n); err != nil || !near(got, want) {
			t.Errorf("At(%s) = %.17g, want %.17g", step, got, want)
		}
	}
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		kind  string
		ratio float64
		want  []float64 // after 0, 1, ... completed steps of 4
	}{
		{"constant", 0, []float64{1, 1, 1, 1, 1, 1}},
		{"constant", 0.5, []float64{0, 0.5, 1, 1, 1, 1}},
		{"linear", 0, []float64{1, 0.75, 0.5, 0.25, 0, 0}},
		{"linear", 1, []float64{0, 0.25, 0.5, 0.75, 0, 0}},
		{"cosine", 0.5, []float64{0, 0.5, 1, 0.5, 0, 0}},
	} {
		s, err := New(c.kind, 1, 4, c.ratio)
		if err != nil {
			t.Fatal(err)
		}
		for n, want := range c.want {
			if got := s.At(n); math.Abs(got-want) > 1e-15 {
				t.Errorf("%s, ratio %v: At(%d) = %v, want %v", c.kind, c.ratio, n, got, want)
			}
		}
	}
}

func TestRatesStayBetweenZeroAndPeak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(0, 50).Draw(t, "total")
		s, err := New(rapid.SampledFrom([]string{"constant", "linear", "cosine"}).Draw(t, "kind"), 3, total,
			rapid.Float64Range(0, 1).Draw(t, "ratio"))
		if err != nil {
			t.Fatal(err)
		}
		for n := range total + 3 {
			if lr := s.At(n); !(lr >= 0 && lr <= 3) {
				t.Fatalf("At(%d) = %v", n, lr)
			}
			if n < s.WarmupSteps() && s.At(n+1) < s.At(n) && n+1 < total {
				t.Fatalf("falls during warm-up at %d", n)
			}
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		kind        string
		peak, ratio float64
		steps       int
		want        string
	}{
		{"step", 1, 0, 1, "lr_scheduler_type"}, {"linear", -1, 0, 1, "learning_rate"}, {"linear", math.NaN(), 0, 1, "learning_rate"},
		{"linear", 1, 0, -1, "steps"}, {"linear", 1, 1.5, 1, "warmup_ratio"}, {"linear", 1, math.NaN(), 1, "warmup_ratio"},
	} {
		if _, err := New(c.kind, c.peak, c.steps, c.ratio); err == nil || !strings.HasPrefix(err.Error(), c.want) || fault.ExitCode(err) != 2 {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
