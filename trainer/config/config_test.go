package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"spar/internal/fault"
)

const minimal = "model: m\nalgorithm: spin\ndata: {train: t.jsonl}\n"

const playing = "model: m\nalgorithm: play\nsampling: {samples_per_prompt: 4}\n"

const verified = "model: m\nalgorithm: rest_em\ndata: {train: t.jsonl}\nverifier: {name: exact}\n"

func TestBadConfigs(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "the file is empty"},
		{"only a comment", "# nothing\n", "the file is empty"},
		{"a list", "- model\n", "bad.yaml:1:1: got a list"},
		{"a bare word", "model\n", "want key: value lines"},
		{"not YAML", "model: [m\n", "not valid YAML"},
		{"tab", "data:\n\ttrain: x\n", "not valid YAML"},
		{"two documents", minimal + "---\nseed: 1\n", "second YAML document"},
		{"unknown key", minimal + "learnig_rate: 1e-5\n", `bad.yaml:4:1: unknown key "learnig_rate"; did you mean "learning_rate"?`},
		{"upper case", minimal + "Seed: 1\n", `did you mean "seed"?`},
		{"far key", minimal + "zzzzzzzzzzzz: 1\n", "known keys: model, algorithm"},
		{"unknown nested", minimal + "sampling: {temprature: 1}\n", `bad.yaml:4:12: unknown key "sampling.temprature"; did you mean "temperature"?`},
		{"duplicate", minimal + "seed: 1\nseed: 2\n", "given twice"},
		{"duplicate nested", "model: m\nalgorithm: spin\ndata: {train: t, train: u}\n", "given twice"},
		{"missing model", "algorithm: spin\ndata: {train: t}\n", "the key model is missing"},
		{"missing train", "model: m\nalgorithm: spin\ndata: {eval: t}\n", "data.train: spin needs rows to train on"},
		{"empty model", "model: ''\nalgorithm: spin\ndata: {train: t}\n", "model: got the string"},
		{"null", "model:\nalgorithm: spin\ndata: {train: t}\n", "model: got nothing, want a string"},
		{"number as string", minimal + "learning_rate: '1e-5'\n", `learning_rate: got the string "1e-5", want a number in [0, 10]`},
		{"float as int", minimal + "iterations: 1e3\n", "iterations: got 1e3, want an integer"},
		{"fraction as int", minimal + "per_device_train_batch_size: 3.5\n", "want an integer in [1, 1048576]"},
		{"bool as number", minimal + "beta: true\n", "beta: got true, want a number"},
		{"yes as bool", minimal + "shuffle: yes\n", "want true or false"},
		{"number as bool", minimal + "shuffle: 1\n", "shuffle: got 1, want true or false"},
		{"bool as string", "model: true\nalgorithm: spin\ndata: {train: t}\n", "model: got true, want a string"},
		{"mapping as number", minimal + "seed: {a: 1}\n", "seed: got a mapping"},
		{"string as mapping", "model: m\nalgorithm: spin\ndata: t.jsonl\n", "data: got the string"},
		{"nan", minimal + "learning_rate: .nan\n", "learning_rate: got .nan"},
		{"inf", minimal + "max_grad_norm: .inf\n", "max_grad_norm: got .inf"},
		{"negative rate", minimal + "learning_rate: -1\n", "want a number in [0, 10]"},
		{"huge rate", minimal + "learning_rate: 1e9\n", "want a number in [0, 10]"},
		{"zero batch", minimal + "per_device_train_batch_size: 0\n", "in [1, 1048576]"},
		{"huge steps", minimal + "max_steps: 9223372036854775808\n", "max_steps: got 9223372036854775808"},
		{"negative seed", minimal + "seed: -1\n", "an integer in [0, 18446744073709551615]"},
		{"top_p 0", minimal + "sampling: {top_p: 0}\n", "sampling.top_p: got 0, want a number in (0, 1]"},
		{"top_p 1.5", minimal + "sampling: {top_p: 1.5}\n", "in (0, 1]"},
		{"stop not a list", minimal + "sampling: {stop: x}\n", "want a list of strings"},
		{"stop of numbers", minimal + "sampling: {stop: [1]}\n", "sampling.stop: got 1, want a list of strings"},
		{"algorithm", "model: m\nalgorithm: ppo\ndata: {train: t}\n", "one of spin, chi2, space, tspin, dpo, sft"},
		{"list length", minimal + "iterations: 3\nbeta: [0.1, 5]\n", "bad.yaml:5:1: beta: the list has 2 values and iterations is 3"},
		{"empty list", minimal + "beta: []\n", "the list has 0 values"},
		{"bad in list", minimal + "iterations: 2\nbeta: [0.1, 0]\n", "beta: got 0, want a number in (0, 1000]"},
		{"limits without held-out rows", minimal + "limits: {gap: 0.1}\n", "limits: they are judged on held-out rows"},
		{"length ratio", "model: m\nalgorithm: spin\ndata: {train: t, eval: e}\nlimits: {length_ratio: 0.5}\n", "limits.length_ratio: a factor of 0.5"},
		{"gap without samples", "model: m\nalgorithm: sft\ndata: {train: t, eval: e}\nlimits: {gap: 0.5}\n", "limits.gap: sft draws no samples"},
		{"backend", minimal + "backend: cuda\n", "bad.yaml:4:1: backend: only cpu is built into this program, not cuda"},
		{"dpo iterations", "model: m\nalgorithm: dpo\niterations: 2\ndata: {train: t}\n", "one fixed reference"},
		{"steps and epochs", minimal + "max_steps: 3\nnum_train_epochs: 1\n", "given together with num_train_epochs"},
		{"tokens and pairs", minimal + "tokens_per_batch: 300\nper_device_train_batch_size: 1\n", "given together with per_device_train_batch_size"},
		{"greedy", minimal + "sampling: {temperature: 0}\n", "needs drawn samples"},
		{"no room", minimal + "max_length: 16\nsampling: {max_new_tokens: 16}\n", "leaves no room for a prompt"},
		{"unused", minimal + "huber: true\n", "spin does not use it"},
		{"c and tau", "model: m\nalgorithm: chi2\nc: 1\ntau: 2\ndata: {train: t}\n", "given together with c"},
		{"link", minimal + "loss_type: ipo\n", `got "ipo", want for spin one of sigmoid, hinge, exp, linear`},
		{"no verifier", "model: m\nalgorithm: star\ndata: {train: t}\n", "star learns from responses that a verifier lets pass"},
		{"verifier unused", minimal + "verifier: {name: exact}\n", "bad.yaml:4:1: verifier: spin does not use it"},
		{"verifier unknown", "model: m\nalgorithm: star\ndata: {train: t}\nverifier: {name: guess}\n", "verifier.name: got the string"},
		{"thresholds", verified + "iterations: 4\nselection: {threshold: [0, 1]}\n", "the list has 2 values; give one number, one per iteration (4) or one per improve step (1)"},
		{"growth", verified + "selection: {steps_growth: 2}\n", "grows max_steps, which is not given"},
		{"greedy samples", verified + "sampling: {temperature: 0, samples_per_prompt: 2}\n", "2 greedy responses"},
		{"hint", verified + "selection: {hint: think}\n", "has no {answer} in it"},
		{"preferences without self-play", "model: m\nalgorithm: sft\ndata: {train: t}\npreferences: {data: p, share: 0.1}\n", "bad.yaml:4:1: preferences: sft makes no pairs of its own"},
		{"preferences of dpo", "model: m\nalgorithm: dpo\ndata: {train: t}\npreferences: {data: p, share: 0.1}\n", "dpo makes no pairs of its own"},
		{"preferences of star", "model: m\nalgorithm: star\ndata: {train: t}\nverifier: {name: exact}\npreferences: {data: p, share: 0.1}\n", "star makes no pairs of its own"},
		{"share 0", minimal + "preferences: {data: p.jsonl, share: 0}\n", "bad.yaml:4:30: preferences.share: 0 takes no pair of p.jsonl"},
		{"no share", minimal + "preferences: {data: p.jsonl}\n", "preferences.share: 0 takes no pair of p.jsonl"},
		{"share 1", minimal + "preferences: {data: p.jsonl, share: 1}\n", "preferences.share: got 1, want a number in [0, 1)"},
		{"share in percent", minimal + "preferences: {data: p.jsonl, share: 5}\n", "preferences.share: got 5, want a number in [0, 1)"},
		{"share of nothing", minimal + "preferences: {share: 0.1}\n", "bad.yaml:4:1: preferences: there is no preferences.data"},
		{"preference beta 0", minimal + "preferences: {data: p, share: 0.1, beta: 0}\n", "preferences.beta: got 0"},
		{"play unused", minimal + "play: {family: open}\n", "play: spin does not use it"},
		{"play group", "model: m\nalgorithm: play\nplay: {family: open}\n", "compares the responses to one task"},
		{"play kl", playing + "play: {family: open, objective: rft, kl_weight: 0.1}\n", "rft is maximum likelihood"},
		{"play apart", playing + "play: {family: game, roles: separate}\n", "the family game has no proposer"},
		{"play clusters", playing + "play: {family: open, proposer_reward: r_zero_code, proposals: 10000}\n", "compares every two of the tasks"},
		{"play guide unread", playing + "play: {family: open, guide: 'fair? {task}'}\n", "asks no guide"},
		{"play guide blind", playing + "play: {family: open, proposer_reward: sgs, guide: fair}\n", "has no {task} in it"},
		{"play steer", playing + "play: {family: open, curriculum: steer}\n", "has no levels to steer"},
		{"play data", playing + "play: {family: data}\n", "the family data needs rows"},
		{"play own tasks", playing + "play: {family: open}\ndata: {train: t}\n", "makes its own tasks"},
		{"play verifier", playing + "play: {family: data}\ndata: {train: t}\n", "need a judge"},
		{"play correction", playing + "play: {family: open}\nverifier: {correction: backward, false_positive: 0.6, false_negative: 0.4}\n", "leave no signal to correct"},
		{"play keep", playing + "play: {family: open, keep_low: 0.8, keep_high: 0.3}\n", "0.8 is above keep_high 0.3"},
		{"stop of spin", minimal + "sampling: {stop_decided: true}\n", "bad.yaml:4:12: sampling.stop_decided: only loops over tasks"},
		{"stop without a cap", verified + "selection: {max_per_prompt: 0}\nsampling: {stop_decided: true}\n", "nothing decides a prompt"},
		{"stop of reinforce", "model: m\nalgorithm: play\nsampling: {samples_per_prompt: 4, stop_decided: true}\nplay: {family: arithmetic, objective: reinforce}\n", "learns from every response"},
		{"stop of a majority", "model: m\nalgorithm: play\nsampling: {samples_per_prompt: 4, stop_decided: true}\nplay: {family: open}\n", "a majority needs all responses"},
		{"mix dpo", "model: m\nalgorithm: dpo\nmix_previous: true\ndata: {train: t}\n", "nothing to mix"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.text), "bad.yaml")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
			if fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), "bad.yaml") {
				t.Errorf("exit code %d, error %q; want 3 and the file's name", fault.ExitCode(err), err)
			}
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := Parse([]byte(minimal+"sed: 1\nbeta: x\nmax_length: 1\n"), "bad.yaml")
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Fatalf("want three lines of problems, got %v", err)
	}
}

