package policy

import (
	"fmt"
	"strings"

	"spar/internal/fault"
	"spar/loader/checkpoint"
	"spar/loader/pack"
	"spar/native"
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
	model := native.ModelConfig{Precision: o.Precision, Trainable: o.Trainable}
	var m Memory
	if m.Plan, err = lib.Plan(spec, model, w.Optimizer, nil, nil); err != nil {
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
		plan, err := lib.Plan(spec, model, w.Optimizer, &b, nil)
		if err != nil {
			return Memory{}, err
		}
		*part.bytes = plan.BatchBytes
	}
	if w.Sampler.KVTokens > 0 {
		plan, err := lib.Plan(spec, model, w.Optimizer, nil, &w.Sampler)
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
	advice := "no setting makes it fit; use a smaller model or a machine with more memory"
	for _, change := range changes(o, w) {
		m, err := PlanMemory(lib, c, change.options, change.workload)
		if err != nil {
			return have, err
		}
		if m.Peak() <= available {
			advice = fmt.Sprintf("%s needs %s and fits", change.text, gib(m.Peak()))
			break
		}
	}
	return have, fault.New(fault.Memory, "the run needs %s of memory (%s) and %s is available: %s", gib(have.Peak()), have, gib(available), advice)
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
			parts = append(parts, p.name+" "+gib(p.bytes))
		}
	}
	return strings.Join(parts, ", ")
}

func gib(bytes int64) string { return fmt.Sprintf("%.2f GiB", float64(bytes)/(1<<30)) }

// change is a setting that takes less memory.
type change struct {
	text     string
	options  Options
	workload Workload
}

// leastRows is the smallest token budget worth proposing.
const leastRows = 256

// changes lists settings from the cheapest on: smaller batches and pools cost some speed and no
// result; then one moment instead of two; then both.
func changes(o Options, w Workload) []change {
	list := smaller("", o, w)
	if w.Optimizer == native.AdamW {
		w.Optimizer = native.RMSProp
		list = append(list, change{"optim: rmsprop", o, w})
		list = append(list, smaller("optim: rmsprop with ", o, w)...)
	}
	return list
}

// smaller halves the batches' rows and the sampler's pool together until they reach the least.
func smaller(prefix string, o Options, w Workload) []change {
	var list []change
	for {
		rows, pool := max(w.Train.Rows, w.Score.Rows), w.Sampler.KVTokens
		if rows/2 < leastRows && pool/2 < leastRows {
			return list
		}
		var texts []string
		if rows/2 >= leastRows {
			w.Train, w.Score = capped(w.Train, rows/2), capped(w.Score, rows/2)
			texts = append(texts, fmt.Sprintf("tokens_per_batch: %d", rows/2))
		}
		if pool/2 >= leastRows {
			w.Sampler.KVTokens = pool / 2
			texts = append(texts, fmt.Sprintf("a key/value pool of %d tokens", pool/2))
		}
		list = append(list, change{prefix + strings.Join(texts, " and "), o, w})
	}
}

func capped(l pack.Limits, rows int) pack.Limits {
	return pack.Limits{Rows: min(l.Rows, rows), Segments: min(l.Segments, rows), Targets: min(l.Targets, rows)}
}
