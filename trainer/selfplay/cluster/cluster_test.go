package cluster

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"spar/internal/rng"
)

// square makes a symmetric matrix of the distances below the diagonal.
func square(rows ...[]float64) [][]float64 {
	out := make([][]float64, len(rows)+1)
	for i := range out {
		out[i] = make([]float64, len(rows)+1)
	}
	for i, row := range rows {
		for j, d := range row {
			out[i+1][j], out[j][i+1] = d, d
		}
	}
	return out
}

// TestAverage: by hand, with the decisions that single and complete linkage would take otherwise.
func TestAverage(t *testing.T) {
	for _, c := range []struct {
		name     string
		distance [][]float64
		want     []int
	}{
		{"one", [][]float64{{0}}, []int{0}},
		{"at the threshold", square([]float64{0.5}), []int{0, 1}},
		{"below it", square([]float64{0.49}), []int{0, 0}},
		// 0 and 1 join at 0.1; 2 is then at (0.9 + 0.4) / 2 = 0.65, where single linkage would join it at 0.4.
		{"not single", square([]float64{0.1}, []float64{0.9, 0.4}), []int{0, 0, 2}},
		// The mean is (0.7 + 0.2) / 2 = 0.45, where complete linkage would stay apart at 0.7.
		{"not complete", square([]float64{0.1}, []float64{0.7, 0.2}), []int{0, 0, 0}},
		// 1, 2 and 3 join; 0 is at (0.3 + 0.6 + 0.9) / 3 = 0.6, where the unweighted mean of means would be ((0.3 + 0.6) / 2 + 0.9) / 2 = 0.675.
		{"by items", square([]float64{0.3}, []float64{0.6, 0.1}, []float64{0.9, 0.2, 0.2}), []int{0, 1, 1, 1}},
		// With 0.2 in place of 0.3 and 0.5 of 0.9 it is 1.3 / 3, below 1/2 (and 0.45 in the other way).
		{"by items, near", square([]float64{0.2}, []float64{0.6, 0.1}, []float64{0.5, 0.2, 0.2}), []int{0, 0, 0, 0}},
	} {
		if got := average(c.distance, threshold); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if got := average(nil, threshold); len(got) != 0 {
		t.Errorf("nothing has the clusters %v", got)
	}
}

// direct is average as its definition reads: means over all pairs of items, anew in every turn.
func direct(distance [][]float64, threshold float64) []int {
	labels := make([]int, len(distance))
	for i := range labels {
		labels[i] = i
	}
	for {
		best, first, second := threshold, -1, -1
		for a := range distance {
			for b := a + 1; b < len(distance); b++ {
				sum, pairs := 0.0, 0.0
				for i := range distance {
					for j := range distance {
						if labels[i] == a && labels[j] == b {
							sum, pairs = sum+distance[i][j], pairs+1
						}
					}
				}
				if pairs > 0 && sum/pairs < best {
					best, first, second = sum/pairs, a, b
				}
			}
		}
		if first < 0 {
			return labels
		}
		for i, label := range labels {
			if label == second {
				labels[i] = first
			}
		}
	}
}

func TestAverageIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 9).Draw(t, "items")
		var rows [][]float64
		for i := 1; i < n; i++ { // and sines, so that no two means are equal
			rows = append(rows, rapid.SliceOfN(rapid.Float64Range(0.01, 0.99), i, i).Draw(t, "distances"))
		}
		for i := range rows {
			for j := range rows[i] {
				rows[i][j] += 1e-3 * math.Sin(float64(i*n+j+1))
			}
		}
		want := direct(square(rows...), threshold)
		if got := average(square(rows...), threshold); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

// TestShares: three questions that differ in their last word, twice the same, one of its own, and two that could not be read.
func TestShares(t *testing.T) {
	question := "what is the sum of the first ten numbers that are"
	texts := []string{question + " even", question + " odd", question + " prime", "name a triangle", "name a triangle", "how many moons has the planet", "", ""}
	want := []float64{3. / 8, 3. / 8, 3. / 8, 2. / 8, 2. / 8, 1. / 8, 1. / 8, 1. / 8}
	if got := Shares(texts); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	slices.Reverse(texts)
	slices.Reverse(want)
	if got := Shares(texts); !slices.Equal(got, want) {
		t.Errorf("in the other order %v, want %v", got, want)
	}
}

// TestBorder: of words whose BLEU is by hand on either side of 1/2. Five words of which the last differs have
// (4/5 * 3/4 * 2/3 * 1/2)^(1/4) = 0.669; with the last two of six they have (4/6 * 3/5 * 2/4 * 1/3)^(1/4) = 0.508, of five
// (3/5 * 2/4 * 1/3 * 0)^(1/4) = 0.
func TestBorder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"a b c d e", "a b c d x", true},
		{"a b c d e f", "a b c d x y", true},
		{"a b c d e", "a b c x y", false},
		{"a b c d", "a b c d e f g h", false}, // (e^(1 - 8/4) + (4/8 * 3/7 * 2/6 * 1/5)^(1/4)) / 2 = 0.357
	} {
		got := Shares([]string{c.a, c.b})
		if want := map[bool]float64{true: 1, false: 0.5}[c.same]; got[0] != want || got[1] != want {
			t.Errorf("%q and %q: %v, want %v", c.a, c.b, got, want)
		}
	}
}

func BenchmarkShares(b *testing.B) {
	r := rng.NewStream(5)
	texts := make([]string, 1024)
	for i := range texts {
		var words []string
		for range 40 {
			words = append(words, fmt.Sprint(int(math.Exp(6*r.Float64()))))
		}
		texts[i] = strings.Join(words, " ")
		if i > 0 && i%4 == 0 { // like the one before
			texts[i] = strings.Replace(texts[i-1], " 1 ", " 2 ", 1)
		}
	}
	for b.Loop() {
		Shares(texts)
	}
}
