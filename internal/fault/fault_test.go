package fault

import (
	"errors"
	"fmt"
	"testing"
)

func TestExitCode(t *testing.T) {
	base := errors.New("disk")
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{base, 1},
		{Usagef("no such flag"), 2},
		{fmt.Errorf("stage: %w", Inputf("a.json: %w", base)), 3},
		{New(Memory, "needs more"), 4},
		{New(NonFinite, "loss is NaN"), 5},
	} {
		if got := ExitCode(c.err); got != c.want {
			t.Errorf("ExitCode(%v) = %d, want %d", c.err, got, c.want)
		}
	}
	if !errors.Is(Inputf("a: %w", base), base) {
		t.Error("the cause is lost")
	}
}
