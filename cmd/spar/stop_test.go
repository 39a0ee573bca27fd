package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"spar/internal/fault"
	"spar/trainer"
)

// A verb that a signal ended may say so by the context's error or by its cause, wrapped or not; any other error keeps its own code.
func TestASignalDecidesTheExitCode(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(&trainer.Stopped{Signal: syscall.SIGTERM, Where: "SIGTERM"})
	for _, c := range []struct {
		err  error
		want int
	}{
		{ctx.Err(), 143},
		{fmt.Errorf("generation 3: %w", context.Cause(ctx)), 143},
		{fault.Inputf("a bad file"), 3},
		{errors.New("anything"), 1},
	} {
		if got := exitCode(ctx, c.err, io.Discard); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}
