package prove

import (
	"context"
	"strings"
	"testing"

	"spar/internal/fault"
)

// The quick claims hold, all of them; the others take long, or do not hold, and are run by the command.
func TestQuickClaims(t *testing.T) {
	claims, err := Select(nil, true)
	if err != nil {
		t.Fatal(err)
	}
	done := 0
	err = Run(context.Background(), claims, Options{}, func(r Result) error {
		done++
		t.Logf("%-20s %v %5.2f s  %s", r.Claim, r.Pass, r.Seconds, r.Figure)
		if !r.Pass {
			t.Errorf("%s: %s; expected %s", r.Claim, r.Figure, r.Expected)
		}
		return nil
	})
	if err != nil || done == 0 {
		t.Errorf("%d claims, %v", done, err)
	}
}

func TestClaimsAreNamed(t *testing.T) {
	last, names := 0, map[string]bool{}
	for _, c := range Claims() {
		if c.Number < last || c.Number > 20 || names[c.Name] || c.Name == "" || c.Source == "" || c.Expected == "" || c.run == nil {
			t.Errorf("claim %d %q is out of order, named twice or incomplete", c.Number, c.Name)
		}
		last, names[c.Name] = c.Number, true
	}
}

func TestSelect(t *testing.T) {
	got, err := Select([]string{"9", "spin-threshold"}, false)
	if err != nil || len(got) != 3 || got[0].Number != 9 || got[1].Number != 9 || got[2].Number != 1 {
		t.Errorf("%v, %v", got, err)
	}
	_, err = Select([]string{"spin"}, false)
	if err == nil || fault.ExitCode(err) != 2 || !strings.Contains(err.Error(), "1 spin-threshold") {
		t.Errorf("%v", err)
	}
}

// A claim that needs the engine says so before it starts.
func TestRunNeedsTheLibrary(t *testing.T) {
	claims, err := Select([]string{"more-sft"}, false)
	if err != nil || !NeedsLibrary(claims) {
		t.Fatalf("%v, %v", claims, err)
	}
	err = Run(context.Background(), claims, Options{}, func(Result) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "native library") {
		t.Errorf("%v", err)
	}
}

func TestSelectLeavesSomething(t *testing.T) {
	if _, err := Select([]string{"more-sft"}, true); err == nil || fault.ExitCode(err) != 2 {
		t.Errorf("%v", err)
	}
}

func TestRunStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Run(ctx, Claims(), Options{}, func(Result) error { return nil }); err == nil {
		t.Error("a cancelled run did not say so")
	}
}
