package verify

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
)

func steps(scores ...float64) []Step {
	out := make([]Step, len(scores))
	for i := range scores {
		out[i].Score = &scores[i]
	}
	return out
}

func TestProcessAggregates(t *testing.T) {
	for aggregate, want := range map[string]float64{"": 0.5, "min": 0.5, "prod": 0.36, "last": 0.8, "mean": (0.9 + 0.5 + 0.8) / 3} {
		v := opened(t, Spec{Name: "process", Aggregate: aggregate}, Options{})
		o := judge(t, v, Item{Response: "a\n#### 7", Steps: steps(0.9, 0.5, 0.8)})[0]
		if math.Abs(o.Score-want) > 1e-12 || (o.Verdict == Pass) != (want >= 0.5) || o.Extracted != "7" {
			t.Errorf("%s: %v %v %q, want %v", aggregate, o.Verdict, o.Score, o.Extracted, want)
		}
	}
	v := opened(t, Spec{Name: "process"}, Options{})
	for i, o := range judge(t, v, Item{Response: "a"}, Item{Steps: steps(0.9, 1.2)}, Item{Steps: steps(math.NaN())}, Item{Steps: []Step{{Text: "a"}}}, Item{}) {
		if o.Verdict != Refused || o.Detail == "" {
			t.Errorf("item %d: %v (%s), want refused with a reason", i, o.Verdict, o.Detail)
		}
	}
}

// scored gives a step the log-prob that its length says, and keeps what it was asked.
type scored struct{ prompts, responses []string }

func (s *scored) score(_ context.Context, prompts, responses []string) ([]float64, error) {
	s.prompts, s.responses = append(s.prompts, prompts...), append(s.responses, responses...)
	out := make([]float64, len(responses))
	for i, r := range responses {
		out[i] = -float64(len(r)) / 10
	}
	return out, nil
}

func TestProcessAsksAModel(t *testing.T) {
	var s scored
	v := opened(t, Spec{Name: "process", Splitter: `;`}, Options{Score: s.score})
	o := judge(t, v, Item{Problem: "p", Response: "ab; abcd ;;x"})[0]
	if want := math.Exp(-0.4); math.Abs(o.Score-want) > 1e-12 || o.Verdict != Pass {
		t.Errorf("%v %v, want %v", o.Verdict, o.Score, want)
	}
	if got := strings.Join(s.prompts, "|"); got != "p|p\nab|p\nab\nabcd" {
		t.Errorf("the model was asked after %q", got)
	}
	if got := strings.Join(s.responses, "|"); got != "ab|abcd|x" {
		t.Errorf("the steps were %q", got)
	}
}

func TestProcessAsksACommand(t *testing.T) {
	s := Spec{Name: "process", Command: []string{"sh", "-c", `if grep -q '"response":"bad"'; then echo '{"score":0.1}'; else echo '{"score":0.9}'; fi`}}
	out := judge(t, opened(t, s, Options{}), Item{Response: "good\nbad\ngood"}, Item{Response: "good\nfine"})
	if out[0].Verdict != Fail || out[0].Score != 0.1 || out[1].Verdict != Pass || !strings.Contains(out[0].Detail, "step 2") {
		t.Errorf("%+v", out)
	}
	s.Command = []string{"sh", "-c", "exit 1"}
	if o := judge(t, opened(t, s, Options{}), Item{Response: "good"})[0]; o.Verdict != Crash || !strings.Contains(o.Detail, "step 1") {
		t.Errorf("a scorer that dies: %v (%s)", o.Verdict, o.Detail)
	}
}

func TestLikelihood(t *testing.T) {
	var s scored
	out := judge(t, opened(t, Spec{Name: "likelihood"}, Options{Score: s.score}), Item{Problem: "p", Response: "abc"}, Item{Response: "abcdefghij"}, Item{Problem: "p"})
	if out[0].Verdict != Pass || out[0].Score != math.Exp(-0.3) || out[1].Verdict != Fail || out[2].Verdict != Fail {
		t.Errorf("%+v", out)
	}
	for name, score := range map[string]func(context.Context, []string, []string) ([]float64, error){
		"an error":      func(context.Context, []string, []string) ([]float64, error) { return nil, errors.New("out of order") },
		"too few":       func(context.Context, []string, []string) ([]float64, error) { return nil, nil },
		"not a number":  func(context.Context, []string, []string) ([]float64, error) { return []float64{math.NaN()}, nil },
		"above certain": func(context.Context, []string, []string) ([]float64, error) { return []float64{1}, nil },
	} {
		if out, err := opened(t, Spec{Name: "likelihood"}, Options{Score: score}).Verify(context.Background(), []Item{{Response: "a"}}); err == nil {
			t.Errorf("%s: %+v", name, out)
		}
	}
}
