package policy

import (
	"fmt"
	"strings"

	"spar/internal/fault"
	"spar/loader/checkpoint"
	"spar/loader/pack"
	"spar/native"
	"spar/trainer/kernels"
)

// Workload is what a run will ask of a policy at most. A zero part does not occur.
type Workload struct {
	Optimizer native.OptimizerKind // OptimizerNone: no training
	Train     pack.Limits          // largest micro-batch of Accumulate
	Score     pack.Limits          // largest batch of Score
	Sampler   native.SamplerConfig
}

// Memory is the exact number of bytes that a workload takes in the engine.
type Memory struct {
	native.Plan       // of the model and the optimizer; batch and sampler bytes are in the phases
	Train       int64 // batch of the training phase
	Score       int64 // batch of the scoring phase
	Sample      int64 // sampler
}

// Peak is the most that is held at one time: the model, the optimizer and the largest phase.
func (m Memory) Peak() int64 { return m.Plan.Bytes() + max(m.Train, m.Score, m.Sample) }

// PlanMemory computes what a workload takes; nothing is allocated.
func PlanMemory(lib *native.Library, c *checkpoint.Config, o Options, w Workload) (Memory, error) {
	length, err := maxLength(c, o.MaxLength)
	if err != nil {
		return Memory{}, err
	}
	spec, err := Spec(c, length)
	if err != nil {
		return Memory{}, err
	}
	choice, err := kernels.Choose(lib, o.Precision, o.ISA)
	if err != nil {
		return Memory{}, err
	}
	model := native.ModelConfig{Precision: o.Precision, Trainable: o.Trainable}
	var m Memory
	if m.Plan, err = lib.Plan(choice.Family, spec, model, w.Optimizer, nil, nil); err != nil {
		return Memory{}, err
	}
	for _, part := range []struct {
		limits pack.Limits
		train  bool
		bytes  *int64
	}{{w.Train, true, &m.Train}, {w.Score, false, &m.Score}} {
		if part.limits.Rows == 0 {
			continue
		}
		b := native.BatchConfig{Rows: part.limits.Rows, Segments: part.limits.Segments, Targets: part.limits.Targets, Train: part.train}
		plan, err := lib.Plan(choice.Family, spec, model, w.Optimizer, &b, nil)
		if err != nil {
			return Memory{}, err
		}
		*part.bytes = plan.BatchBytes
	}
	if w.Sampler.KVTokens > 0 {
		plan, err := lib.Plan(choice.Family, spec, model, w.Optimizer, nil, &w.Sampler)
		if err != nil {
			return Memory{}, err
		}
		m.Sample = plan.SamplerBytes
	}
	return m, nil
}

// CheckMemory fails with class Memory (exit code 4) when the workload takes more than available
// bytes, and names the cheapest change that fits.
func CheckMemory(lib *native.Library, c *checkpoint.Config, o Options, w Workload, available int64) (Memory, error) {
	have, err := PlanMemory(lib, c, o, w)
	if err != nil || have.Peak() <= available {
		return have, err
	}
	advice, err := adviceThatFits(lib, c, o, w, available)
	if err != nil {
		return have, err
	}
	return have, fault.New(fault.Memory, "the run needs %s of memory (%s) and %s is available: %s", size(have.Peak()), have, size(available), advice)
}

// adviceThatFits names the cheapest change: smaller batches and pools cost some speed and no result;
// after them one moment instead of two.
func adviceThatFits(lib *native.Library, c *checkpoint.Config, o Options, w Workload, available int64) (string, error) {
	rms := w
	rms.Optimizer = native.RMSProp
	for _, try := range []struct {
		load     Workload
		settings []string
	}{{w, nil}, {rms, []string{"optim: rmsprop"}}} {
		if len(try.settings) > 0 && w.Optimizer != native.AdamW {
			continue
		}
		settings, peak, err := shrink(lib, c, o, try.load, available)
		if err != nil {
			return "", err
		}
		if peak > 0 {
			return fmt.Sprintf("with %s it needs %s and fits", strings.Join(append(try.settings, settings...), " and "), size(peak)), nil
		}
	}
	return "no setting makes it fit; use a smaller model or a machine with more memory", nil
}

// memoryLimit is the option or what the machine has.
func memoryLimit(o Options) (int64, error) {
	if o.MemoryLimit > 0 {
		return o.MemoryLimit, nil
	}
	return Available()
}

// fits refuses a phase that would not fit beside the model and the open optimizer.
func (p *Policy) fits(w Workload) error {
	w.Optimizer = p.kind
	_, err := CheckMemory(p.lib, p.Config, p.options, w, p.limit)
	return err
}

// String lists the parts that are not zero.
func (m Memory) String() string {
	var parts []string
	for _, p := range []struct {
		name  string
		bytes int64
	}{
		{"weights", m.WeightBytes}, {"computing copies", m.PackedBytes}, {"gradients", m.GradientBytes}, {"optimizer", m.OptimizerBytes},
		{"training batch", m.Train}, {"scoring batch", m.Score}, {"sampler", m.Sample},
	} {
		if p.bytes > 0 {
			parts = append(parts, p.name+" "+size(p.bytes))
		}
	}
	return strings.Join(parts, ", ")
}

func size(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", float64(bytes)/(1<<30))
}

// leastTokens is the smallest batch or pool worth proposing.
const leastTokens = 256

// shrink halves the phases that are too large until all fit, and returns the settings with the peak
// that they lead to; peak 0: it cannot be done.
func shrink(lib *native.Library, c *checkpoint.Config, o Options, w Workload, available int64) (settings []string, peak int64, err error) {
	rows, pool := max(w.Train.Rows, w.Score.Rows), w.Sampler.KVTokens
	smallerRows, smallerPool := false, false
	m, err := PlanMemory(lib, c, o, w)
	for ; err == nil && m.Peak() > available; m, err = PlanMemory(lib, c, o, w) {
		left := available - m.Plan.Bytes()
		tooManyRows, tooLargePool := max(m.Train, m.Score) > left, m.Sample > left
		if tooManyRows && rows/2 < leastTokens || tooLargePool && pool/2 < leastTokens || left <= 0 {
			return nil, 0, nil
		}
		if tooManyRows {
			rows, smallerRows = rows/2, true
			w.Train, w.Score = capped(w.Train, rows), capped(w.Score, rows)
		}
		if tooLargePool {
			pool, smallerPool = pool/2, true
			w.Sampler.KVTokens = pool
		}
	}
	if smallerRows {
		settings = append(settings, fmt.Sprintf("tokens_per_batch: %d", rows))
	}
	if smallerPool {
		settings = append(settings, fmt.Sprintf("a key/value pool of %d tokens", pool))
	}
	return settings, m.Peak(), err
}

func capped(l pack.Limits, rows int) pack.Limits {
	return pack.Limits{Rows: min(l.Rows, rows), Segments: min(l.Segments, rows), Targets: min(l.Targets, rows)}
}
