package policy

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spar/internal/fault"
	"spar/loader/pack"
	"spar/native"
)

func score(t *testing.T, p *Policy, gs []pack.Group, o ScoreOptions) []Scored {
	t.Helper()
	s, err := p.Score(context.Background(), gs, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestScoreDoesNotDependOnBatches cuts the same groups in several ways, and takes groups apart into
// one for each response: a shared prompt must not change a bit.
func TestScoreDoesNotDependOnBatches(t *testing.T) {
	for _, precision := range []native.Precision{native.FP32, native.BF16} {
		p := tiny(t, Options{Precision: precision})
		gs := someGroups()
		want := score(t, p, gs, ScoreOptions{})
		for _, tokens := range []int{111, 130, 150, 1000} {
			sameBits(t, "other budget", score(t, p, gs, ScoreOptions{TokensPerBatch: tokens}), want)
		}
		reversed := slices.Clone(gs)
		slices.Reverse(reversed)
		got := score(t, p, reversed, ScoreOptions{})
		slices.Reverse(got)
		sameBits(t, "reversed", got, want)
		for i, g := range gs {
			for j, r := range g.Responses {
				alone := score(t, p, []pack.Group{{Prompt: g.Prompt, Responses: [][]int32{r}}}, ScoreOptions{})
				sameBits(t, "alone", alone, []Scored{{Logp: want[i].Logp[j : j+1]}})
			}
		}
	}
}

// TestScoreDoesNotDependOnThreads compares one thread with three.
func TestScoreDoesNotDependOnThreads(t *testing.T) {
	m := tinyModel(t)
	one, three := openPolicy(t, m, Options{Threads: 1}), openPolicy(t, m, Options{Threads: 3})
	sameBits(t, "threads", score(t, three, someGroups(), ScoreOptions{}), score(t, one, someGroups(), ScoreOptions{}))
}

// TestScoreIsADistribution wants the probabilities of all ids after a prompt to sum to 1, and the
// entropy to be that of these probabilities.
func TestScoreIsADistribution(t *testing.T) {
	p := tiny(t, Options{})
	g := pack.Group{Prompt: []int32{5, 6, 7}}
	for id := range int32(301) {
		g.Responses = append(g.Responses, []int32{id})
	}
	s := score(t, p, []pack.Group{g}, ScoreOptions{Entropy: true})[0]
	sum, entropy := 0.0, 0.0
	for _, logp := range s.Logp {
		x := float64(logp[0])
		sum += math.Exp(x)
		entropy -= math.Exp(x) * x
	}
	if math.Abs(sum-1) > 1e-5 || math.Abs(entropy-float64(s.Entropy[0][0])) > 1e-4 {
		t.Errorf("probabilities sum to %v; entropy %v, reported %v", sum, entropy, s.Entropy[0][0])
	}
}

func TestScoreErrors(t *testing.T) {
	p := tiny(t, Options{})
	ok := pack.Group{Key: 3, Prompt: []int32{1}, Responses: [][]int32{{2}}}
	for _, c := range []struct {
		name, want string
		group      pack.Group
		tokens     int
	}{
		{"foreign id", "group 9: token 1 is id 301", pack.Group{Key: 9, Prompt: []int32{1}, Responses: [][]int32{{2, 301}}}, 0},
		{"negative id", "group 9: token 0 is id -1", pack.Group{Key: 9, Prompt: []int32{-1}, Responses: [][]int32{{2}}}, 0},
		{"too long", "longer than max_length 256", pack.Group{Key: 9, Prompt: make([]int32, 200), Responses: [][]int32{make([]int32, 57)}}, 0},
		{"empty prompt", "group 9 has an empty prompt", pack.Group{Key: 9, Responses: [][]int32{{2}}}, 0},
		{"over the budget", "group 9 needs 12 rows", pack.Group{Key: 9, Prompt: make([]int32, 3), Responses: [][]int32{make([]int32, 10)}}, 11},
	} {
		_, err := p.Score(context.Background(), []pack.Group{ok, c.group}, ScoreOptions{TokensPerBatch: c.tokens})
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.ExitCode(err) != 3 {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if s := score(t, p, nil, ScoreOptions{}); len(s) != 0 {
		t.Errorf("no groups give %v", s)
	}
}

func TestMaxLength(t *testing.T) {
	lib, m := openLibrary(t), tinyModel(t)
	for want, length := range map[string]int{"more than the model's max_position_embeddings 256": 257, "use a positive number": -1} {
		if _, err := Open(lib, m, Options{MaxLength: length}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("max_length %d: %v", length, err)
		}
	}
}

// TestCancel cancels before and during a call; the policy must work afterwards.
func TestCancel(t *testing.T) {
	p := tiny(t, Options{})
	gs := someGroups()
	want := score(t, p, gs, ScoreOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	_, err := p.Score(ctx, slices.Repeat(gs, 50), ScoreOptions{TokensPerBatch: 111, Progress: func(done, total int) {
		if done > 20 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled call: %v", err)
	}
	if _, err := p.Score(ctx, gs, ScoreOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("call with a cancelled context: %v", err)
	}
	sameBits(t, "after cancel", score(t, p, gs, ScoreOptions{}), want)
}

// TestCancelInsideBatch has one batch that takes four times as long as the deadline: only the engine
// can end it. The first call opens the batch and takes the time.
func TestCancelInsideBatch(t *testing.T) {
	m := tinyModel(t)
	m.Config.NumLayers, m.Config.IntermediateSize = 8, 2048
	p := openPolicy(t, m, Options{Threads: 1, ISA: "base"})
	g := pack.Group{Prompt: make([]int32, 128)}
	for range 8 {
		g.Responses = append(g.Responses, make([]int32, 128))
	}
	start := time.Now()
	score(t, p, []pack.Group{g}, ScoreOptions{})
	ctx, cancel := context.WithTimeout(context.Background(), time.Since(start)/4)
	defer cancel()
	if s, err := p.Score(ctx, []pack.Group{g}, ScoreOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d groups were scored, error %v", len(s), err)
	}
}

// TestHammer scores and samples from many goroutines at once.
func TestHammer(t *testing.T) {
	p := tiny(t, Options{})
	gs := someGroups()
	want := score(t, p, gs, ScoreOptions{})
	wantSamples := sample(t, p, someRequests(), SampleOptions{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 3 {
				if i%2 == 0 {
					s, err := p.Score(context.Background(), gs, ScoreOptions{TokensPerBatch: 111 + i})
					if err != nil {
						t.Error(err)
						return
					}
					sameBits(t, "hammer", s, want)
					continue
				}
				sameCompletions(t, "hammer", sample(t, p, someRequests(), SampleOptions{MaxRows: 4 + i}), wantSamples)
			}
		})
	}
	wg.Wait()
}
