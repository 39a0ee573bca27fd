package bench

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"spar/internal/fault"
	"spar/loader"
	"spar/loader/pack"
	"spar/native"
	"spar/trainer/policy"
)

const tinyConfig = `{"architectures":["LlamaForCausalLM"],"model_type":"llama","vocab_size":97,"hidden_size":32,
"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"intermediate_size":64,
"max_position_embeddings":128,"rms_norm_eps":1e-6,"rope_theta":10000.0,"tie_word_embeddings":true,"hidden_act":"silu",
"bos_token_id":1,"eos_token_id":2,"torch_dtype":"float32"}`

func tinyModel(t *testing.T) *loader.Model {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(tinyConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := loader.OpenConfigOnly(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// config is a short measurement that waits for nobody.
func config(t *testing.T, w Workload) Config {
	return Config{Model: tinyModel(t), Policy: policy.Options{Threads: 2}, Workload: w, Repeats: 3, QuietWait: -1, Ops: true}
}

func openLibrary(t *testing.T) *native.Library {
	t.Helper()
	lib, err := native.Open(native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

var twoPairs = Workload{Pairs: []Pair{{5, 7, 9}, {1, 4, 3}}}

// TestEngineBenchmarks checks what a result promises: order of the rates, counts by hand, a share
// of the peak that is a share, and memory beside its plan.
func TestEngineBenchmarks(t *testing.T) {
	lib := openLibrary(t)
	rollout := Workload{Batch: 3, PromptLen: 6, NewTokens: 8}
	for _, c := range []struct {
		name               string
		run                func(context.Context, *native.Library, Config) (*Result, error)
		workload           Workload
		logical, processed int
	}{
		{"update", Update, twoPairs, 10 + 16 + 2 + 7, 4 + 16 + 0 + 7},
		{"score", Score, twoPairs, 10 + 16 + 2 + 7, 4 + 16 + 0 + 7},
		{"rollout", Rollout, rollout, 24, 3 * (5 + 8)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := c.run(context.Background(), lib, config(t, c.workload))
			if err != nil {
				t.Fatal(err)
			}
			if r.LogicalTokens != c.logical || r.Processed != c.processed {
				t.Errorf("%d logical and %d processed tokens, want %d and %d", r.LogicalTokens, r.Processed, c.logical, c.processed)
			}
			if !(0 < r.TokSMin && r.TokSMin <= r.TokS && r.TokS <= r.TokSMax) || len(r.Seconds) != 3 {
				t.Errorf("rates %v %v %v of %v", r.TokSMin, r.TokS, r.TokSMax, r.Seconds)
			}
			if ratio := r.ProcessedTokS / r.TokS * float64(c.logical) / float64(c.processed); math.Abs(ratio-1) > 1e-9 {
				t.Errorf("the two rates differ by %v from the counts", ratio)
			}
			if !(0 < r.PeakShare && r.PeakShare < 1.05) || r.PlanMB <= 0 || r.RSSMB < r.PlanMB {
				t.Errorf("share %v, plan %v MB, resident %v MB", r.PeakShare, r.PlanMB, r.RSSMB)
			}
			if r.PeakOf != "fp32" || r.ISA == "" || r.ISAFrom == "" || len(r.Ops) == 0 {
				t.Errorf("peak of %q, kernels %q %q, %d ops", r.PeakOf, r.ISA, r.ISAFrom, len(r.Ops))
			}
			checkKeys(t, r)
		})
	}
}

// checkKeys wants the keys that outside tools rely on.
func checkKeys(t *testing.T, r *Result) {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"tok_s", "tok_s_min", "tok_s_max", "processed_tok_s", "peak_share", "rss_mb"} {
		if !strings.Contains(string(data), `"`+key+`":`) {
			t.Errorf("%s lacks %s", data, key)
		}
	}
}

// TestLimitedBudget splits the workload and must count the same.
func TestLimitedBudget(t *testing.T) {
	c := config(t, twoPairs)
	c.TokensPerBatch = 20
	r, err := Update(context.Background(), openLibrary(t), c)
	if err != nil || r.Processed != 27 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestWrongWorkloads(t *testing.T) {
	lib := openLibrary(t)
	if _, err := Rollout(context.Background(), lib, config(t, twoPairs)); fault.ExitCode(err) != 3 {
		t.Errorf("rollout of pairs: %v", err)
	}
	if _, err := Update(context.Background(), lib, config(t, Workload{Batch: 1, PromptLen: 1, NewTokens: 1})); fault.ExitCode(err) != 3 {
		t.Errorf("update of a batch: %v", err)
	}
	if _, err := Loader(context.Background(), config(t, twoPairs)); fault.ExitCode(err) != 3 {
		t.Errorf("loader without tokenizer: %v", err)
	}
	if _, err := Update(context.Background(), lib, Config{}); err == nil {
		t.Error("no model passes")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Score(ctx, lib, config(t, twoPairs)); err == nil {
		t.Error("a cancelled benchmark returns a figure")
	}
}

func TestParseWorkload(t *testing.T) {
	for text, want := range map[string]string{
		`{"pairs":[{"prompt_len":1,"chosen_len":2,"rejected_len":3}]}`:           "",
		`{"batch":2,"prompt_len":3,"new_tokens":4}`:                              "",
		`{"batch":2,"prompt_len":3}`:                                             "all must be at least 1",
		`{"pairs":[{"prompt_len":1,"chosen_len":0,"rejected_len":3}]}`:           "pairs[0] has lengths 1, 0 and 3",
		`{"pairs":[{"prompt_len":1,"chosen_len":1,"rejected_len":3}],"batch":1}`: "either pairs or batch",
		`{}`:                   "either pairs or batch",
		`{"pears":[]}`:         `unknown field "pears"`,
		`{"batch":2,`:          "w.json, byte",
		`{"batch":2} trailing`: "more after the object",
		`[]`:                   "w.json, byte",
	} {
		_, err := parseWorkload([]byte(text), "w.json")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || fault.ExitCode(err) != 3) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestFlops counts one layer by hand: C=32, q=32, kv=16, F=64, V=97, two layers.
func TestFlops(t *testing.T) {
	c := tinyModel(t).Config
	linear := 2.0 * (32*32 + 2*32*16 + 32*32 + 3*32*64)
	row := func(seen float64) float64 { return 2 * (linear + 4*32*seen) }
	want := row(1) + row(2) + row(3) + 2*2*32*97 // prompt of 2: one prefix row; response of 2
	got := forwardFlops(c, []pack.Group{{Prompt: []int32{1, 2}, Responses: [][]int32{{3, 4}}}})
	if got != want {
		t.Errorf("%v, want %v", got, want)
	}
	windowed := *c
	windowed.SlidingWindow, windowed.WindowFirstLayer = 2, 1
	if got, want := rowFlops(&windowed, 9), 2*linear+4*32*(10+2); got != want {
		t.Errorf("with a window %v, want %v", got, want)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		sorted []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{1, 2}, 1.5}, {[]float64{1, 2, 9}, 2}} {
		if got := median(c.sorted); got != c.want {
			t.Errorf("%v: %v", c.sorted, got)
		}
	}
}

func TestQuiet(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stat")
	stat := func(line string) cpuTimes {
		t.Helper()
		if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		times, err := readStat(file)
		if err != nil {
			t.Fatal(err)
		}
		return times
	}
	before := stat("cpu  10 0 10 100 0 0 0 0 10 0\ncpu0 1\n")
	after := stat("cpu  30 0 10 160 10 0 0 10 30 0\ncpu0 1\n")
	if busy := after.busySince(before); math.Abs(busy-0.3) > 1e-12 {
		t.Errorf("busy %v, want 0.3", busy)
	}
	if before.busySince(before) != 0 {
		t.Error("no time is not 0")
	}
	if err := os.WriteFile(file, []byte("intr 1 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readStat(file); err == nil {
		t.Error("another file passes")
	}
}

// TestGateIsBounded keeps two threads busy: the gate must give up in time and say so.
func TestGateIsBounded(t *testing.T) {
	var stop atomic.Bool
	defer stop.Store(true)
	for range 2 {
		go func() {
			for !stop.Load() {
			}
		}()
	}
	var r Result
	start := time.Now()
	if err := r.await(context.Background(), 300*time.Millisecond, nil); err != nil {
		t.Fatal(err)
	}
	if r.Quiet || r.OthersBusy < quietShare || time.Since(start) > 10*time.Second {
		t.Errorf("%+v after %v", r, time.Since(start))
	}
}

func TestPeakRSS(t *testing.T) {
	if mb, err := peakRSS(); err != nil || mb < 1 {
		t.Errorf("%v MB, %v", mb, err)
	}
}
