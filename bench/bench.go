// Package bench measures the paths that a run spends its time in: update, rollout, score and the
// loader. Each has one Config and one function; a Result is one JSON object.
//
//	r, err := bench.Update(ctx, lib, bench.Config{Model: model})
//
// Rates are counted twice: tok_s in logical tokens, what a user asked for (prompt and response of
// both sequences of every pair), and processed_tok_s in rows really computed, where a prompt shared
// by two responses counts once. peak_share is the model's floating-point operations a second over
// the peak that the engine measures right before and after (Probe), so that a figure from a
// busy or throttled machine shows itself: the bf16 peak in bf16 precision, which is the fp32 peak for a
// family that multiplies bf16 in fp32. Before timing, a gate waits for the other processes to
// be quiet, for a bounded time, and the result says whether they ever were.
//
// A benchmark uses the whole machine: run one at a time.
package bench

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"spar/internal/fault"
	"spar/loader"
	"spar/native"
	"spar/trainer/policy"
)

// Config says what to measure. The zero value of each field but Model is the default.
type Config struct {
	Model          *loader.Model
	Policy         policy.Options     // Trainable and MaxLength are set by the benchmark
	Workload       Workload           // zero: the benchmark's own default
	TokensPerBatch int                // 0: the whole workload in one batch
	Seed           uint64             // of the random ids
	Repeats        int                // timed runs after one to warm up; 0: 5
	QuietWait      time.Duration      // how long to wait for a quiet machine; 0: 2 minutes, negative: one look, no waiting
	Ops            bool               // one more run with the engine's profile, not among the timed ones
	Waiting        func(busy float64) // told once when the machine is not quiet, with the share that others use; nil: nobody
}

// Result is one measurement.
type Result struct {
	Benchmark      string    `json:"benchmark"`
	TokS           float64   `json:"tok_s"` // middle, logical tokens
	TokSMin        float64   `json:"tok_s_min"`
	TokSMax        float64   `json:"tok_s_max"`
	ProcessedTokS  float64   `json:"processed_tok_s"`      // middle, rows computed
	PeakShare      float64   `json:"peak_share,omitempty"` // of the probe named by PeakOf; absent where nothing is multiplied
	PeakOf         string    `json:"peak_of,omitempty"`    // fp32 or bf16: the products that probe_gflop_s is of
	RSSMB          float64   `json:"rss_mb"`               // peak resident memory of the process at work, 2^20 bytes
	PlanMB         float64   `json:"plan_mb,omitempty"`    // what the memory plan says the engine holds at most
	LogicalTokens  int       `json:"logical_tokens"`       // in one repeat
	Processed      int       `json:"processed_tokens"`     // in one repeat
	GFlop          float64   `json:"gflop,omitempty"`      // in one repeat
	ProbeGFlopS    float64   `json:"probe_gflop_s,omitempty"`
	ProbeGBS       float64   `json:"probe_gb_s,omitempty"`        // read
	ProbeCopyGBS   float64   `json:"probe_copy_gb_s,omitempty"`   // read and written
	ProbeUpdateGBS float64   `json:"probe_update_gb_s,omitempty"` // read and written in place
	Seconds        []float64 `json:"seconds"`                     // of every repeat, in order
	Quiet          bool      `json:"quiet"`                       // other processes used little CPU when timing began
	OthersBusy     float64   `json:"others_busy"`
	WaitedS        float64   `json:"waited_s"`
	Workload                 // pairs, or batch, prompt_len, new_tokens
	Seed           uint64    `json:"seed"`
	TokensPerBatch int       `json:"tokens_per_batch,omitempty"`
	Model          string    `json:"model"` // name of its file or directory
	Parameters     int64     `json:"parameters"`
	Precision      string    `json:"precision,omitempty"`
	Threads        int       `json:"threads,omitempty"`
	ISA            string    `json:"isa,omitempty"`
	ISAFrom        string    `json:"isa_from,omitempty"` // how the family was chosen: named, raced or cached
	CPU            string    `json:"cpu,omitempty"`
	Backend        string    `json:"backend,omitempty"`
	Build          string    `json:"build,omitempty"`
	Ops            []OpRate  `json:"ops,omitempty"` // where the time goes, when asked for

	limits native.Probe
}