func TestDesignExample(t *testing.T) {
	text := `
model: models/smollm2
algorithm: spin
iterations: 2
beta: [0.1, 5.0]
loss_type: sigmoid
data: {train: pairs.jsonl, eval: held-out.jsonl}
shuffle: true
max_length: 1024
sampling: {temperature: 1.0, top_p: 1.0, max_new_tokens: 256, samples_per_prompt: 1}
per_device_train_batch_size: 8
gradient_accumulation_steps: 1
optim: rmsprop
learning_rate: 5.0e-7
lr_scheduler_type: linear
warmup_ratio: 0.1
weight_decay: 0
max_grad_norm: 1.0
num_train_epochs: 2
precision: bf16
backend: cpu
seed: 0
output_dir: runs/first
`
	c, err := Parse([]byte(text), "a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c.Beta.At(0) != 0.1 || c.Beta.At(1) != 5 || c.LearningRate.At(1) != 5e-7 || c.Epochs != 2 || c.Data.Eval != "held-out.jsonl" {
		t.Errorf("got %+v", c)
	}
}

// TestShippedConfigs reads the configs that the project ships, the mixed one as scripts/mixing/sweep makes it.
func TestShippedConfigs(t *testing.T) {
	for _, name := range []string{"real.yaml", "mixing/spin.yaml", "mixing/dpo.yaml"} {
		if _, err := Load(filepath.Join("..", "..", "scripts", name)); err != nil {
			t.Error(err)
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "scripts", "mixing", "spin.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(append(text, "preferences: {data: p.jsonl, share: 0.05, beta: 1}\n"...), "mixed.yaml"); err != nil {
		t.Error(err)
	}
}

func TestRenderReadsBack(t *testing.T) {
	for _, algorithm := range []string{"spin", "chi2", "space", "tspin", "dpo", "sft", "star", "rest", "rest_em", "rft", "vstar", "play"} {
		c := Default("dir with: colon", algorithm, "no")
		if c.Plays() {
			c.Sampling.Samples = 4
		}
		c.Verifier.Name = map[bool]string{true: "exact", false: "none"}[c.Verified()]
		c.Sampling.Stop = []string{"\n\n", `"`, "é"}
		c.Seed = 1<<64 - 1
		c.Tau = map[bool]float64{true: 3}[algorithm == "chi2"]
		if c.SelfPlay() {
			c.Preferences = Preferences{Data: "p: q", Share: 0.05, Beta: 0.2}
		}
		back, err := Parse([]byte(c.Render()), "printed.yaml")
		if err != nil {
			t.Fatalf("%s: %v\n%s", algorithm, err, c.Render())
		}
		if !reflect.DeepEqual(c.Values(), back.Values()) {
			t.Errorf("%s: reading the printed config gives\n%v, want\n%v", algorithm, back.Values(), c.Values())
		}
	}
}

// TestTags checks the specification itself: every default lies within what its field allows.
func TestTags(t *testing.T) {
	var walk func(reflect.Value)
	walk = func(s reflect.Value) {
		for i := range s.NumField() {
			f, v := s.Type().Field(i), s.Field(i)
			switch {
			case f.Tag.Get("yaml") == "":
			case v.Kind() == reflect.Struct:
				walk(v)
			case v.Type() == reflect.TypeOf(PerIteration{}):
				if !inRange(f.Tag.Get("range"), v.Index(0).Float()) {
					t.Errorf("%s: default out of range", f.Name)
				}
			case f.Tag.Get("required") == "" && v.Kind() != reflect.Slice && !allowed(v, f):
				t.Errorf("%s: default %v is not allowed", f.Name, v)
			}
		}
	}
	walk(reflect.ValueOf(Default("m", "spin", "t")).Elem())
}

func TestPresets(t *testing.T) {
	c, err := Parse([]byte("model: m\nalgorithm: star\ndata: {train: t}\nverifier: {name: exact}\nnum_train_epochs: 2\nselection: {start: previous}\n"), "a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c.Selection.Start != "previous" || c.Selection.Hint == "" || c.MaxSteps != 0 || c.Selection.StepsGrowth != 1 || c.AccumulationSteps != 8 {
		t.Errorf("given keys must stay and others be the preset's: %+v", c)
	}
	c = Default("m", "rest", "t")
	c.Selection.Threshold = PerIteration{0.1, 0.2, 0.3}
	c.Iterations = 6
	for i, want := range []float64{0.1, 0.2, 0.3, 0.1, 0.2, 0.3} {
		if got := c.ThresholdAt(i); got != want {
			t.Errorf("threshold of iteration %d is %v, want %v", i, got, want)
		}
	}
}

func TestChanges(t *testing.T) {
	a := Default("m", "spin", "t")
	b := Default("m", "spin", "t")
	b.Threads, b.SaveSteps, b.OutputDir = 7, 1, "elsewhere"
	if got := b.Changes(a.Values()); len(got) != 0 {
		t.Errorf("keys without effect count as changes: %v", got)
	}
	b.LearningRate, b.Data.Eval = PerIteration{1e-4}, "e"
	got := strings.Join(b.Changes(a.Values()), "; ")
	if want := "data.eval was empty and is e; learning_rate was 5e-07 and is 0.0001"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	a.Iterations, a.Beta = 2, PerIteration{1, 2}
	c := *a
	c.Iterations, c.Beta = 3, PerIteration{1, 2, 3}
	if got := c.Changes(a.Values()); len(got) != 0 {
		t.Errorf("more iterations count as a change: %v", got)
	}
	if got := a.Changes(c.Values()); len(got) == 0 {
		t.Error("fewer iterations do not count as a change")
	}
}

func TestLoadFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	if err := os.WriteFile(path, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{filepath.Join(dir, "absent.yaml"), dir} {
		if _, err := Load(bad); fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), bad) {
			t.Errorf("Load(%s) = %v, want class Input and the name", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("beta: [1, [2]]\ndata: {train: {}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data, "f.yaml")
		if err == nil {
			if _, err := Parse([]byte(c.Render()), "again.yaml"); err != nil {
				t.Fatalf("the printed config is not valid: %v\n%s", err, c.Render())
			}
		}
	})
}
