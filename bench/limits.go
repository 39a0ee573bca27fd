package bench

import (
	"slices"
	"strings"

	"spar/native"
)

// OpRate is one kind of op against the machine's limit. Rates are in GFLOP/s where the limit is a
// multiply unit, else in GB/s.
type OpRate struct {
	Op      string  `json:"op"`
	Calls   int64   `json:"calls"`        // in one repeat
	Seconds float64 `json:"seconds"`      // middle of the repeats, of all calls together
	GFlop   float64 `json:"gflop"`        // in one repeat, as the op's op.h states it
	GB      float64 `json:"gb"`           // in one repeat, likewise
	Limit   string  `json:"limit"`        // fp32 or bf16 products; read, copy or update of memory
	Peak    float64 `json:"limit_rate"`   // probed in the same minute
	Rate    float64 `json:"rate"`         // middle
	RateMin float64 `json:"rate_min"`     //
	RateMax float64 `json:"rate_max"`     //
	Share   float64 `json:"share"`        // of the limit, middle
	Part    float64 `json:"part_of_time"` // of all ops of the repeat
}

// copies and updates are the ops whose bytes go both ways; all others mostly read.
var (
	copies  = []string{"embed_forward", "norm_forward", "norm_apply", "norm_backward", "rope_forward", "rope_backward", "act_backward", "kv_write", "gather", "scatter", "linear_prepare"}
	updates = []string{"embed_backward", "optimizer_update", "zero_rows"}
)

// productPeak is what bounds the products with weights in a precision: the bf16 peak, or fp32's where the
// family multiplies bf16 in fp32.
func productPeak(precision native.Precision, p native.Probe) (name string, gflops float64) {
	if precision == native.BF16 && p.BF16GFlops > p.FP32GFlops {
		return "bf16", p.BF16GFlops
	}
	return "fp32", p.FP32GFlops
}

// limitOf is the nearer of an op's two limits: the multiply unit of its format, or memory the way the op
// moves it. Attention, and everything but the products with weights, multiplies in fp32.
func limitOf(op native.OpProfile, precision native.Precision, p native.Probe) (name string, peak, amount float64) {
	if !strings.HasPrefix(op.Name, "linear_") && !strings.HasPrefix(op.Name, "head_") {
		precision = native.FP32
	}
	name, peak = productPeak(precision, p)
	memory, rate := "read", p.ReadGBPerSec
	switch {
	case slices.Contains(copies, op.Name):
		memory, rate = "copy", p.CopyGBPerSec
	case slices.Contains(updates, op.Name):
		memory, rate = "update", p.UpdateGBPerSec
	}
	if float64(op.Flops)/peak >= float64(op.Bytes)/rate {
		return name, peak, float64(op.Flops) / 1e9
	}
	return memory, rate, float64(op.Bytes) / 1e9
}

// opRates sums up the profiles of repeats that did the same work; the costliest op comes first.
func opRates(repeats [][]native.OpProfile, precision native.Precision, p native.Probe) []OpRate {
	var out []OpRate
	total := 0.0
	for _, op := range repeats[0] {
		var seconds []float64
		for _, r := range repeats {
			for _, o := range r {
				if o.Name == op.Name {
					seconds = append(seconds, float64(o.TimeNs)/1e9)
				}
			}
		}
		slices.Sort(seconds)
		limit, peak, amount := limitOf(op, precision, p)
		middle := median(seconds)
		total += middle
		out = append(out, OpRate{
			Op: op.Name, Calls: op.Calls, Seconds: middle, GFlop: float64(op.Flops) / 1e9, GB: float64(op.Bytes) / 1e9,
			Limit: limit, Peak: peak, Rate: amount / middle, RateMin: amount / seconds[len(seconds)-1], RateMax: amount / seconds[0],
			Share: amount / middle / peak,
		})
	}
	for i := range out {
		out[i].Part = out[i].Seconds / total
	}
	slices.SortFunc(out, func(a, b OpRate) int {
		switch {
		case a.Seconds > b.Seconds:
			return -1
		case a.Seconds < b.Seconds:
			return 1
		}
		return 0
	})
	return out
}

// larger is the larger of two probes, rate by rate: a disturbed probe must not flatter a share.
func larger(a, b native.Probe) native.Probe {
	return native.Probe{
		FP32GFlops: max(a.FP32GFlops, b.FP32GFlops), BF16GFlops: max(a.BF16GFlops, b.BF16GFlops), ReadGBPerSec: max(a.ReadGBPerSec, b.ReadGBPerSec),
		CopyGBPerSec: max(a.CopyGBPerSec, b.CopyGBPerSec), UpdateGBPerSec: max(a.UpdateGBPerSec, b.UpdateGBPerSec),
	}
}