// work is what one benchmark does in a repeat.
type work struct {
	run       func() error
	logical   int
	processed int
	flops     float64
}

const (
	defaultRepeats   = 5
	defaultQuietWait = 2 * time.Minute
	probeTime        = 500 * time.Millisecond
)

func (c Config) withDefaults() (Config, error) {
	if c.Model == nil {
		return c, errors.New("bench: the config has no model")
	}
	if c.Repeats == 0 {
		c.Repeats = defaultRepeats
	}
	if c.QuietWait == 0 {
		c.QuietWait = defaultQuietWait
	}
	if c.Repeats < 0 || c.TokensPerBatch < 0 {
		return c, fault.Usagef("repeats is %d and tokens_per_batch %d; neither may be negative", c.Repeats, c.TokensPerBatch)
	}
	return c, nil
}

// result starts a Result with everything known before timing.
func (c Config) result(name string, lib *native.Library, p *policy.Policy) *Result {
	r := &Result{
		Benchmark: name, Workload: c.Workload, Seed: c.Seed, TokensPerBatch: c.TokensPerBatch,
		Model: filepath.Base(c.Model.Path), Parameters: c.Model.Config.Parameters(),
	}
	if lib == nil {
		return r
	}
	info := lib.Info()
	r.CPU, r.Backend, r.Build = info.CPU, info.Backend, info.Build
	r.ISA, r.ISAFrom = p.Kernels().Family, p.Kernels().Origin
	r.Precision, r.Threads = c.Policy.Precision.String(), c.Policy.Threads
	if r.Threads == 0 {
		r.Threads = info.CPUCount
	}
	return r
}

// measure warms up, waits for quiet, times the repeats between two probes and fills r. Memory is read
// before the first probe, whose own buffer is no part of the work. p is nil for work without the engine.
func (c Config) measure(ctx context.Context, r *Result, w work, p *policy.Policy) (err error) {
	if err := w.run(); err != nil {
		return err
	}
	if r.RSSMB, err = peakRSS(); err != nil {
		return err
	}
	if err := r.await(ctx, c.QuietWait, c.Waiting); err != nil {
		return err
	}
	if err := r.probe(p, c.Policy.Precision); err != nil {
		return err
	}
	for range c.Repeats {
		start := time.Now()
		if err := w.run(); err != nil {
			return err
		}
		r.Seconds = append(r.Seconds, time.Since(start).Seconds())
	}
	if err := r.probe(p, c.Policy.Precision); err != nil {
		return err
	}
	r.summarize(w)
	if c.Ops && p != nil {
		return r.profile(w, p, c.Policy.Precision)
	}
	return nil
}

// profile runs the work once more, op by op.
func (r *Result) profile(w work, p *policy.Policy, precision native.Precision) error {
	ops, err := profiled(p.Context(), w.run)
	if err != nil {
		return err
	}
	r.Ops = opRates([][]native.OpProfile{ops}, precision, r.limits)
	return nil
}

// probe keeps the larger of the probes, so that a share is never flattered by a disturbed one.
func (r *Result) probe(p *policy.Policy, precision native.Precision) error {
	if p == nil {
		return nil
	}
	seen, err := p.Context().Probe(probeTime)
	l := larger(r.limits, seen)
	r.limits = l
	r.PeakOf, r.ProbeGFlopS = productPeak(precision, l)
	r.ProbeGBS, r.ProbeCopyGBS, r.ProbeUpdateGBS = l.ReadGBPerSec, l.CopyGBPerSec, l.UpdateGBPerSec
	return err
}

func (r *Result) summarize(w work) {
	sorted := slices.Sorted(slices.Values(r.Seconds))
	middle := median(sorted)
	logical := float64(w.logical)
	r.LogicalTokens, r.Processed, r.GFlop = w.logical, w.processed, w.flops/1e9
	r.TokS, r.TokSMin, r.TokSMax = logical/middle, logical/sorted[len(sorted)-1], logical/sorted[0]
	r.ProcessedTokS = float64(w.processed) / middle
	if r.ProbeGFlopS > 0 {
		r.PeakShare = r.GFlop / middle / r.ProbeGFlopS
	}
}

// median is the middle of sorted seconds.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
