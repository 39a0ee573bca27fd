package search

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/loader"
	"spar/loader/pack"
	"spar/native"
	"spar/trainer/policy"
	"spar/trainer/quickstart"
	"spar/trainer/verify"
)

const endID = 2 // of the quickstart's vocabulary

// halfTaught is the quickstart's model after a part of its training: it writes sums in the right form and often wrong.
func halfTaught(t *testing.T, steps int) *policy.Policy {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := quickstart.WriteModel(fsys.OS, dir, 1); err != nil {
		t.Fatal(err)
	}
	m, err := loader.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	lib, err := native.Open(native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Open(lib, m, policy.Options{Trainable: true, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	if err := p.OpenOptimizer(native.OptimizerConfig{Kind: native.AdamW, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8}); err != nil {
		t.Fatal(err)
	}
	draw, sums := rng.NewStream(6), quickstart.AllSums()
	for range steps {
		var gs []pack.Group
		tokens := 0
		for i := range 32 {
			sum := sums[draw.IntN(len(sums))]
			response := quickstart.Real().Sample(sum, draw)
			gs = append(gs, pack.Group{Key: i, Prompt: sum.Prompt(), Responses: [][]int32{response}})
			tokens += len(response)
		}
		err := p.Accumulate(context.Background(), gs, 0, func(_ int, scored []policy.Scored) ([][]policy.Coef, error) {
			out := make([][]policy.Coef, len(scored))
			for i := range out {
				out[i] = []policy.Coef{{-1 / float64(tokens)}}
			}
			return out, nil
		})
		if err == nil {
			_, err = p.Step(3e-3, 1)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// problems are held-out sums, named as "a b".
func problems(n int) []Problem {
	var out []Problem
	for _, s := range quickstart.AllSums() {
		if s.HeldOut() && len(out) < n {
			out = append(out, Problem{Key: len(out), Text: fmt.Sprint(s.A, " ", s.B), Prompt: s.Prompt()})
		}
	}
	return out
}

func sumOf(problem string) (s quickstart.Sum) {
	fmt.Sscan(problem, &s.A, &s.B)
	return s
}

// exact scores a step of worked addition: 1 where its digits are right and the response ends where it should, else 0.
type exact struct{}

func (exact) Judge(_ context.Context, traces []Trace) ([]float64, error) {
	out := make([]float64, len(traces))
	for i, t := range traces {
		last := len(t.Steps) - 1
		if rightStep(sumOf(t.Problem), last, digits(t.Steps[last])) && t.Ended == (last == 2) {
			out[i] = 1
		}
	}
	return out, nil
}

func rightStep(s quickstart.Sum, step int, got string) bool {
	x, y, carry := s.A%10, s.B%10, 0
	switch step {
	case 1:
		x, y, carry = s.A/10, s.B/10, (x+y)/10
	case 2:
		return got == fmt.Sprintf("%03d", s.A+s.B)
	}
	total := x + y + carry
	return step < 2 && (got == fmt.Sprintf("%d%d%d%02d", x, y, carry, total) || got == fmt.Sprintf("%d%d%d%02d", y, x, carry, total))
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

func options() Options {
	return Options{
		Samples: 8, Width: 4, Aggregate: AggregateMin, Splitters: []string{" then", " next", " ,", " so", " thus", " hence"},
		Settings: policy.SampleRequest{MaxNewTokens: 40, Temperature: 1, TopP: 1, StopIDs: []int32{endID}, Seed: 3},
	}
}

// correct is the share of best responses that the language's own checker accepts.
func correct(ps []Problem, rs []Result) float64 {
	n := 0.0
	for i, r := range rs {
		if isCorrect(ps[i], r.Best()) {
			n++
		}
	}
	return n / float64(len(rs))
}

func isCorrect(p Problem, r Response) bool {
	_, ok := quickstart.Real().LogProb(sumOf(p.Text), r.IDs)
	return ok
}

func spent(rs []Result) (tokens, judged int) {
	for _, r := range rs {
		tokens, judged = tokens+r.Tokens, judged+r.Judged
	}
	return tokens, judged
}

// TestSearchOnWorkedAddition: with an exact judge of steps, best of k finds a right response whenever it sampled one, and a beam gets further
// with the same number of tokens, because it does not go on from a wrong step.
func TestSearchOnWorkedAddition(t *testing.T) {
	p := halfTaught(t, 220)
	ctx, ps, o := context.Background(), problems(100), options()
	search := func(name string, f func(context.Context, Sampler, Judge, []Problem, Options) ([]Result, error), o Options) []Result {
		rs, err := f(ctx, p, exact{}, ps, o)
		if err != nil {
			t.Fatal(err)
		}
		tokens, judged := spent(rs)
		t.Logf("%-16s %.2f correct, %d tokens and %d judged steps a problem", name, correct(ps, rs), tokens/len(ps), judged/len(ps))
		return rs
	}
	single := o
	single.Samples = 1
	one := search("one sample", BestOf, single)
	best := search("best of 8", BestOf, o)
	for i, r := range best {
		any := false
		for _, x := range r.Responses {
			any = any || isCorrect(ps[i], x)
		}
		if any != isCorrect(ps[i], r.Best()) {
			t.Errorf("%s: the best of 8 is %q", ps[i].Text, r.Best().Text)
		}
	}
	narrow := o
	narrow.Width, narrow.Samples = 2, 4
	beam := search("beam 2 x 4", Beam, narrow)
	if a, b := correct(ps, one), correct(ps, best); b < a+0.15 {
		t.Errorf("best of 8 goes from %.2f to %.2f", a, b)
	}
	if a, b := correct(ps, best), correct(ps, beam); b < a+0.05 {
		t.Errorf("the beam goes from %.2f to %.2f", a, b)
	}

	again, err := Beam(ctx, p, exact{}, ps[:7], narrow)
	if err != nil || !reflect.DeepEqual(again, beam[:7]) {
		t.Errorf("seven problems alone are searched unlike among a hundred: %v", err)
	}
	for i, r := range beam {
		for _, x := range r.Responses {
			if len(x.Scores) != len(x.Steps) || strings.Join(x.Steps, "") != x.Text || len(x.IDs) > 40 {
				t.Fatalf("%s: %+v", ps[i].Text, x)
			}
		}
	}
	cut := narrow
	cut.MaxSteps = 1
	short, err := Beam(ctx, p, exact{}, ps[:7], cut)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range short {
		if n := len(r.Best().Steps); n != 1 || r.Best().Finished {
			t.Errorf("%d steps after one round: %+v", n, r.Best())
		}
	}
}

// script is a sampler that says a step and then either ends at once or says another one.
type script struct{}

func (script) Sample(_ context.Context, rs []policy.SampleRequest, _ policy.SampleOptions, on func(policy.Completion) error) error {
	for _, r := range rs {
		for k := range r.Samples {
			c := policy.Completion{ID: r.ID, Sample: r.FirstSample + k, Finish: policy.FinishStop, Tokens: []int32{int32(5 + k)}, Text: "step,"}
			if len(r.Prompt) > 1 {
				c.Tokens, c.Text = []int32{endID}, ""
				if k == 1 {
					c.Tokens, c.Text = []int32{9, endID}, "end"
				}
			}
			if err := on(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// whole likes every step, and an end only after the second one.
type whole struct{}

func (whole) Judge(_ context.Context, traces []Trace) ([]float64, error) {
	out := make([]float64, len(traces))
	for i, t := range traces {
		if !t.Ended || len(t.Steps) == 2 {
			out[i] = 1
		}
	}
	return out, nil
}

// A response that ends without a further step is judged again as one that ends there.
func TestAnEarlyEndIsJudged(t *testing.T) {
	o := Options{Samples: 2, Width: 4, Splitters: []string{","}, Aggregate: AggregateMin, Settings: policy.SampleRequest{MaxNewTokens: 9, StopIDs: []int32{endID}}}
	rs, err := Beam(context.Background(), script{}, whole{}, []Problem{{Prompt: []int32{1}}}, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range rs[0].Responses {
		if want := float64(len(x.Steps) - 1); x.Score != want || !x.Finished {
			t.Errorf("%d: %+v", i, x)
		}
	}
	if best := rs[0].Best(); best.Text != "step,end" {
		t.Errorf("the best is %q", best.Text)
	}
}

// By hand: what runs out of tokens loses, and equals stay in order.
func TestRanking(t *testing.T) {
	rs := []Response{{Text: "cut", ended: true}, {Text: "a", Finished: true, ended: true}, {Text: "b", Finished: true, ended: true}, {Text: "going on"}}
	for i, score := range []float64{1, 0.5, 0.5, 0.9} {
		rs[i].take(least, []float64{1, score})
	}
	rank(rs)
	got := ""
	for _, r := range rs {
		got += r.Text + " "
	}
	if got != "going on a b cut " {
		t.Errorf("ranked %q", got)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, spoil := range map[string]func(*Options){
		"samples": func(o *Options) { o.Samples = 0 }, "width": func(o *Options) { o.Width = 0 }, "steps": func(o *Options) { o.MaxSteps = -1 },
		"no splitter": func(o *Options) { o.Splitters = nil }, "empty splitter": func(o *Options) { o.Splitters = []string{""} },
		"aggregate": func(o *Options) { o.Aggregate = "" },
	} {
		o := options()
		spoil(&o)
		if _, err := Beam(context.Background(), nil, nil, nil, o); fault.ExitCode(err) != int(fault.Usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// scores is a judge with fixed answers.
type scores []float64

func (s scores) Judge(context.Context, []Trace) ([]float64, error) { return s, nil }

func TestJudgesAreNotTrusted(t *testing.T) {
	traces := []Trace{{"p", []string{"a"}, false}, {"p", []string{"b"}, false}}
	for _, s := range []scores{nil, {1}, {1, 1.5}, {-0.1, 1}, {0, nan()}} {
		if _, err := judged(context.Background(), s, traces); fault.ExitCode(err) != int(fault.Failed) || err == nil {
			t.Errorf("%v: %v", s, err)
		}
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

// lengths is a verifier that likes responses by their share of ten bytes.
type lengths struct{ fail error }

func (lengths) Name() string { return "lengths" }

func (v lengths) Verify(_ context.Context, batch []verify.Item) ([]verify.Outcome, error) {
	out := make([]verify.Outcome, len(batch))
	for i, x := range batch {
		out[i] = verify.Outcome{Verdict: verify.Fail, Score: float64(len(x.Response)+len(x.Steps)) / 10}
		if x.Response == "" {
			out[i] = verify.Outcome{Verdict: verify.Refused, Detail: "it is empty"}
		}
	}
	return out, v.fail
}

func TestAVerifierIsAJudge(t *testing.T) {
	traces := []Trace{{"p", []string{"ab"}, false}, {"p", []string{"ab", "cde"}, true}}
	got, err := judged(context.Background(), Verified(lengths{}), traces)
	if err != nil || !reflect.DeepEqual(got, []float64{0.3, 0.7}) {
		t.Errorf("%v %v", got, err)
	}
	traces[0].Steps = []string{""}
	if _, err := judged(context.Background(), Verified(lengths{}), traces); fault.ExitCode(err) != int(fault.Input) {
		t.Errorf("%v", err)
	}
	broken := errors.New("broken")
	if _, err := judged(context.Background(), Verified(lengths{broken}), traces); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
