// Package verify is a placeholder of the contract's types.
package verify

import (
	"context"
	"io"
	"strings"
	"time"
)

type Verdict uint8

const (
	Pass Verdict = iota
	Fail
	Timeout
	Crash
	OOM
	Refused
)

type Step struct {
	Text  string
	Score *float64
}
type Item struct {
	Problem, Response, Answer, Tests string
	Steps                            []Step
}
type Outcome struct {
	Verdict           Verdict
	Score             float64
	Extracted, Detail string
	Took              time.Duration
}
type Verifier interface {
	Name() string
	Verify(ctx context.Context, batch []Item) ([]Outcome, error)
}
type Spec struct {
	Name, Pattern       string
	Command             []string
	Timeout             time.Duration
	MemoryMB            int
	Splitter, Aggregate string
}
type Options struct{ Parallel int }
type exact struct{}

func (exact) Name() string { return "exact" }
func (exact) Verify(_ context.Context, b []Item) ([]Outcome, error) {
	out := make([]Outcome, len(b))
	for i, x := range b {
		out[i].Verdict = Fail
		out[i].Extracted = strings.TrimSpace(x.Response)
		if strings.Contains(x.Response, x.Answer) {
			out[i].Verdict, out[i].Score = Pass, 1
		}
	}
	return out, nil
}

type none struct{}

func (none) Close() error                                 { return nil }
func Open(s Spec, o Options) (Verifier, io.Closer, error) { return exact{}, none{}, nil }
