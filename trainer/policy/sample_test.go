package policy

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/internal/rng"
	"spar/loader/pack"
	"spar/native"
)

// someRequests differ in prompt, filters and length.
func someRequests() []SampleRequest {
	draw := rng.NewStream(11)
	one := SampleRequest{Samples: 3, MaxNewTokens: 20, Temperature: 1, TopP: 1, Seed: 5, Iteration: 2}
	var rs []SampleRequest
	for i, change := range []func(*SampleRequest){
		func(*SampleRequest) {},
		func(r *SampleRequest) { r.TopK, r.Temperature = 7, 0.7 },
		func(r *SampleRequest) { r.TopP, r.FirstSample = 0.8, 4 },
		func(r *SampleRequest) { r.MinP, r.MaxNewTokens = 0.1, 33 },
		func(r *SampleRequest) { r.Temperature, r.Samples = 0, 1 },
	} {
		r := one
		r.ID, r.PromptKey, r.Prompt = 100+i, i, randomIDs(draw, []int{1, 12, 2, 40, 7}[i])
		change(&r)
		rs = append(rs, r)
	}
	return rs
}

// sample returns completions in order of request and sample.
func sample(t *testing.T, p *Policy, rs []SampleRequest, o SampleOptions) []Completion {
	t.Helper()
	var out []Completion
	err := p.Sample(context.Background(), rs, o, func(c Completion) error {
		out = append(out, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(out, func(a, b Completion) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Sample, b.Sample))
	})
	return out
}

func sameCompletions(t *testing.T, what string, got, want []Completion) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d completions, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.ID != w.ID || g.Sample != w.Sample || g.Finish != w.Finish || g.Text != w.Text || !slices.Equal(g.Tokens, w.Tokens) || !slices.Equal(g.Logp, w.Logp) {
			t.Fatalf("%s: completion %d is %+v, want %+v", what, i, g, w)
		}
	}
}

// TestSampledLogpsRescore wants Score to give the sampler's own bits for its completions.
func TestSampledLogpsRescore(t *testing.T) {
	for _, precision := range []native.Precision{native.FP32, native.BF16} {
		p := tiny(t, Options{Precision: precision})
		rs := someRequests()
		completions := sample(t, p, rs, SampleOptions{})
		if len(completions) != 13 {
			t.Fatalf("%d completions, want 13", len(completions))
		}
		var gs []pack.Group
		var want []Scored
		for _, r := range rs {
			g, s := pack.Group{Key: r.ID, Prompt: r.Prompt}, Scored{}
			for _, c := range completions {
				if c.ID == r.ID {
					g.Responses, s.Logp = append(g.Responses, c.Tokens), append(s.Logp, c.Logp)
				}
			}
			gs, want = append(gs, g), append(want, s)
		}
		sameBits(t, "rescored", score(t, p, gs, ScoreOptions{}), want)
	}
}

// TestSamplesDoNotDependOnCompany draws the same requests together, alone, through a narrow sampler
// and through a pool that holds one request at a time.
func TestSamplesDoNotDependOnCompany(t *testing.T) {
	p := tiny(t, Options{})
	rs := someRequests()
	want := sample(t, p, rs, SampleOptions{})
	sameCompletions(t, "narrow", sample(t, p, rs, SampleOptions{MaxRows: 3}), want)
	sameCompletions(t, "small pool", sample(t, p, rs, SampleOptions{KVTokens: 80}), want)
	reversed := slices.Clone(rs)
	slices.Reverse(reversed)
	sameCompletions(t, "reversed", sample(t, p, reversed, SampleOptions{}), want)
	var alone []Completion
	for _, r := range rs {
		for i := range r.Samples {
			one := r
			one.Samples, one.FirstSample = 1, r.FirstSample+i
			alone = append(alone, sample(t, p, []SampleRequest{one}, SampleOptions{})...)
		}
	}
	sameCompletions(t, "alone", alone, want)
	if slices.Equal(want[0].Tokens, want[1].Tokens) {
		t.Error("two samples of one prompt are equal: the sample number does not reach the draws")
	}
}

