package bench

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"spar/internal/fault"
	"spar/loader/checkpoint"
	"spar/native"
	"spar/trainer/kernels"
	"spar/trainer/policy"
)

// OpsConfig says which ops to measure: all of the programs of a training step and of a decode step, on
// models of known shapes with as many layers as it takes to leave the caches.
type OpsConfig struct {
	Filter    string // part of "model/precision/phase m=rows/op", e.g. "SmolLM2" or "bf16/decode"; "": all
	Threads   int
	ISA       string // "": the winner of the race
	Repeats   int    // timed; 0: 5
	QuietWait time.Duration
	Waiting   func(busy float64)
}

// OpRow is one op at one shape.
type OpRow struct {
	Benchmark string `json:"benchmark"` // ops
	Model     string `json:"model"`
	Precision string `json:"precision"`
	Phase     string `json:"phase"` // training or decode
	Rows      int    `json:"rows"`
	OpRate
	Repeats    int     `json:"repeats"`
	ISA        string  `json:"isa"`
	ISAFrom    string  `json:"isa_from"`
	Threads    int     `json:"threads"`
	CPU        string  `json:"cpu"`
	Build      string  `json:"build"`
	Quiet      bool    `json:"quiet"`
	OthersBusy float64 `json:"others_busy"`
}

func (r OpRow) name() string {
	return r.Model + "/" + r.Precision + "/" + r.Phase + " m=" + strconv.Itoa(r.Rows) + "/" + r.Op
}

// shape is a model by its public dimensions; layers are as many as hold 32 M parameters or more.
type shape struct {
	name   string
	config checkpoint.Config
}

func shapes() []shape {
	s := func(name string, c, heads, kv, d, f, v, layers int, bias bool) shape {
		return shape{name, checkpoint.Config{
			VocabSize: v, HiddenSize: c, NumLayers: layers, NumHeads: heads, NumKVHeads: kv, HeadDim: d, IntermediateSize: f,
			MaxPositions: 1024, TieEmbeddings: true, QKVBias: bias, NormEps: 1e-5, Rope: checkpoint.Rope{Type: "default", Theta: 10000},
		}}
	}
	return []shape{
		s("SmolLM2-135M", 576, 9, 3, 64, 1536, 49152, 10, false),
		s("Qwen2.5-0.5B", 896, 14, 2, 64, 4864, 151936, 3, true),
		s("Llama-3.2-1B", 2048, 32, 8, 64, 8192, 128256, 1, false),
	}
}

var (
	trainingRows = []int{256, 1792}
	decodeRows   = []int{1, 8, 32}
)

// Ops measures every op of the CPU table where a run meets it: between its neighbours, inside the
// programs of a training step and of a decode step, timed one by one by the engine's profile. Each row
// stands beside the probe of its own minute, and tells the nearer limit. row is called for each result.
func Ops(ctx context.Context, lib *native.Library, c OpsConfig, row func(OpRow) error) error {
	if c.Repeats == 0 {
		c.Repeats = defaultRepeats
	}
	if c.Repeats < 0 {
		return fault.Usagef("repeats is %d; it may not be negative", c.Repeats)
	}
	found := false
	for _, s := range shapes() {
		for _, p := range []native.Precision{native.FP32, native.BF16} {
			n, err := c.model(ctx, lib, s, p, row)
			if err != nil {
				return err
			}
			found = found || n > 0
		}
	}
	if !found {
		return fault.Usagef("no op has %q in its name; names are like SmolLM2-135M/bf16/decode m=8/linear_forward", c.Filter)
	}
	return nil
}

// phase is one way of running a model; wanted when the filter may match below it.
type phase struct {
	name string
	rows int
	open func(m *native.Model, rows, repeats int) (repeat func() error, closer func() error, err error)
}

func phases() (out []phase) {
	for _, n := range trainingRows {
		out = append(out, phase{"training", n, openTraining})
	}
	for _, n := range decodeRows {
		out = append(out, phase{"decode", n, openDecode})
	}
	return out
}

// wanted reports whether a row of the phase could have the filter in its name.
func (c OpsConfig) wanted(prefix string) bool {
	for _, op := range opNames {
		if strings.Contains(prefix+"/"+op, c.Filter) {
			return true
		}
	}
	return false
}

// opNames are the ops that a phase may hold, for the filter.
var opNames = []string{"embed_forward", "embed_backward", "norm_forward", "norm_apply", "norm_backward", "linear_prepare",
	"linear_forward", "linear_gated", "linear_backward_input", "linear_backward_weight", "rope_forward", "rope_backward",
	"attention_forward", "attention_backward", "attention_decode", "kv_write", "act_backward", "head_forward", "head_backward",
	"gather", "scatter", "grad_norm", "optimizer_update", "zero_rows", "sample"}

func (c OpsConfig) model(ctx context.Context, lib *native.Library, s shape, p native.Precision, row func(OpRow) error) (n int, err error) {
	var todo []phase
	for _, ph := range phases() {
		if c.wanted(s.name + "/" + p.String() + "/" + ph.name + " m=" + strconv.Itoa(ph.rows)) {
			todo = append(todo, ph)
		}
	}
	if len(todo) == 0 {
		return 0, nil
	}
	spec, err := policy.Spec(&s.config, s.config.MaxPositions)
	if err != nil {
		return 0, err
	}
	choice, err := kernels.Choose(lib, p, c.ISA)
	if err != nil {
		return 0, err
	}
	engine, err := lib.OpenContext(native.ContextConfig{Threads: c.Threads, ISA: choice.Family})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	m, err := engine.OpenModel(spec, native.ModelConfig{Precision: p, Trainable: true})
	if err != nil {
		return 0, err
	}
	for _, t := range m.Tensors() {
		for i := range t.Data {
			t.Data[i] = float32(i%61-30) / 1024
		}
	}
	if err := m.Prepare(); err != nil {
		return 0, err
	}
	info := lib.Info()
	base := OpRow{Benchmark: "ops", Model: s.name, Precision: p.String(), Repeats: c.Repeats, ISA: choice.Family, ISAFrom: choice.Origin,
		Threads: c.Threads, CPU: info.CPU, Build: info.Build}
	if base.Threads == 0 {
		base.Threads = info.CPUCount
	}
	for _, ph := range todo {
		rows, err := c.phase(ctx, engine, m, ph, p, base)
		if err != nil {
			return n, err
		}
		for _, r := range rows {
			if strings.Contains(r.name(), c.Filter) {
				n++
				if err := row(r); err != nil {
					return n, err
				}
			}
		}
	}
	return n, nil
}

