// Package schedule gives the learning rate of each optimizer step: a linear warm-up from 0 to the peak and
// then constant, linear or half-cosine decay to 0, with the step counting of Hugging Face Transformers.
//
//	s, err := schedule.New("linear", 5e-7, totalSteps, 0.1)
//	lr := s.At(completedSteps) // the rate of the step that comes next; 0 for the first of a warm-up
//
// A Schedule is a value and may be used by any number of goroutines.
package schedule

import (
	"math"

	"spar/internal/fault"
)

// Schedule is a learning rate as a function of the completed steps.
type Schedule struct {
	kind                string
	peak                float64
	totalSteps, warmUps int
}

// New returns the schedule of a kind (constant linear cosine), with ceil(warmupRatio totalSteps) steps
// of warm-up. A value out of range is a usage error.
func New(kind string, peak float64, totalSteps int, warmupRatio float64) (Schedule, error) {
	switch {
	case kind != "constant" && kind != "linear" && kind != "cosine":
		return Schedule{}, fault.Usagef("lr_scheduler_type: %q is not one of constant, linear, cosine", kind)
	case !(peak >= 0) || math.IsInf(peak, 0):
		return Schedule{}, fault.Usagef("learning_rate: %v is out of range: want a finite number of at least 0", peak)
	case totalSteps < 0:
		return Schedule{}, fault.Usagef("steps: %d is out of range: want at least 0", totalSteps)
	case !(warmupRatio >= 0 && warmupRatio <= 1):
		return Schedule{}, fault.Usagef("warmup_ratio: %v is out of range: want between 0 and 1", warmupRatio)
	}
	return Schedule{kind, peak, totalSteps, int(math.Ceil(warmupRatio * float64(totalSteps)))}, nil
}

// WarmupSteps is the number of steps before the peak.
func (s Schedule) WarmupSteps() int { return s.warmUps }

// At is the learning rate after a number of completed steps. From the last step on it is 0, or the
// peak when constant.
func (s Schedule) At(completed int) float64 {
	if completed < s.warmUps {
		return s.peak * float64(completed) / float64(s.warmUps)
	}
	if s.kind == "constant" {
		return s.peak
	}
	left := float64(max(0, s.totalSteps-completed)) / float64(max(1, s.totalSteps-s.warmUps))
	if s.kind == "linear" {
		return s.peak * left
	}
	return s.peak * (1 - math.Cos(math.Pi*left)) / 2
}
