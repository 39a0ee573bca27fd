package native

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"spar/internal/fault"
)

// BreadcrumbBytes is the least size of ContextConfig.Breadcrumb.
const BreadcrumbBytes = 64

// ContextConfig says how a context computes.
type ContextConfig struct {
	Threads    int    // 0: all CPUs that this process may use
	ISA        string // auto ref base avx2 avx512 avx512bf16 amx; "" is auto
	Breadcrumb []byte // nil, or at least BreadcrumbBytes: the engine writes the name of the op in hand there
}

// Context owns a thread pool and everything opened from it.
type Context struct {
	lib    *Library
	calls  *abiCalls
	worker *worker
	root   *node
	pinner runtime.Pinner // the breadcrumb, which the engine keeps

	mu     sync.Mutex // guards handle against Cancel, which bypasses the worker
	handle sparContext
}

// OpenContext starts a context and its threads.
func (l *Library) OpenContext(c ContextConfig) (*Context, error) {
	var n narrower
	desc := sparContextDesc{Size: int64(unsafe.Sizeof(sparContextDesc{})), NumThreads: n.i32("threads", c.Threads)}
	var err error
	if desc.Isa, err = isaCode(c.ISA); err != nil {
		return nil, err
	}
	if n.err != nil || c.Threads < 0 {
		return nil, fault.Usagef("threads is %d; use 0 for all CPUs or a positive number", c.Threads)
	}
	ctx := &Context{lib: l, calls: l.calls, worker: startWorker()}
	if c.Breadcrumb != nil {
		if len(c.Breadcrumb) < BreadcrumbBytes {
			ctx.stop()
			return nil, fmt.Errorf("native: the breadcrumb has %d bytes, fewer than %d", len(c.Breadcrumb), BreadcrumbBytes)
		}
		desc.Breadcrumb = unsafe.SliceData(c.Breadcrumb)
		ctx.pinner.Pin(desc.Breadcrumb)
	}
	ctx.root = &node{free: ctx.free}
	err = ctx.worker.do(func() error {
		if code := l.calls.contextOpen(&desc, &ctx.handle); code != sparOk {
			return statusError("context open", code, fmt.Sprintf("%d threads with the %s kernels were refused; this CPU runs %v", c.Threads, isaName(desc.Isa), l.Info().ISAs))
		}
		return nil
	})
	if err != nil {
		ctx.stop()
		ctx.pinner.Unpin()
		return nil, err
	}
	return ctx, nil
}

// stop ends the worker of a context that never opened.
func (c *Context) stop() { _ = c.worker.submit(func() (bool, error) { return true, nil }) }

// Close closes everything opened from the context, then the context and its threads.
func (c *Context) Close() error {
	return c.worker.submit(func() (bool, error) {
		err := c.root.close()
		return err == nil, err
	})
}

func (c *Context) free() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.check("context close", c.calls.contextClose(c.handle)); err != nil {
		return err
	}
	c.handle = 0
	c.pinner.Unpin()
	return nil
}

// check turns a status into an error with the engine's text. It runs on the worker.
func (c *Context) check(call string, code int32) error {
	if code == sparOk {
		return nil
	}
	var text [4096]byte
	c.calls.error(c.handle, &text[0], int64(len(text)))
	return statusError(call, code, cString(text[:]))
}

// do runs f on the worker if the handle at n is still open.
func (c *Context) do(n *node, f func() error) error {
	return c.worker.do(func() error {
		if n.closed {
			return ErrClosed
		}
		return f()
	})
}

// Cancel makes the call in progress, if any, end with ErrCancelled. It never waits for the worker.
func (c *Context) Cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handle != 0 {
		c.calls.cancel(c.handle)
	}
}

// Watch cancels the calls in progress once ctx is done, until release is called. The cancel is
// repeated because one that arrives between two calls has nothing to end.
func (c *Context) Watch(ctx context.Context) (release func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-quit:
			return
		case <-ctx.Done():
		}
		for tick := time.NewTicker(2 * time.Millisecond); ; {
			c.Cancel()
			select {
			case <-quit:
				tick.Stop()
				return
			case <-tick.C:
			}
		}
	}()
	return sync.OnceFunc(func() { close(quit); <-ended })
}

// Probe is what the machine can do with this context's threads and kernels.
type Probe struct {
	FP32GFlops     float64 // fp32 multiply-add peak
	BF16GFlops     float64 // peak of the bf16 products; FP32GFlops for a family that multiplies bf16 in fp32
	ReadGBPerSec   float64 // DRAM read
	CopyGBPerSec   float64 // bytes read and written by a copy
	UpdateGBPerSec float64 // bytes read and written by an update in place
}

// Probe measures for about d.
func (c *Context) Probe(d time.Duration) (Probe, error) {
	out := sparProbe{Size: int64(unsafe.Sizeof(sparProbe{}))}
	ms := int32(min(max(d.Milliseconds(), 1), math.MaxInt32))
	err := c.do(c.root, func() error { return c.check("probe", c.calls.probeRun(c.handle, ms, &out)) })
	return Probe{
		FP32GFlops: out.Fp32Gflops, BF16GFlops: out.Bf16Gflops,
		ReadGBPerSec: out.ReadGbPerS, CopyGBPerSec: out.CopyGbPerS, UpdateGBPerSec: out.UpdateGbPerS,
	}, err
}

// OpProfile is the total of one kind of op since StartProfile.
type OpProfile struct {
	Name          string
	Calls, TimeNs int64
	Flops, Bytes  int64
}

// StartProfile switches per-op timing on or off and clears the totals.
func (c *Context) StartProfile(on bool) error {
	return c.do(c.root, func() error { return c.check("profile start", c.calls.profileStart(c.handle, flag(on))) })
}

// maxOpKinds bounds the rows of a profile: the engine has about 30 kinds of op.
const maxOpKinds = 256

// ReadProfile returns the totals, one entry for each kind of op that ran.
func (c *Context) ReadProfile() ([]OpProfile, error) {
	rows := make([]sparOpProfile, maxOpKinds)
	for i := range rows {
		rows[i].Size = int64(unsafe.Sizeof(rows[i]))
	}
	var count int32
	err := c.do(c.root, func() error {
		return c.check("profile read", c.calls.profileRead(c.handle, &rows[0], maxOpKinds, &count))
	})
	if err != nil {
		return nil, err
	}
	out := make([]OpProfile, min(int(count), maxOpKinds))
	for i := range out {
		r := &rows[i]
		out[i] = OpProfile{Name: cString(r.Name[:]), Calls: r.Calls, TimeNs: r.TimeNs, Flops: r.Flops, Bytes: r.Bytes}
	}
	return out, nil
}
