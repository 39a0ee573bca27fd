package diagnose

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// signals are a run's numbers by name and iteration. A name that occurs several times in an iteration has its last value.
type signals struct {
	records    Records
	iterations []int // that have any number, ascending; -1 is the evaluation before the first update
	values     map[string]map[int]float64
	realLogp   map[int]float64 // of real responses in training: the last steps' mean, nats a token
	firstLogp  float64         // the same in the run's very first step
}

func newSignals(r Records) *signals {
	s := &signals{records: r, values: map[string]map[int]float64{}, realLogp: map[int]float64{}, firstLogp: math.NaN()}
	seen := map[int]bool{}
	for _, rec := range r.Metrics {
		seen[rec.Iteration] = true
		for name, v := range rec.Values {
			if s.values[name] == nil {
				s.values[name] = map[int]float64{}
			}
			s.values[name][rec.Iteration] = v
		}
		s.addTraining(rec.Iteration, rec.Values)
	}
	s.iterations = slices.Sorted(maps.Keys(seen))
	return s
}

// smoothing is the weight of a step in the running mean of the real responses' log-prob.
const smoothing = 0.2

func (s *signals) addTraining(iteration int, v map[string]float64) {
	sum, training := v["logps/chosen"]
	if !training || v["length/chosen"] == 0 {
		return
	}
	x := sum / v["length/chosen"]
	if math.IsNaN(s.firstLogp) {
		s.firstLogp = x
	}
	if before, begun := s.realLogp[iteration]; begun {
		x = (1-smoothing)*before + smoothing*x
	}
	s.realLogp[iteration] = x
}

// at is a signal in an iteration.
func (s *signals) at(name string, iteration int) (float64, bool) {
	v, ok := s.values[name][iteration]
	return v, ok
}

// has reports whether any iteration has a signal whose name begins so.
func (s *signals) has(prefix string) bool {
	for name := range s.values {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// first is a signal in the earliest iteration that has it.
func (s *signals) first(name string) (value float64, iteration int, ok bool) {
	for _, t := range s.iterations {
		if v, ok := s.at(name, t); ok {
			return v, t, true
		}
	}
	return 0, 0, false
}

func (s *signals) algorithm() string { return s.records.Config["algorithm"] }

// selects reports whether the run learns from its own responses that a verifier let pass.
func (s *signals) selects() bool {
	return slices.Contains([]string{"star", "rest", "rest_em", "rft", "vstar"}, s.algorithm())
}

// imitates reports whether the data's responses are what the run learns to give.
func (s *signals) imitates() bool {
	return slices.Contains([]string{"spin", "chi2", "space", "tspin", "dpo", "sft"}, s.algorithm())
}

// clearGain is a rise of the held-out solve rate that is no noise on a few hundred tasks.
const clearGain = 0.05

// solvesMore reports whether the newest policy solves clearly more held-out tasks than the first: a solver that becomes sure of right answers
// loses entropy too.
func (s *signals) solvesMore() bool {
	before, at, ok := s.first("eval_accuracy")
	if !ok {
		return false
	}
	now := before
	for _, t := range s.iterations {
		if v, known := s.at("eval_accuracy", t); known && t > at {
			now = v
		}
	}
	return now >= before+clearGain
}

// proposes reports whether a proposer makes the tasks.
func (s *signals) proposes() bool { return s.has("proposer/") }

// solveRate is how often tasks are solved.
func (s *signals) solveRate(t int) (float64, bool) {
	if v, ok := s.at("proposer/solve_rate", t); ok {
		return v, true
	}
	return s.at("verify/pass_rate", t)
}

// firstSolved is the earliest iteration whose solve rate is known.
func (s *signals) firstSolved() int {
	for _, t := range s.iterations {
		if _, known := s.solveRate(t); known {
			return t
		}
	}
	return -1
}

// surprise is minus the log-prob that the policy gives its own samples, nats a token, by an evaluation.
func (s *signals) surprise(t int) (float64, bool) {
	sum, ok := s.at("eval_logps/generated", t)
	length, _ := s.at("eval_length/generated", t)
	return -sum / length, ok && length > 0
}

// realLogpDrop is how far the log-prob of real responses lies below that of the policy that the run began with, in nats a token: by held-out
// responses where there are any, else by those in training.
func (s *signals) realLogpDrop(t int) (float64, bool) {
	if before, ok := s.at("eval_loss", -1); ok {
		now, ok := s.at("eval_loss", t)
		return now - before, ok && t >= 0
	}
	now, ok := s.realLogp[t]
	return s.firstLogp - now, ok
}
