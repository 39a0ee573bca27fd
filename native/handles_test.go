package native

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"spar/internal/fault"
)

// TestToyTraining walks all handles once and predicts every number.
func TestToyTraining(t *testing.T) {
	m := openToyModel(t)
	w := m.Tensors()
	if len(w) != 1 || w[0].Name != "toy.weight" || len(w[0].Data) != 20 || len(w[0].Grad) != 20 || w[0].Data[0] != 0.25 {
		t.Fatalf("tensors are %+v", w)
	}
	b, err := m.OpenBatch(BatchConfig{Rows: 4, Segments: 2, Targets: 4, Train: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Backward(); !errors.Is(err, ErrState) {
		t.Errorf("backward before forward: %v", err)
	}
	copy(b.Token, []int32{1, 2, 3, 4})
	b.Segment[0] = Segment{FirstRow: 0, NumRows: 2, Prefix: -1}
	b.Segment[1] = Segment{FirstRow: 2, NumRows: 2, Prefix: 0}
	if err := b.Forward(4, 2, false); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{0, -1, -3, -4} {
		if b.Logp[i] != want {
			t.Errorf("logp[%d] = %v, want %v", i, b.Logp[i], want)
		}
	}
	b.Coef[0] = 2
	if err := b.Backward(); err != nil {
		t.Fatal(err)
	}
	o, err := m.OpenOptimizer(OptimizerConfig{Kind: RMSProp})
	if err != nil {
		t.Fatal(err)
	}
	if norm, err := o.Step(0.1, 1); err != nil || norm != 2 || w[0].Data[0] != 0.25-float32(0.1)*2 {
		t.Errorf("norm %v, weight %v, error %v", norm, w[0].Data[0], err)
	}
	if err := o.Resume(41); err != nil {
		t.Fatal(err)
	}
	if s := o.State(); s.Step != 41 || len(s.First) != 20 || s.Second != nil {
		t.Errorf("state is %+v", s)
	}
	w[0].Grad[0] = 1e9
	if norm, err := o.Step(0.1, 1); norm != 1e9 || !errors.Is(err, ErrNonFinite) || fault.ExitCode(err) != 5 {
		t.Errorf("norm %v, error %v", norm, err)
	}
	if text, err := b.Program(1); err != nil || text != "backward of the toy" {
		t.Errorf("program %q, %v", text, err)
	}
}

// TestToySampling copies completions out before the engine reuses its buffers.
func TestToySampling(t *testing.T) {
	s, err := openToyModel(t).OpenSampler(SamplerConfig{MaxRows: 8, KVTokens: 64})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(Request{ID: 9, Prompt: []int32{5, 6}, Samples: 2, FirstSample: 3, MaxNewTokens: 3}); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Run(10); err != nil || p.Tokens != 6 || p.Finished != 2 {
		t.Fatalf("%+v %v", p, err)
	}
	first, ok, err := s.Take()
	if !ok || err != nil || first.ID != 9 || first.Sample != 3 || first.Finish != FinishLength || len(first.Tokens) != 3 || first.Tokens[2] != 9 || first.Logp[0] != -1 {
		t.Errorf("%+v %v %v", first, ok, err)
	}
	if second, ok, err := s.Take(); !ok || err != nil || second.Sample != 4 {
		t.Errorf("%+v %v %v", second, ok, err)
	}
	if _, ok, err := s.Take(); ok || err != nil {
		t.Errorf("a third completion: %v %v", ok, err)
	}
	if _, ok, err := s.Peek(0); ok || err != nil {
		t.Errorf("peek: %v %v", ok, err)
	}
	if err := s.Stop(8, 0, 1); !errors.Is(err, ErrInvalid) || err.Error() != "sampler stop: no such sequence" {
		t.Errorf("stop: %v", err)
	}
}

// TestErrors maps statuses to sentinels, texts and exit codes.
func TestErrors(t *testing.T) {
	c := openFixtureContext(t)
	spec := toySpec()
	spec.VocabSize = 0
	if _, err := c.OpenModel(spec, ModelConfig{}); !errors.Is(err, ErrInvalid) || errors.Is(err, ErrState) || err.Error() != "model open: vocab_size is 0" {
		t.Errorf("no vocabulary: %v", err)
	}
	spec.VocabSize = 4242
	if _, err := c.OpenModel(spec, ModelConfig{}); !errors.Is(err, ErrNoMemory) || fault.ExitCode(err) != 4 {
		t.Errorf("no memory: %v", err)
	}
	spec.VocabSize = math.MaxInt32 + 1
	if _, err := c.OpenModel(spec, ModelConfig{}); err == nil {
		t.Error("a vocabulary of 2^31 was cut to 32 bits")
	}
	spec = toySpec()
	spec.RopeInvFreq = spec.RopeInvFreq[:1]
	if _, err := c.OpenModel(spec, ModelConfig{}); err == nil {
		t.Error("one frequency for a head of 4 passes")
	}
	m := openToyModel(t)
	m.Tensors()[0].Data[3] = float32(math.NaN())
	if err := m.Prepare(); !errors.Is(err, ErrNonFinite) {
		t.Errorf("NaN weight: %v", err)
	}
	lib := openFixture(t)
	if _, err := lib.OpenContext(ContextConfig{ISA: "avx512"}); !errors.Is(err, ErrInvalid) {
		t.Errorf("refused family: %v", err)
	}
	if _, err := lib.OpenContext(ContextConfig{ISA: "sse9"}); fault.ExitCode(err) != 2 {
		t.Errorf("unknown family: %v", err)
	}
	if _, err := lib.OpenContext(ContextConfig{Breadcrumb: make([]byte, 8)}); err == nil {
		t.Error("a short breadcrumb passes")
	}
}

// TestPlan passes optional descriptors as NULL.
func TestPlan(t *testing.T) {
	lib := openFixture(t)
	p, err := lib.Plan("", toySpec(), ModelConfig{}, OptimizerNone, nil, nil)
	if err != nil || p.Parameters != 20 || p.Bytes() != 80 {
		t.Errorf("%+v %v", p, err)
	}
	p, err = lib.Plan("", toySpec(), ModelConfig{}, AdamW, &BatchConfig{Rows: 3}, &SamplerConfig{KVTokens: 5})
	if err != nil || p.Bytes() != 80+80+3+5 {
		t.Errorf("%+v %v", p, err)
	}
}

// TestCloseOrder closes a parent with open children, then uses every handle.
func TestCloseOrder(t *testing.T) {
	c := openFixtureContext(t)
	m, err := c.OpenModel(toySpec(), ModelConfig{Trainable: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.OpenBatch(BatchConfig{Rows: 1, Segments: 1, Targets: 1})
	if err != nil {
		t.Fatal(err)
	}
	o, err := m.OpenOptimizer(OptimizerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.OpenSampler(SamplerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Forward(1, 1, false); err != ErrClosed {
		t.Errorf("forward on a closed batch: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	_, stepErr := o.Step(0, 0)
	_, runErr := s.Run(1)
	_, openErr := m.OpenBatch(BatchConfig{Rows: 1, Segments: 1})
	for i, err := range []error{stepErr, runErr, openErr, m.Prepare(), m.Close(), b.Close(), o.Close(), s.Close(), c.Close(), c.StartProfile(true)} {
		if err != ErrClosed {
			t.Errorf("use %d after close: %v", i, err)
		}
	}
	c.Cancel()
	if state := o.State(); state.First != nil {
		t.Error("the state of a closed optimizer still points somewhere")
	}
}

// TestCancel ends a call of ten seconds through a context.Context.
func TestCancel(t *testing.T) {
	crumb := make([]byte, BreadcrumbBytes)
	c, err := openFixture(t).OpenContext(ContextConfig{Breadcrumb: crumb})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	release := c.Watch(ctx)
	start := time.Now()
	if _, err = c.Probe(10 * time.Second); !errors.Is(err, ErrCancelled) || time.Since(start) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	release()
	release()
	if p, err := c.Probe(time.Millisecond); err != nil || p.FP32GFlops != 1.5 {
		t.Errorf("after release: %+v %v", p, err)
	}
	if cString(crumb) != "probe" {
		t.Errorf("breadcrumb %q", crumb)
	}
	if rows, err := c.ReadProfile(); err != nil || len(rows) != 1 || rows[0].Name != "toy" || rows[0].Calls != 7 {
		t.Errorf("profile %+v %v", rows, err)
	}
}

// TestHammer calls one context from many goroutines while it is closed. The toy engine fails when
// two threads are inside at once; the only errors allowed are ErrClosed.
func TestHammer(t *testing.T) {
	c := openFixtureContext(t)
	m, err := c.OpenModel(toySpec(), ModelConfig{Trainable: true})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 200 {
				b, err := m.OpenBatch(BatchConfig{Rows: 2, Segments: 1, Targets: 2})
				if err == nil {
					err = errors.Join(b.Forward(2, 1, false), b.Close())
				}
				if err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				c.Cancel()
			}
		})
	}
	time.Sleep(5 * time.Millisecond)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

// TestWorkerPanic wants a bug in a job to come back as an error and the worker to go on.
func TestWorkerPanic(t *testing.T) {
	w := startWorker()
	if err := w.do(func() error { panic("planted") }); err == nil {
		t.Error("a panic is lost")
	}
	if err := w.do(func() error { return nil }); err != nil {
		t.Error(err)
	}
}
