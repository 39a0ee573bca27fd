package prove

import (
	"context"
	"math"
	"testing"

	"spar/internal/rng"
	"spar/native"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Probabilities of the grammar's responses add up: the likelihood ratio of two grammars has mean 1 under the second.
func TestGrammarIsADistribution(t *testing.T) {
	a, b := twoGrammars(3)
	r := rng.NewStream(3)
	for subject := range grammarSubjects {
		for word := range grammarWords + 1 {
			sum := 0.0
			for _, p := range a.next[subject][word].probabilities() {
				sum += p
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Errorf("subject %d after word %d: %v", subject, word, sum)
			}
		}
	}
	// A mixture as the law of the draws keeps the ratio bounded by 2.
	const n = 20000
	mean := 0.0
	for range n {
		g := &a
		if chance(0.5, r) {
			g = &b
		}
		x := g.respond(1, r)
		if len(x) > grammarLongest || x[len(x)-1] != 0 {
			t.Fatalf("response %v", x)
		}
		mean += 2 / (1 + math.Exp(b.logp(1, x)-a.logp(1, x))) / n
	}
	if math.Abs(mean-1) > 4/math.Sqrt(n) {
		t.Errorf("the ratio's mean is %v", mean)
	}
}

func TestSums(t *testing.T) {
	s := sum{a: []int{7, 9}, b: []int{5, 0}} // 97 + 5 = 102
	digits, carries := s.answer()
	if digits[0] != 2 || digits[1] != 0 || digits[2] != 1 || carries[0] != 0 || carries[1] != 1 {
		t.Fatalf("%v, carries %v", digits, carries)
	}
	right := s.solution()
	if !s.accepts(right) || len(right) != 6 || right[5] != 0 {
		t.Errorf("the solution %v is not accepted", right)
	}
	for i := range right {
		wrong := append([]int32(nil), right...)
		wrong[i]++
		if carry := i == 0 || i == 2; s.accepts(wrong) != carry {
			t.Errorf("with token %d changed: accepted %v; only carries are free", i, !carry)
		}
	}
	if s.accepts(right[:5]) || s.accepts(append(right, 0)) {
		t.Error("a response of another length was accepted")
	}
}

// Every kind of task has one right response that the operations give back.
func TestTasksAreConsistent(t *testing.T) {
	r := rng.NewStream(1)
	for range 200 {
		x := newProgram(r).task(abduction, r)
		in := word{int(x.Response[0]) - 1, int(x.Response[1]) - 1, int(x.Response[2]) - 1}
		out := program{int(x.Prompt[1]) - 1 - letters, int(x.Prompt[2]) - 1 - letters}.run(in)
		for i, id := range out.ids() {
			if x.Prompt[3+i] != id {
				t.Fatalf("%v: the program gives %v", x, out)
			}
		}
	}
	for operation := range operations { // all are invertible
		seen := map[word]bool{}
		for n := range letters * letters * letters {
			seen[word{n % letters, n / letters % letters, n / letters / letters}.apply(operation)] = true
		}
		if len(seen) != letters*letters*letters {
			t.Errorf("operation %d has %d images", operation, len(seen))
		}
	}
}

// totalLoss is the sum of the losses of the first responses, in nats.
func totalLoss(ctx context.Context, s *student, rows []row) (total float64, err error) {
	sums, err := s.sums(ctx, rows)
	for _, x := range sums {
		total -= x[0]
	}
	return total, err
}

// A student learns, comes back to stored weights to the bit, and scores what it samples.
func TestStudent(t *testing.T) {
	lib, err := native.Open(native.Options{})
	must(t, err)
	s, err := newStudent(Options{Library: lib, Threads: 1}, grammarShape(smallWidth), 1)
	must(t, err)
	defer func() { must(t, s.close()) }()
	ctx := context.Background()
	data, _ := twoGrammars(1)
	rows := data.rows(256, 1)
	start := s.weights()
	before, err := totalLoss(ctx, s, rows)
	must(t, err)
	must(t, s.likelihood(ctx, training{steps: 40, batch: 32, rate: 3e-3}, rows, 1))
	after, err := totalLoss(ctx, s, rows)
	must(t, err)
	if after > 0.9*before {
		t.Errorf("loss %v -> %v", before, after)
	}
	must(t, s.restore(start))
	again, err := totalLoss(ctx, s, rows)
	must(t, err)
	if again != before {
		t.Errorf("restored: loss %v, was %v", again, before)
	}
	got, err := s.sample(ctx, [][]int32{subjectPrompt(0), subjectPrompt(1)}, 2, 5, 1, 7)
	must(t, err)
	if len(got) != 2 || len(got[1]) != 2 || len(got[1][1]) == 0 || len(got[1][1]) > 5 {
		t.Errorf("samples %v", got)
	}
}
