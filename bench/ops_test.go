package bench

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/native"
)

// TestOps measures decode of the smallest model and wants every op of a decode step, each with a rate,
// a limit and a share that follow from its time.
func TestOps(t *testing.T) {
	var rows []OpRow
	c := OpsConfig{Filter: "SmolLM2-135M/fp32/decode m=8/", Threads: 2, Repeats: 2, QuietWait: -1}
	err := Ops(context.Background(), openLibrary(t), c, func(r OpRow) error { rows = append(rows, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	names, part := []string{}, 0.0
	for _, r := range rows {
		names, part = append(names, r.Op), part+r.Part
		if !(r.RateMin > 0 && r.RateMin <= r.Rate && r.Rate <= r.RateMax && r.Peak > 0) || math.Abs(r.Share-r.Rate/r.Peak) > 1e-9 {
			t.Errorf("%+v", r)
		}
		if r.Model != "SmolLM2-135M" || r.Rows != 8 || r.Phase != "decode" || r.Precision != "fp32" || r.ISA == "" {
			t.Errorf("%+v", r)
		}
	}
	for _, name := range names {
		if !slices.Contains(opNames, name) {
			t.Errorf("no filter finds %s", name)
		}
	}
	for _, want := range []string{"linear_forward", "attention_decode", "kv_write", "sample"} {
		if !slices.Contains(names, want) {
			t.Errorf("%v lacks %s", names, want)
		}
	}
	if math.Abs(part-1) > 1e-9 {
		t.Errorf("the parts add up to %v", part)
	}
	c.Filter = "no such op"
	if err := Ops(context.Background(), openLibrary(t), c, nil); fault.ExitCode(err) != 2 || !strings.Contains(err.Error(), "no such op") {
		t.Errorf("%v", err)
	}
}

// TestLimit checks which limit is the nearer one.
func TestLimit(t *testing.T) {
	p := native.Probe{FP32GFlops: 400, BF16GFlops: 4000, ReadGBPerSec: 30, CopyGBPerSec: 40, UpdateGBPerSec: 60}
	slow := p
	slow.BF16GFlops = 200
	for _, c := range []struct {
		op           string
		flops, bytes int64
		precision    native.Precision
		probe        native.Probe
		want         string
	}{
		{"linear_forward", 1e9, 1e6, native.FP32, p, "fp32"},
		{"linear_forward", 1e9, 1e6, native.BF16, p, "bf16"},
		{"linear_forward", 1e9, 1e6, native.BF16, slow, "fp32"},
		{"linear_forward", 1e6, 1e6, native.BF16, p, "read"},
		{"attention_forward", 1e9, 1e6, native.BF16, p, "fp32"},
		{"act_backward", 1e6, 1e6, native.FP32, p, "copy"},
		{"optimizer_update", 1e6, 1e6, native.FP32, p, "update"},
	} {
		if got, _, _ := limitOf(native.OpProfile{Name: c.op, Flops: c.flops, Bytes: c.bytes}, c.precision, c.probe); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.op, c.precision, got, c.want)
		}
	}
}

// TestOpNames: each op is named once, and the limits' lists hold no other names.
func TestOpNames(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range opNames {
		if seen[name] {
			t.Errorf("%s twice", name)
		}
		seen[name] = true
	}
	for _, name := range append(slices.Clone(copies), updates...) {
		if !seen[name] {
			t.Errorf("%s is in no program", name)
		}
	}
}

// TestShippedWorkloads reads every file of bench/workloads.
func TestShippedWorkloads(t *testing.T) {
	for name, logical := range map[string]int{"w1": 2048, "w2": 2048, "score": 2048, "w3": 0} {
		w, err := ReadWorkload("workloads/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if logical > 0 && w.logical() != logical || name == "w3" && len(w.Pairs) != 8 {
			t.Errorf("%s: %d tokens in %d pairs", name, w.logical(), len(w.Pairs))
		}
	}
	for name, batch := range map[string]int{"rollout1": 1, "rollout8": 8, "rollout32": 32} {
		w, err := ReadWorkload("workloads/" + name + ".json")
		if err != nil || w.Batch != batch || w.PromptLen != 64 || w.NewTokens != 128 {
			t.Errorf("%s: %+v %v", name, w, err)
		}
	}
}