func TestStopIDs(t *testing.T) {
	p := tiny(t, Options{})
	r := someRequests()[:1]
	free := sample(t, p, r, SampleOptions{})
	stop := free[0].Tokens[6]
	r[0].StopIDs = []int32{stop}
	for i, c := range sample(t, p, r, SampleOptions{}) {
		n := slices.Index(free[i].Tokens, stop) + 1
		finish := FinishStop
		if n == 0 {
			n, finish = len(free[i].Tokens), FinishLength
		}
		if !slices.Equal(c.Tokens, free[i].Tokens[:n]) || c.Finish != finish || len(c.Logp) != n {
			t.Errorf("sample %d: %v (%s), want %v", i, c.Tokens, c.Finish, free[i].Tokens[:n])
		}
	}
}

// TestStopStrings takes stop strings out of the text of a run without them: the same tokens must
// come, cut at the shortest prefix that holds the string.
func TestStopStrings(t *testing.T) {
	p := openPolicy(t, tinyModelWithTokenizer(t), Options{Threads: 2})
	rs := someRequests()
	free := sample(t, p, rs, SampleOptions{})
	cut := 0
	for at := range free {
		text := free[at].Text
		stop := text[len(text)/3 : len(text)/3+3]
		for i := range rs {
			rs[i].StopStrings = []string{stop, "\x00never"}
		}
		got := sample(t, p, rs, SampleOptions{MaxRows: 5 + at})
		for i, c := range got {
			n, finish := shortest(p, free[i].Tokens, stop)
			if n < len(free[i].Tokens) {
				cut++
			}
			if !slices.Equal(c.Tokens, free[i].Tokens[:n]) || !slices.Equal(c.Logp, free[i].Logp[:n]) || c.Finish != finish || c.Text != p.source.Tokenizer.Decode(c.Tokens) {
				t.Fatalf("stop %q, completion %d: %d tokens %q (%s), want %d (%s)", stop, i, len(c.Tokens), c.Text, c.Finish, n, finish)
			}
		}
	}
	if cut == 0 {
		t.Error("no completion was cut: the test tests nothing")
	}
}

// shortest tries every prefix.
func shortest(p *Policy, tokens []int32, stop string) (n int, finish string) {
	for n := 1; n <= len(tokens); n++ {
		if strings.Contains(p.source.Tokenizer.Decode(tokens[:n]), stop) {
			return n, FinishStop
		}
	}
	return len(tokens), FinishLength
}

func TestSampleErrors(t *testing.T) {
	p := tiny(t, Options{})
	one := someRequests()[0]
	for _, c := range []struct {
		name, want string
		change     func(*SampleRequest)
		code       int
	}{
		{"foreign id", "request 100: token 0 is id 400", func(r *SampleRequest) { r.Prompt = []int32{400} }, 3},
		{"too long", "longer than max_length 256", func(r *SampleRequest) { r.MaxNewTokens = 256 }, 3},
		{"no tokenizer", "has no tokenizer", func(r *SampleRequest) { r.StopStrings = []string{"x"} }, 3},
		{"empty prompt", "request 100:", func(r *SampleRequest) { r.Prompt = nil }, 1},
		{"wide key", "must fit into 32 bits", func(r *SampleRequest) { r.PromptKey = 1 << 32 }, 1},
		{"top_p", "top_p is 0", func(r *SampleRequest) { r.TopP = 0 }, 1},
	} {
		r := one
		c.change(&r)
		err := p.Sample(context.Background(), []SampleRequest{r}, SampleOptions{}, func(Completion) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.ExitCode(err) != c.code {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if err := p.Sample(context.Background(), []SampleRequest{one, one}, SampleOptions{}, nil); err == nil {
		t.Error("two requests with one id pass")
	}
	planted := errors.New("planted")
	err := p.Sample(context.Background(), []SampleRequest{one}, SampleOptions{}, func(Completion) error { return planted })
	if !errors.Is(err, planted) {
		t.Errorf("the receiver's error is lost: %v", err)
	}
	if err := p.Sample(context.Background(), nil, SampleOptions{}, nil); err != nil {
		t.Errorf("no requests: %v", err)
	}
}

// TestSampleCancel cancels in the middle and samples again.
func TestSampleCancel(t *testing.T) {
	p := tiny(t, Options{})
	want := sample(t, p, someRequests(), SampleOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	err := p.Sample(ctx, someRequests(), SampleOptions{MaxRows: 2}, func(Completion) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled call: %v", err)
	}
	sameCompletions(t, "after cancel", sample(t, p, someRequests(), SampleOptions{}), want)
}
