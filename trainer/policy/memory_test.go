package policy

import (
	"context"
	"slices"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/loader/checkpoint"
	"spar/loader/pack"
	"spar/native"
)

var trainLoad = Workload{
	Optimizer: native.AdamW,
	Train:     pack.Limits{Rows: 4096, Segments: 64, Targets: 4096},
	Score:     pack.Limits{Rows: 4096, Segments: 64, Targets: 4096},
	Sampler:   native.SamplerConfig{MaxRows: 64, KVTokens: 4096},
}

// smallConfig is a model of 135 million weights; nothing of it is allocated.
func smallConfig(t *testing.T) *checkpoint.Config {
	c := *tinyModel(t).Config
	c.VocabSize, c.HiddenSize, c.NumLayers, c.IntermediateSize = 49152, 576, 30, 1536
	c.NumHeads, c.NumKVHeads, c.HeadDim, c.TieEmbeddings = 9, 3, 64, true
	return &c
}

// TestMemoryAdvice lowers the available memory and reads the advice.
func TestMemoryAdvice(t *testing.T) {
	lib, config := openLibrary(t), smallConfig(t)
	o := Options{Trainable: true}
	full, err := CheckMemory(lib, config, o, trainLoad, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	if full.Train <= full.Score || full.Peak() != full.Plan.Bytes()+full.Train {
		t.Errorf("plan %+v", full)
	}
	rms := trainLoad
	rms.Optimizer = native.RMSProp
	less, err := PlanMemory(lib, config, o, rms)
	if err != nil || less.OptimizerBytes*2 != full.OptimizerBytes {
		t.Errorf("rmsprop %d, adamw %d bytes, %v", less.OptimizerBytes, full.OptimizerBytes, err)
	}
	for _, c := range []struct {
		name      string
		available int64
		want      string
	}{
		{"one byte short", full.Peak() - 1, "with tokens_per_batch: 2048 it needs"},
		{"a quarter of the batch", full.Plan.Bytes() + full.Train/4 + full.Train/16, "tokens_per_batch: 1024"},
		{"a little optimizer less", full.Plan.Bytes() - full.OptimizerBytes/8, "with optim: rmsprop and tokens_per_batch: "},
		{"hopeless", 1000, "no setting makes it fit"},
	} {
		_, err := CheckMemory(lib, config, o, trainLoad, c.available)
		if err == nil || fault.ExitCode(err) != 4 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestMemoryAddsUp plans the model alone and with phases:
// the model's part must be the same.
func TestMemoryAddsUp(t *testing.T) {
	lib, config := openLibrary(t), tinyModel(t).Config
	all, err := PlanMemory(lib, config, Options{Trainable: true}, trainLoad)
	if err != nil {
		t.Fatal(err)
	}
	none, err := PlanMemory(lib, config, Options{Trainable: true}, Workload{Optimizer: native.AdamW})
	if err != nil {
		t.Fatal(err)
	}
	if none.Plan != all.Plan || none.Train+none.Score+none.Sample != 0 || all.Parameters != config.Parameters() {
		t.Errorf("%+v\n%+v", none, all)
	}
}

// TestMemoryShrinksThePool has a pool that is larger than everything else: only it is proposed.
func TestMemoryShrinksThePool(t *testing.T) {
	w := trainLoad
	w.Sampler.KVTokens = 1 << 20
	lib, config := openLibrary(t), tinyModel(t).Config
	m, err := PlanMemory(lib, config, Options{Trainable: true}, w)
	if err != nil {
		t.Fatal(err)
	}
	_, err = CheckMemory(lib, config, Options{Trainable: true}, w, m.Peak()*2/3)
	if err == nil || !strings.Contains(err.Error(), "with a key/value pool of 524288 tokens it needs") {
		t.Errorf("got %v", err)
	}
}

// TestPhasesAreRefused gives a policy room for its weights and little more.
func TestPhasesAreRefused(t *testing.T) {
	lib, m := openLibrary(t), tinyModel(t)
	model, err := PlanMemory(lib, m.Config, Options{Trainable: true}, Workload{Optimizer: native.OptimizerNone})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(lib, m, Options{Trainable: true, MemoryLimit: model.Peak() - 1}); fault.ExitCode(err) != 4 {
		t.Errorf("one byte short of the weights: %v", err)
	}
	sampler := native.SamplerConfig{MaxRows: 8, KVTokens: 80}
	room, err := PlanMemory(lib, m.Config, Options{Trainable: true}, Workload{Optimizer: native.OptimizerNone, Sampler: sampler})
	if err != nil {
		t.Fatal(err)
	}
	p := openPolicy(t, m, Options{Trainable: true, MemoryLimit: room.Peak()})
	if err := p.Accumulate(context.Background(), slices.Repeat(someGroups(), 20), 0, plainWeigh); fault.ExitCode(err) != 4 {
		t.Errorf("a batch beyond the limit: %v", err)
	}
	if err := p.OpenOptimizer(native.OptimizerConfig{Kind: native.AdamW}); fault.ExitCode(err) != 4 {
		t.Errorf("an optimizer beyond the limit: %v", err)
	}
	want := sample(t, tiny(t, Options{}), someRequests(), SampleOptions{})
	sameCompletions(t, "a pool that shrank", sample(t, p, someRequests(), SampleOptions{MaxRows: 8}), want)
	err = p.Sample(context.Background(), someRequests(), SampleOptions{MaxRows: 8, KVTokens: 1 << 20}, func(Completion) error { return nil })
	if fault.ExitCode(err) != 4 {
		t.Errorf("a pool beyond the limit: %v", err)
	}
}
