package native

import (
	"errors"
	"unsafe"
)

// BatchConfig is the capacity of a batch; its memory is allocated once.
type BatchConfig struct {
	Rows     int  // tokens
	Segments int  //
	Targets  int  // rows with a target, at most Rows
	Train    bool // keep activations for Backward
}

func (c BatchConfig) lower() (*sparBatchDesc, error) {
	var n narrower
	return &sparBatchDesc{
		Size:        int64(unsafe.Sizeof(sparBatchDesc{})),
		MaxRows:     n.i32("rows", c.Rows),
		MaxSegments: n.i32("segments", c.Segments),
		MaxTargets:  n.i32("targets", c.Targets),
		Train:       flag(c.Train),
	}, n.err
}

// Segment is a run of consecutive rows that attends causally to itself and wholly to the chain of
// its prefixes.
type Segment struct {
	FirstRow int32
	NumRows  int32 // >= 1
	Prefix   int32 // index of an earlier segment, or -1
	Reserved int32 // 0
}

// Segment has the fields of the header's struct, so its slice is a view of native memory.
var _ = Segment(sparSegment{})

// Batch is a token batch and its activations. The slices alias native memory, have the capacity of
// the batch, and die with it.
type Batch struct {
	Config   BatchConfig
	Token    []int32   // in
	Position []int32   // in
	Target   []int32   // in: id to score, -1 none
	Coef     []float32 // in, for Backward: dL/dlogp at rows with a target
	Logp     []float32 // out: natural log at temperature 1; 0 without target
	Entropy  []float32 // out when asked for, nats
	Segment  []Segment // in

	model  *Model
	node   *node
	handle sparBatch
}

// OpenBatch allocates a batch.
func (m *Model) OpenBatch(c BatchConfig) (*Batch, error) {
	desc, err := c.lower()
	if err != nil {
		return nil, err
	}
	b := &Batch{Config: c, model: m}
	err = m.ctx.do(m.node, func() error {
		calls := m.ctx.calls
		if err := m.ctx.check("batch open", calls.batchOpen(m.handle, desc, &b.handle)); err != nil {
			return err
		}
		b.node = m.node.add(func() error { return m.ctx.check("batch close", calls.batchClose(b.handle)) })
		arrays := sparBatchArrays{Size: int64(unsafe.Sizeof(sparBatchArrays{}))}
		if err := m.ctx.check("batch pointers", calls.batchPointers(b.handle, &arrays)); err != nil {
			return errors.Join(err, b.node.close())
		}
		b.alias(&arrays)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (b *Batch) alias(a *sparBatchArrays) {
	rows := b.Config.Rows
	b.Token, b.Position, b.Target = view(a.Token, rows), view(a.Position, rows), view(a.Target, rows)
	b.Coef, b.Logp, b.Entropy = view(a.Coef, rows), view(a.Logp, rows), view(a.Entropy, rows)
	b.Segment = view((*Segment)(a.Segment), b.Config.Segments)
}

// Forward computes Logp, and Entropy when asked for, of the first rows and segments.
func (b *Batch) Forward(rows, segments int, entropy bool) error {
	var n narrower
	desc := &sparForwardDesc{
		Size:        int64(unsafe.Sizeof(sparForwardDesc{})),
		NumRows:     n.i32("rows", rows),
		NumSegments: n.i32("segments", segments),
		WantEntropy: flag(entropy),
	}
	if n.err != nil {
		return n.err
	}
	return b.do("forward", func() int32 { return b.model.ctx.calls.forward(b.handle, desc) })
}

// Backward adds the gradients of the sum of Coef * Logp to the model's. It needs a train batch
// whose last call was Forward.
func (b *Batch) Backward() error {
	return b.do("backward", func() int32 { return b.model.ctx.calls.backward(b.handle) })
}

// Program returns the text of the batch's program: 0 forward, 1 backward.
func (b *Batch) Program(which int) (string, error) {
	var needed int64
	text := make([]byte, 1)
	err := b.do("program", func() int32 {
		calls := b.model.ctx.calls
		if code := calls.batchProgram(b.handle, int32(which), &text[0], int64(len(text)), &needed); code != sparOk {
			return code
		}
		text = make([]byte, max(needed, 1))
		return calls.batchProgram(b.handle, int32(which), &text[0], int64(len(text)), &needed)
	})
	return cString(text), err
}

func (b *Batch) do(call string, f func() int32) error {
	return b.model.ctx.do(b.node, func() error { return b.model.ctx.check(call, f()) })
}

// Close frees the batch.
func (b *Batch) Close() error { return b.model.ctx.do(b.node, b.node.close) }
