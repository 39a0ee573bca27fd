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
	judge    func(ctx context.Context, it Item) Outcome
}

func (p perItem) Name() string { return p.name }

func (p perItem) Verify(ctx context.Context, batch []Item) ([]Outcome, error) {
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
				start := time.Now()
				out[i] = p.judge(ctx, batch[i])
				out[i].Took = time.Since(start)
				out[i].Extracted = shortened(out[i].Extracted)
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

// longestExtract bounds what an outcome repeats of a response, in bytes.
const longestExtract = 4096

func shortened(s string) string {
	if len(s) <= longestExtract {
		return s
	}
	return strings.ToValidUTF8(s[:longestExtract], "") + "…"
}

// withAnswer refuses tasks that have no answer.
func withAnswer(judge func(it Item) Outcome) func(context.Context, Item) Outcome {
	return func(_ context.Context, it Item) Outcome {
		if strings.TrimSpace(it.Answer) == "" {
			return refused("the task has no answer to compare with")
		}
		return judge(it)
	}
}
