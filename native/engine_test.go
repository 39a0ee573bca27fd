package native

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// These tests run the embedded library: make build puts it there.

func openEngine(t *testing.T, c ContextConfig) *Context {
	t.Helper()
	lib, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := lib.OpenContext(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ctx.Close() })
	return ctx
}

// wideRows is the length of openWide's segment.
const wideRows = 768

// wideSpec takes long enough per forward pass to be cancelled in it.
func wideSpec() Spec {
	s := Spec{
		VocabSize: 512, HiddenSize: 256, NumLayers: 8, NumHeads: 8, NumKVHeads: 8, HeadDim: 32, IntermediateSize: 512,
		MaxPositions: wideRows, TieEmbeddings: true, NormEps: 1e-6, RopeScale: 1, RopeInvFreq: make([]float64, 16),
	}
	for i := range s.RopeInvFreq {
		s.RopeInvFreq[i] = 1 / float64(i+1)
	}
	return s
}

// openWide is a prepared model of wideSpec and a batch of one long segment.
func openWide(t *testing.T, c *Context) *Batch {
	t.Helper()
	m, err := c.OpenModel(wideSpec(), ModelConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range m.Tensors() {
		for i := range w.Data {
			w.Data[i] = float32(i%7) * 0.01
		}
	}
	if err := m.Prepare(); err != nil {
		t.Fatal(err)
	}
	b, err := m.OpenBatch(BatchConfig{Rows: wideRows, Segments: 1, Targets: wideRows})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int32(wideRows) {
		b.Token[i], b.Position[i], b.Target[i] = i%512, i, (i+1)%512
	}
	b.Segment[0] = Segment{FirstRow: 0, NumRows: wideRows, Prefix: -1}
	return b
}

func TestEngineInfo(t *testing.T) {
	lib, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	i := lib.Info()
	if i.Backend != "cpu" || i.CPUCount < 1 || !slices.Contains(i.ISAs, "ref") || !slices.Contains(i.ISAs, i.BestISA) || len(i.Hash) != 64 {
		t.Errorf("info is %+v", i)
	}
	if again, err := Open(Options{}); err != nil || again != lib {
		t.Errorf("the embedded library was loaded twice: %v", err)
	}
}

// TestEngineCancel ends a forward pass in the middle, then runs it whole.
func TestEngineCancel(t *testing.T) {
	c := openEngine(t, ContextConfig{Threads: 1, ISA: "base"})
	b := openWide(t, c)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	release := c.Watch(ctx)
	start := time.Now()
	err := b.Forward(wideRows, 1, false)
	cut := time.Since(start)
	release()
	if !errors.Is(err, ErrCancelled) || !strings.HasPrefix(err.Error(), "forward: ") {
		t.Fatalf("after %v: %v", cut, err)
	}
	start = time.Now()
	if err := b.Forward(wideRows, 1, false); err != nil {
		t.Fatal(err)
	}
	if whole := time.Since(start); cut > whole {
		t.Errorf("the cancelled pass took %v, a whole one %v", cut, whole)
	}
}

// TestEngineReports reads profile, program, breadcrumb and probe.
func TestEngineReports(t *testing.T) {
	crumb := bytes.Repeat([]byte{'x'}, BreadcrumbBytes)
	c := openEngine(t, ContextConfig{Breadcrumb: crumb})
	b := openWide(t, c)
	if err := c.StartProfile(true); err != nil {
		t.Fatal(err)
	}
	if err := b.Forward(wideRows, 1, true); err != nil {
		t.Fatal(err)
	}
	rows, err := c.ReadProfile()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(rows, func(r OpProfile) bool { return r.Name == "linear_forward" })
	if i < 0 || rows[i].Calls < 8 || rows[i].TimeNs <= 0 || rows[i].Flops <= 0 {
		t.Errorf("profile %+v", rows)
	}
	text, err := b.Program(0)
	if err != nil || strings.Count(text, "\n") < 8*5 {
		t.Errorf("program of %d lines, %v", strings.Count(text, "\n"), err)
	}
	if cString(crumb) != "" {
		t.Errorf("the breadcrumb is %q after a pass, not cleared", crumb)
	}
	p, err := c.Probe(20 * time.Millisecond)
	if err != nil || p.FP32GFlops <= 0 || p.ReadGBPerSec <= 0 {
		t.Errorf("probe %+v, %v", p, err)
	}
}

// TestEngineRefuses wants the engine's own words for wrong calls.
func TestEngineRefuses(t *testing.T) {
	c := openEngine(t, ContextConfig{})
	b := openWide(t, c)
	if err := b.Forward(wideRows+1, 1, false); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "769") {
		t.Errorf("too many rows: %v", err)
	}
	if err := b.Backward(); !errors.Is(err, ErrState) {
		t.Errorf("backward of a scoring batch: %v", err)
	}
	b.Token[5] = 512
	if err := b.Forward(wideRows, 1, false); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "512") {
		t.Errorf("foreign id: %v", err)
	}
	s := wideSpec()
	s.NumKVHeads = 3
	if _, err := c.OpenModel(s, ModelConfig{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("8 query heads over 3: %v", err)
	}
}
