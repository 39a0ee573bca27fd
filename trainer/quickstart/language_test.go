package quickstart

import (
	"math"
	"testing"

	"spar/internal/rng"
)

// TestPublishedConstants enumerates the support of every prompt: 8,100 prompts times up to 576 responses.
func TestPublishedConstants(t *testing.T) {
	real, dialect := Real(), Dialect()
	var entropy, length, dialectLength, divergence float64
	sums := AllSums()
	for _, s := range sums {
		responses, p := real.Support(s)
		total := 0.0
		for i, y := range responses {
			q, ok := dialect.LogProb(s, y)
			if !ok {
				t.Fatalf("%v: a response of the data is not in the dialect", s)
			}
			total += p[i]
			entropy -= p[i] * math.Log(p[i])
			length += p[i] * float64(len(y))
			divergence += p[i] * (math.Log(p[i]) - q)
			dialectLength += math.Exp(q) * float64(len(y))
		}
		if math.Abs(total-1) > 1e-12 {
			t.Fatalf("%v: probabilities sum to %v", s, total)
		}
	}
	n := float64(len(sums))
	for _, c := range []struct {
		name             string
		got, want, round float64
	}{
		{"entropy", entropy / n, 5.63990, 5e-6},
		{"mean length", length / n, 23.85, 5e-3},
		{"KL(p_data || dialect)", divergence / n, 2.30736, 5e-6},
		{"dialect length", dialectLength / n, 25.15, 5e-3},
	} {
		if math.Abs(c.got-c.want) > c.round {
			t.Errorf("%s = %.6f, want %v", c.name, c.got, c.want)
		}
	}
}

// TestChecker compares LogProb with the enumerated support, and tries every one-word change of some responses: what is
// still accepted must be in the support.
func TestChecker(t *testing.T) {
	real := Real()
	for _, s := range []Sum{{37, 58}, {44, 44}, {10, 99}, {99, 99}, {12, 13}} {
		support := map[string]float64{}
		responses, p := real.Support(s)
		for i, y := range responses {
			support[words(y)] = p[i]
			if logp, ok := real.LogProb(s, y); !ok || math.Abs(logp-math.Log(p[i])) > 1e-12 {
				t.Fatalf("%v %s: log-prob %v, %v; want %v", s, words(y), logp, ok, math.Log(p[i]))
			}
		}
		if len(support) != len(responses) {
			t.Errorf("%v: the support names %d responses, %d of them distinct", s, len(responses), len(support))
		}
		y := responses[len(responses)/2]
		for i := range y {
			for id := range Vocabulary {
				bad := append([]int32{}, y...)
				bad[i] = int32(id)
				_, want := support[words(bad)]
				if _, ok := real.LogProb(s, bad); ok != want {
					t.Errorf("%v %s: accepted %v, want %v", s, words(bad), ok, want)
				}
			}
			if _, ok := real.LogProb(s, y[:i]); ok {
				t.Errorf("%v: accepted a response cut to %d words", s, i)
			}
		}
		if _, ok := real.LogProb(s, append(append([]int32{}, y...), eosID)); ok {
			t.Errorf("%v: accepted words after the end", s)
		}
	}
}

func words(ids []int32) string {
	text := ""
	for _, id := range ids {
		text += Vocabulary[id] + " "
	}
	return text
}

func TestExampleOfTheStudy(t *testing.T) {
	want := "ok 7 + 8 + 0 = 1 5 then 5 + 3 + 1 = 0 9 so 0 9 5 done <eos> "
	responses, _ := Real().Support(Sum{37, 58})
	for _, y := range responses {
		if words(y) == want {
			return
		}
	}
	t.Errorf("the support of 37+58 lacks %s", want)
}

// TestSampler draws from one prompt and compares counts with probabilities: chi-squared below its 99.99 % point.
func TestSampler(t *testing.T) {
	for _, l := range []*Language{Real(), Dialect()} {
		s := Sum{37, 58}
		responses, p := l.Support(s)
		index := map[string]int{}
		for i, y := range responses {
			index[words(y)] = i
		}
		const draws = 100000
		counts := make([]float64, len(p))
		r := rng.NewStream(1)
		for range draws {
			i, ok := index[words(l.Sample(s, r))]
			if !ok {
				t.Fatal("drew a response outside the support")
			}
			counts[i]++
		}
		chi2 := 0.0
		for i := range p {
			d := counts[i] - draws*p[i]
			chi2 += d * d / (draws * p[i])
		}
		degrees := float64(len(p) - 1)
		if limit := degrees + 3.72*math.Sqrt(2*degrees) + 10; chi2 > limit {
			t.Errorf("chi-squared %.1f over %d responses, want at most %.1f", chi2, len(p), limit)
		}
	}
}

// TestHeldOut checks that about a tenth is held out, of every last digit.
func TestHeldOut(t *testing.T) {
	var byDigit [10]int
	total := 0
	for _, s := range AllSums() {
		if s.HeldOut() {
			total++
			byDigit[(s.A+s.B)%10]++
		}
	}
	if total < 700 || total > 920 {
		t.Errorf("%d of 8100 prompts are held out, want about 810", total)
	}
	for d, n := range byDigit {
		if n < 50 || n > 115 {
			t.Errorf("%d held-out prompts have an answer ending in %d, want about 81", n, d)
		}
	}
	if s := (Sum{37, 58}); sumOf(s.Prompt()) != s {
		t.Error("a prompt does not read back")
	}
}
