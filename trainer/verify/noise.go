package verify

import (
	"math"

	"spar/internal/fault"
)

// Correction is a way to undo the noise of a verifier in its rewards.
type Correction string

// The two corrections of arXiv 2510.00915.
const (
	// Backward gives (r - fp) / J with J = 1 - fp - fn: its mean over the noise is the true reward; its variance grows
	// as 1/J^2.
	Backward Correction = "backward"
	// Forward gives fn for a pass and fn - 1 for a fail: its mean is 0 for a right response and -J for a wrong one. It needs the
	// false-negative rate only and is steadier under heavy noise.
	Forward Correction = "forward"
)

// Corrected is an observed reward in [0, 1] corrected for a verifier that passes the share fp of wrong responses and
// fails the share fn of right ones. Both corrections are linear in the reward.
func Corrected(reward, fp, fn float64, c Correction) (float64, error) {
	if !(fp >= 0 && fp <= 1 && fn >= 0 && fn <= 1) {
		return 0, fault.Inputf("noise correction: rates of %v and %v; both lie in [0, 1]", fp, fn)
	}
	switch c {
	case Backward:
		j := 1 - fp - fn
		if math.Abs(j) < 1e-9 {
			return 0, fault.Inputf("noise correction: false-positive rate %v and false-negative rate %v leave no signal (J = 0); use a better verifier", fp, fn)
		}
		return (reward - fp) / j, nil
	case Forward:
		return reward + fn - 1, nil
	}
	return 0, fault.Inputf("noise correction %q is not known; give backward or forward", c)
}
