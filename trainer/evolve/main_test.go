package evolve

import (
	"os"
	"testing"

	"spar/trainer/verify/jail"
)

// TestMain is a jailed child when the jail starts this binary again.
func TestMain(m *testing.M) {
	if jail.Main() {
		return
	}
	os.Exit(m.Run())
}
