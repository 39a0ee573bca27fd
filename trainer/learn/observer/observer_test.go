package observer

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/native"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12*max(1, math.Abs(b)) }

// toy is block epiplexity_toy of loss_vectors.json.
type toy struct {
	TrainTokens int     `json:"train_tokens"`
	ValTokens   int     `json:"val_tokens"`
	Online      float64 `json:"online_nll_epoch1"`
	Epochs      []struct {
		Train float64 `json:"train_nll_after"`
		Val   float64 `json:"val_nll_after"`
		S     float64 `json:"S_bits"`
		MDL   float64 `json:"mdl_bits_per_token"`
		EDL   float64 `json:"edl_style_bits"`
	} `json:"epochs"`
	Selected float64 `json:"selected_S_bits"`
}

// scripted plays the toy's losses back: those of the untrained model in the first epoch, then those after each epoch.
type scripted struct {
	toy   toy
	train int // examples that are learned
	steps int
	calls []string
}

func (s *scripted) Step(_ context.Context, batch []Example) error {
	s.steps += len(batch)
	s.calls = append(s.calls, "step")
	return nil
}

func (s *scripted) Losses(_ context.Context, batch []Example) ([]float64, error) {
	out := make([]float64, len(batch))
	epoch := s.steps/s.train - 1
	for i, x := range batch {
		n := float64(len(x.Response))
		switch {
		case x.Prompt[0] == 1:
			out[i] = s.toy.Epochs[epoch].Val * n / float64(s.toy.ValTokens)
		case epoch < 0 || s.steps%s.train != 0:
			out[i] = s.toy.Online * n / float64(s.toy.TrainTokens)
		default:
			out[i] = s.toy.Epochs[epoch].Train * n / float64(s.toy.TrainTokens)
		}
	}
	s.calls = append(s.calls, "losses")
	return out, nil
}

func (s *scripted) Close() error { return nil }

func TestToy(t *testing.T) {
	data, err := os.ReadFile("../../objective/testdata/loss_vectors.json")
	must(t, err)
	var vectors struct {
		Toy toy `json:"epiplexity_toy"`
	}
	must(t, json.Unmarshal(data, &vectors))
	train := slices.Repeat([]Example{{Prompt: []int32{0}, Response: make([]int32, 10)}}, vectors.Toy.TrainTokens/10)
	held := slices.Repeat([]Example{{Prompt: []int32{1}, Response: make([]int32, 10)}}, vectors.Toy.ValTokens/10)
	model := &scripted{toy: vectors.Toy, train: len(train)}
	b := Budget{Epochs: len(vectors.Toy.Epochs), Patience: 5, Batch: 4}
	f, err := Learn(context.Background(), model, train, held, b)
	must(t, err)
	if !near(f.Online, vectors.Toy.Online) || len(f.Epochs) != 3 || !near(f.At().S, vectors.Toy.Selected) {
		t.Errorf("online %v, %d epochs, S %v; want %v, 3, %v", f.Online, len(f.Epochs), f.At().S, vectors.Toy.Online, vectors.Toy.Selected)
	}
	for i, want := range vectors.Toy.Epochs {
		got := f.Epochs[i]
		if !near(got.S, want.S) || !near(got.MDL, want.MDL) || math.Abs(got.EDL-want.EDL) > 1e-12*100 {
			t.Errorf("epoch %d: %+v, want %+v", i, got, want)
		}
	}
	if first := strings.Join(model.calls[:4], " "); first != "losses step losses step" {
		t.Errorf("the first epoch goes %q: each batch must be coded before it is learned", first)
	}
	f, err = Learn(context.Background(), &scripted{toy: vectors.Toy, train: len(train)}, train, held, Budget{Epochs: 3, Patience: 1, Batch: 4})
	must(t, err)
	if len(f.Epochs) != 2 {
		t.Errorf("with patience 1 it ran %d epochs, want 2: the first has the least MDL", len(f.Epochs))
	}
}

const words = 24

// mapped are questions of two words whose answers follow from them, word by word, by a fixed rule.
func mapped(n int) []Example {
	var out []Example
	for i := range n {
		a, b := int32(i%words), int32(i*7/words%words)
		out = append(out, Example{Prompt: []int32{a, b}, Response: []int32{(a*5 + 3) % words, (b*5 + 3) % words, (a*5 + 3) % words}})
	}
	return out
}

// noise are the same questions with answers that follow from nothing.
func noise(n int) []Example {
	out := mapped(n)
	for i := range out {
		out[i].Response = []int32{int32(i * i % 23), int32(i * 31 % 19), int32(i * 17 % 21)}
	}
	return out
}

