package verify

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// perItem is a verifier that judges each item on its own.
type perItem struct {
	name     string
	parallel int
	judge    func(ctx context.Context, it Item) (Outcome, error)
}

// PerItem makes a verifier of a function that judges one item, called for so many items at a time; 0: as many as CPUs. Its error ends the
// batch. An outcome without a time took as long as the call.
func PerItem(name string, parallel int, judge func(ctx context.Context, it Item) (Outcome, error)) Verifier {
	return perItem{name, parallel, judge}
}

func (p perItem) Name() string { return p.name }

func (p perItem) Verify(ctx context.Context, batch []Item) ([]Outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := make([]Outcome, len(batch))
	workers := p.parallel
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(workers, len(batch)) {
		all.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(batch) && ctx.Err() == nil; i = next.Add(1) - 1 {
				var err error
				if out[i], err = p.one(ctx, batch[i]); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return out, nil
}

func (p perItem) one(ctx context.Context, it Item) (Outcome, error) {
	start := time.Now()
	o, err := p.judge(ctx, it)
	if o.Took == 0 {
		o.Took = time.Since(start)
	}
	o.Extracted = shortened(o.Extracted)
	return o, err
}

// longestExtract bounds what an outcome repeats of a response, in bytes.
const longestExtract = 4096

func shortened(s string) string {
	if len(s) <= longestExtract {
		return s
	}
	return strings.ToValidUTF8(s[:longestExtract], "") + "…"
}

// comparing is a verifier that holds a response against the task's answer; it refuses tasks that have none.
func comparing(s Spec, o Options, judge func(it Item) Outcome) Verifier {
	return PerItem(s.Name, o.Parallel, func(_ context.Context, it Item) (Outcome, error) {
		if strings.TrimSpace(it.Answer) == "" {
			return refused("the task has no answer to compare with"), nil
		}
		return judge(it), nil
	})
}