// phase measures one way of running the model.
func (c OpsConfig) phase(ctx context.Context, engine *native.Context, m *native.Model, ph phase, p native.Precision, base OpRow) (rows []OpRow, err error) {
	repeat, closer, err := ph.open(m, ph.rows, c.Repeats+1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closer()) }()
	if err := repeat(); err != nil {
		return nil, err
	}
	var gate Result
	if err := gate.await(ctx, c.QuietWait, c.Waiting); err != nil {
		return nil, err
	}
	before, err := engine.Probe(probeTime)
	if err != nil {
		return nil, err
	}
	var profiles [][]native.OpProfile
	for range c.Repeats {
		profile, err := profiled(engine, repeat)
		if err != nil {
			return nil, err
		}
		profiles = append(profiles, profile)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	after, err := engine.Probe(probeTime)
	if err != nil {
		return nil, err
	}
	base.Phase, base.Rows, base.Quiet, base.OthersBusy = ph.name, ph.rows, gate.Quiet, gate.OthersBusy
	for _, r := range opRates(profiles, p, larger(before, after)) {
		row := base
		row.OpRate = r
		rows = append(rows, row)
	}
	return rows, nil
}

// profiled runs work with the engine's profile on.
func profiled(engine *native.Context, work func() error) ([]native.OpProfile, error) {
	if err := engine.StartProfile(true); err != nil {
		return nil, err
	}
	if err := work(); err != nil {
		return nil, err
	}
	out, err := engine.ReadProfile()
	return out, errors.Join(err, engine.StartProfile(false))
}

// A training batch is groups of 256 rows: a prompt and two responses that share it.
const groupRows, promptRows = 256, 64

func openTraining(m *native.Model, rows, _ int) (func() error, func() error, error) {
	groups := rows / groupRows
	const responseRows = (groupRows - promptRows) / 2
	o, err := m.OpenOptimizer(updateOptimizer)
	if err != nil {
		return nil, nil, err
	}
	b, err := m.OpenBatch(native.BatchConfig{Rows: rows, Segments: 3 * groups, Targets: rows, Train: true})
	if err != nil {
		return nil, nil, errors.Join(err, o.Close())
	}
	for g := range groups {
		first := int32(g * groupRows)
		b.Segment[3*g] = native.Segment{FirstRow: first, NumRows: promptRows, Prefix: -1}
		for k := range int32(2) {
			b.Segment[3*g+1+int(k)] = native.Segment{FirstRow: first + promptRows + k*responseRows, NumRows: responseRows, Prefix: int32(3 * g)}
		}
		for i := range groupRows {
			row, position := int(first)+i, i
			if i >= promptRows+responseRows {
				position -= responseRows
			}
			b.Token[row], b.Position[row], b.Target[row], b.Coef[row] = int32(row%1000), int32(position), -1, 1e-3
			if i >= promptRows {
				b.Target[row] = int32((row + 1) % 1000)
			}
		}
	}
	repeat := func() error {
		if err := b.Forward(rows, 3*groups, false); err != nil {
			return err
		}
		if err := b.Backward(); err != nil {
			return err
		}
		_, err := o.Step(updateRate, updateMaxNorm)
		return err
	}
	return repeat, func() error { return errors.Join(b.Close(), o.Close()) }, nil
}

// A repeat of decode is this many steps of as many sequences as rows, behind prompts of promptRows.
const decodeSteps = 8

func openDecode(m *native.Model, rows, repeats int) (func() error, func() error, error) {
	// Prompts are computed beside sequences that already draw: at least 16 rows of them a step.
	admission := rows * promptRows / 16
	length := promptRows + admission + decodeSteps*(repeats+2)
	s, err := m.OpenSampler(native.SamplerConfig{MaxRows: max(rows, promptRows), KVTokens: rows * (length + 1)})
	if err != nil {
		return nil, nil, err
	}
	fail := func(err error) (func() error, func() error, error) { return nil, nil, errors.Join(err, s.Close()) }
	prompt := make([]int32, promptRows)
	for i := range rows {
		for k := range prompt {
			prompt[k] = int32((i*31 + k) % 1000)
		}
		r := native.Request{ID: int64(i), Prompt: prompt, Samples: 1, MaxNewTokens: length - promptRows, Temperature: 1, TopP: 1, Seed: 1, PromptKey: int32(i)}
		if err := s.Add(r); err != nil {
			return fail(err)
		}
	}
	for { // until all prompts are computed and every sequence decodes
		p, err := s.Run(1)
		if err != nil {
			return fail(err)
		}
		if p.Waiting == 0 && p.Prefill == 0 && p.Running == rows {
			break
		}
		if p.Running == 0 && p.Waiting == 0 {
			return fail(errors.New("bench: the sequences ended before all of them decoded together"))
		}
	}
	return func() error { _, err := s.Run(decodeSteps); return err }, s.Close, nil
}
