package measure

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"pgregory.net/rapid"
)

type diagnostics struct {
	Distinct struct {
		Sequences [][]int32
		One       float64 `json:"distinct_1"`
		Two       float64 `json:"distinct_2"`
		Unique    float64 `json:"unique_fraction"`
	} `json:"distinct_n"`
	PassAtK []struct {
		N, C, K int
		Value   float64
	} `json:"pass_at_k"`
	NoGradient []struct {
		G        int
		P, Value float64
	} `json:"no_gradient_probability"`
}

func check(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12*math.Abs(want) {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}

func TestDiagnosticsVectors(t *testing.T) {
	data, err := os.ReadFile("../../objective/testdata/loss_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Diagnostics diagnostics }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	v := file.Diagnostics
	if len(v.PassAtK) != 12 || len(v.NoGradient) != 18 {
		t.Fatalf("%d and %d cases, want 12 and 18", len(v.PassAtK), len(v.NoGradient))
	}
	check(t, "distinct-1", Distinct(v.Distinct.Sequences, 1), v.Distinct.One)
	check(t, "distinct-2", Distinct(v.Distinct.Sequences, 2), v.Distinct.Two)
	check(t, "unique", UniqueFraction(v.Distinct.Sequences), v.Distinct.Unique)
	for _, c := range v.PassAtK {
		check(t, "pass@k", PassAtK(c.N, c.C, c.K), c.Value)
	}
	for _, c := range v.NoGradient {
		check(t, "no gradient", ZeroSignal(c.P, c.G), c.Value)
	}
}

func TestSelfBLEU(t *testing.T) {
	same := []int32{1, 2, 3, 4, 5}
	for _, c := range []struct {
		name      string
		sequences [][]int32
		want      float64
	}{
		{"equal", [][]int32{same, same, same}, 1},
		{"nothing shared", [][]int32{{1, 2, 3, 4}, {5, 6, 7, 8}}, 0},
		{"one", [][]int32{same}, 0},
		{"short and equal", [][]int32{{7, 8}, {7, 8}}, 1},
		// Each of the two: 4 of 5 tokens, 3 of 4 pairs, 2 of 3 triples, 1 of 2 fours.
		{"last token differs", [][]int32{{1, 2, 3, 4, 5}, {1, 2, 3, 4, 6}}, math.Pow(4.0/5*3/4*2/3*1/2, 0.25)},
		// The short one matches wholly, under the penalty exp(1 - 8/4); the long one half, quarter-power again.
		{"brevity", [][]int32{{1, 2, 3, 4}, {1, 2, 3, 4, 5, 6, 7, 8}}, (math.Exp(-1) + math.Pow(4.0/8*3/7*2/6*1/5, 0.25)) / 2},
		// A repeated token counts as often as a reference has it.
		{"clipped counts", [][]int32{{1, 1}, {1, 2}}, 0},
		{"empty among them", [][]int32{{}, {}}, 0},
	} {
		check(t, c.name, SelfBLEU(c.sequences), c.want)
	}
}

// direct is SelfBLEU as its definition reads, in quadratic time.
func direct(sequences [][]int32) float64 {
	sum := 0.0
	for i, s := range sequences {
		reference, logs := -1, 0.0
		for n := 1; n <= min(4, len(s)); n++ {
			own, matched := map[gram]int{}, 0
			for _, g := range grams(s, n) {
				own[g]++
			}
			for g, c := range own {
				best := 0
				for j, other := range sequences {
					if j == i {
						continue
					}
					times := 0
					for _, h := range grams(other, n) {
						if h == g {
							times++
						}
					}
					best = max(best, times)
				}
				matched += min(c, best)
			}
			logs += math.Log(float64(matched) / float64(len(s)-n+1))
		}
		for j, other := range sequences {
			d, e := abs(len(other)-len(s)), abs(reference-len(s))
			if j != i && (reference < 0 || d < e || d == e && len(other) < reference) {
				reference = len(other)
			}
		}
		penalty := min(0, 1-float64(reference)/float64(len(s)))
		sum += math.Exp(logs/float64(min(4, len(s))) + penalty)
	}
	return sum / float64(len(sequences))
}

// TestPairs: two sequences are each other's only reference, so that the mean of both directions is their self-BLEU.
func TestPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sequence := rapid.SliceOfN(rapid.Int32Range(0, 3), 0, 12)
		sequences := rapid.SliceOfN(sequence, 2, 5).Draw(t, "sequences")
		pairs := NewPairs(sequences)
		for i := range sequences {
			for j := range sequences {
				if want := SelfBLEU([][]int32{sequences[i], sequences[j]}); math.Abs(pairs.BLEU(i, j)-want) > 1e-12 {
					t.Fatalf("BLEU of %v and %v is %v, want %v", sequences[i], sequences[j], pairs.BLEU(i, j), want)
				}
			}
		}
	})
}

func TestSelfBLEUIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sequence := rapid.SliceOfN(rapid.Int32Range(0, 3), 1, 12)
		sequences := rapid.SliceOfN(sequence, 2, 6).Draw(t, "sequences")
		if got, want := SelfBLEU(sequences), direct(sequences); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestEmptyMeasures(t *testing.T) {
	if Distinct(nil, 2) != 0 || UniqueFraction(nil) != 0 || SelfBLEU(nil) != 0 {
		t.Error("nothing measured as something")
	}
	if got := UniqueFraction([][]int32{{}, {}, {1}}); got != 2.0/3 {
		t.Errorf("unique fraction with empty sequences: %v", got)
	}
}