func fresh(t *testing.T) Open {
	lib, err := native.Open(native.Options{})
	must(t, err)
	return func(seed uint64) (Model, error) {
		return OpenPolicy(Engine{Library: lib, Threads: 2}, Small(words, 8), seed)
	}
}

func budget() Budget {
	return Budget{Examples: 400, Validation: 0.2, Epochs: 8, Patience: 3, Batch: 16, Controls: 3, Seed: 11}
}

// TestRealObserver: rules give bits, noise does not, and the control tells the two apart.
func TestRealObserver(t *testing.T) {
	open, ctx := fresh(t), context.Background()
	rules, err := Probe(ctx, mapped(400), budget(), open)
	must(t, err)
	again, err := Probe(ctx, mapped(400), budget(), open)
	must(t, err)
	if rules.Fit.At() != again.Fit.At() {
		t.Errorf("the same probe gave %+v and %+v", rules.Fit.At(), again.Fit.At())
	}
	random, err := Probe(ctx, noise(400), budget(), open)
	must(t, err)
	for name, r := range map[string]Reading{"rules": rules, "noise": random} {
		s, edl := r.Control()
		t.Logf("%s: S %.0f, EDL %.0f, control S %.0f EDL %.0f, information %.0f +- %.0f bits over %d tokens, epoch %d of %d",
			name, r.Fit.At().S, r.Fit.At().EDL, s, edl, r.Information(), math.Sqrt(r.variance()), r.Fit.TrainTokens, r.Fit.Best, len(r.Fit.Epochs))
	}
	if c := Judge(rules, nil); !c.Holds {
		t.Errorf("data that follows a rule holds no information: %+v", c)
	}
	if c := Judge(rules, &random); !c.Holds {
		t.Errorf("rules after noise are no gain: %+v", c)
	}
	if c := Judge(rules, &rules); c.Holds || c.Gain != 0 {
		t.Errorf("the same data again is a gain: %+v", c)
	}
	if c := Judge(random, &rules); c.Holds {
		t.Errorf("noise after rules is a gain: %+v", c)
	}
	if v := Values(rules, Judge(rules, nil)); v["info/holds"] != 1 || v["info/edl_bits"] != rules.Fit.At().EDL || v["info/gain_bits"] <= v["info/threshold_bits"] {
		t.Errorf("values %v", v)
	}
}

// TestOneMode: losses before and after do not depend on the batch, so all of them are one function of the weights.
func TestOneMode(t *testing.T) {
	model, err := fresh(t)(3)
	must(t, err)
	defer model.Close()
	data, ctx := mapped(40), context.Background()
	for range 2 {
		whole, err := model.Losses(ctx, data)
		must(t, err)
		for i, x := range data {
			one, err := model.Losses(ctx, []Example{x})
			must(t, err)
			if one[0] != whole[i] {
				t.Fatalf("example %d: %v alone, %v in a batch", i, one[0], whole[i])
			}
		}
		must(t, model.Step(ctx, data))
	}
}

func TestSplit(t *testing.T) {
	data := slices.Concat(mapped(50), mapped(50), mapped(30))
	train, held, err := split(data, Budget{Examples: 120, Validation: 0.25, Seed: 4})
	must(t, err)
	if len(train)+len(held) != 120 || len(held) < 20 || len(held) > 45 {
		t.Errorf("%d to learn and %d set aside of 120", len(train), len(held))
	}
	for _, x := range held {
		if slices.ContainsFunc(train, func(y Example) bool { return slices.Equal(x.Prompt, y.Prompt) }) {
			t.Fatalf("prompt %v is on both sides", x.Prompt)
		}
	}
}

func TestRefusals(t *testing.T) {
	open, ctx := fresh(t), context.Background()
	for name, x := range map[string]struct {
		data   []Example
		change func(*Budget)
	}{
		"no data":     {nil, func(*Budget) {}},
		"one prompt":  {slices.Repeat(mapped(1), 50), func(*Budget) {}},
		"no answer":   {append(mapped(20), Example{Prompt: []int32{1}}), func(*Budget) {}},
		"one control": {mapped(50), func(b *Budget) { b.Controls = 1 }},
		"long":        {append(mapped(50), Example{Prompt: make([]int32, 20), Response: []int32{1}}), func(*Budget) {}},
	} {
		b := budget()
		x.change(&b)
		if _, err := Probe(ctx, x.data, b, open); fault.ExitCode(err) != 3 {
			t.Errorf("%s: got %v, want class Input", name, err)
		} else if few := name == "no data" || name == "one prompt"; few != errors.Is(err, ErrTooFew) {
			t.Errorf("%s: %v is too few examples: %v", name, err, !few)
		}
	}
}
