package kernels

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"spar/loader/checkpoint"
	"spar/native"
)

// The race's shapes: one layer of a 135 M model, a training batch of few rows and a decode step.
const (
	trainingRows = 256
	decodeRows   = 8
	vocabulary   = 64
)

func layer() (native.Spec, error) {
	rotary := checkpoint.Config{HeadDim: 64, Rope: checkpoint.Rope{Type: "default", Theta: 10000}}
	inv, scale, err := rotary.InvFreq(trainingRows)
	return native.Spec{
		VocabSize: vocabulary, HiddenSize: 576, NumLayers: 1, NumHeads: 9, NumKVHeads: 3, HeadDim: rotary.HeadDim, IntermediateSize: 1536,
		MaxPositions: trainingRows, TieEmbeddings: true, NormEps: 1e-5, RopeScale: scale, RopeInvFreq: inv,
	}, err
}

const (
	rounds   = 8    // timed runs of each shape; the best counts
	decoding = 10   // decode steps timed together
	clearly  = 0.95 // a wider family must need less than this share of a narrower one's time
	hopeless = 2.0  // a family this many times slower at its first run is not run again
)

// candidates are the families worth racing, narrowest first. Without units for bf16 the wider ones compute
// fp32 exactly as avx512 does.
func candidates(isas []string, p native.Precision) []string {
	order := []string{"base", "avx2", "avx512"}
	if p == native.BF16 {
		order = append(order, "avx512bf16", "amx")
	}
	return slices.DeleteFunc(order, func(name string) bool { return !slices.Contains(isas, name) })
}

// race runs the families of both precisions.
func race(lib *native.Library) (o outcome, err error) {
	if o.FP32, err = raceFor(lib, native.FP32); err == nil {
		o.BF16, err = raceFor(lib, native.BF16)
	}
	return o, err
}

func raceFor(lib *native.Library, p native.Precision) (v verdict, err error) {
	names := candidates(lib.Info().ISAs, p)
	if len(names) == 1 {
		return verdict{Winner: names[0]}, nil
	}
	var runners []*runner
	defer func() {
		for _, r := range runners {
			err = errors.Join(err, r.context.Close())
		}
	}()
	for _, name := range names {
		r, err := newRunner(lib, p, name)
		if err != nil {
			return v, fmt.Errorf("race of the kernel families, %s: %w", name, err)
		}
		runners = append(runners, r)
	}
	// Turn by turn, so that a disturbance meets all of them.
	for round := range rounds + 1 {
		fastest := fastestOf(runners)
		for _, r := range runners {
			if round > 0 && r.time() > hopeless*fastest {
				continue
			}
			if err := r.run(); err != nil {
				return v, fmt.Errorf("race of the kernel families, %s: %w", r.name, err)
			}
		}
	}
	for _, r := range runners {
		v.Figures = append(v.Figures, Figure{Family: r.name, Training: 1e3 * r.training, Decode: 1e3 * r.decode})
	}
	v.Winner = winner(v.Figures)
	return v, nil
}

func fastestOf(runners []*runner) float64 {
	best := math.Inf(1)
	for _, r := range runners {
		best = min(best, r.time())
	}
	return best
}

// winner takes a wider family only when it is clearly faster: nearly equal ones must not change places
// with the noise. Training and decode weigh the same.
func winner(figures []Figure) string {
	best := figures[0]
	for _, f := range figures[1:] {
		if math.Sqrt(f.Training*f.Decode) < clearly*math.Sqrt(best.Training*best.Decode) {
			best = f
		}
	}
	return best.Family
}

// runner is one family in the race. Times are the best so far, in seconds; infinite before the first.
type runner struct {
	name             string
	context          *native.Context
	long, short      *native.Batch
	training, decode float64
}

func newRunner(lib *native.Library, p native.Precision, name string) (*runner, error) {
	c, err := lib.OpenContext(native.ContextConfig{ISA: name})
	if err != nil {
		return nil, err
	}
	r := &runner{name: name, context: c, training: math.Inf(1), decode: math.Inf(1)}
	if err := r.prepare(p); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return r, nil
}

func (r *runner) prepare(p native.Precision) error {
	spec, err := layer()
	if err != nil {
		return err
	}
	m, err := r.context.OpenModel(spec, native.ModelConfig{Precision: p})
	if err != nil {
		return err
	}
	for _, t := range m.Tensors() {
		for i := range t.Data {
			t.Data[i] = float32(i%61-30) / 512
		}
	}
	if err := m.Prepare(); err != nil {
		return err
	}
	if r.long, err = fill(m, trainingRows); err != nil {
		return err
	}
	r.short, err = fill(m, decodeRows)
	return err
}

// fill opens a batch of one segment of n rows, of which the last is scored.
func fill(m *native.Model, n int) (*native.Batch, error) {
	b, err := m.OpenBatch(native.BatchConfig{Rows: n, Segments: 1, Targets: 1})
	if err != nil {
		return nil, err
	}
	for i := range n {
		b.Token[i], b.Position[i], b.Target[i] = int32(i%vocabulary), int32(i), -1
	}
	b.Target[n-1] = 0
	b.Segment[0] = native.Segment{NumRows: int32(n), Prefix: -1}
	return b, nil
}

func (r *runner) run() error {
	start := time.Now()
	if err := r.long.Forward(trainingRows, 1, false); err != nil {
		return err
	}
	r.training = min(r.training, time.Since(start).Seconds())
	start = time.Now()
	for range decoding {
		if err := r.short.Forward(decodeRows, 1, false); err != nil {
			return err
		}
	}
	r.decode = min(r.decode, time.Since(start).Seconds()/decoding)
	return nil
}

func (r *runner) time() float64 { return math.Sqrt(r.training * r.decode) }
