package diagnose

import "math"

// rule is one line of the table.
type rule struct {
	name    string
	blames  Part
	signal  string  // names in metrics.jsonl
	limit   float64 //
	below   bool    // the alarm is for values below the limit, not above
	streak  int     // iterations in a row that it takes; 0: one
	value   func(s *signals, iteration int) (value float64, known bool)
	only    func(s *signals) bool // the runs that it is for; nil: all
	setting string
	advice  string
}

// apply looks at the newest stretch of iterations past the limit: what has healed is no alarm.
func (r rule) apply(s *signals) (Alarm, bool) {
	if r.only != nil && !r.only(s) {
		return Alarm{}, false
	}
	a := Alarm{Name: r.name, Limit: r.limit, Advice: r.advice, Setting: r.setting, Signal: r.signal, Blames: r.blames, Below: r.below}
	length := 0
	for _, t := range s.iterations {
		v, known := r.value(s, t)
		switch {
		case !known || math.IsNaN(v) || math.IsInf(v, 0):
		case !r.passed(v):
			length = 0
		case length == 0:
			a.Iteration, a.Value, length = t, v, 1
		default:
			length++
		}
	}
	return a, length >= max(1, r.streak)
}

func (r rule) limitText() string { return condition(r.limit, r.below) }

func (r rule) passed(v float64) bool {
	if r.below {
		return v < r.limit
	}
	return v > r.limit
}

// named takes a signal as it is.
func named(name string) func(*signals, int) (float64, bool) {
	return func(s *signals, t int) (float64, bool) { return s.at(name, t) }
}

// difference is one signal less another of the same iteration.
func difference(a, b string) func(*signals, int) (float64, bool) {
	return func(s *signals, t int) (float64, bool) {
		x, ok1 := s.at(a, t)
		y, ok2 := s.at(b, t)
		return x - y, ok1 && ok2
	}
}

// shareOfFirst is a signal as a share of its value in the earliest iteration that has it.
func shareOfFirst(name string) func(*signals, int) (float64, bool) {
	return func(s *signals, t int) (float64, bool) {
		before, at, ok := s.first(name)
		now, has := s.at(name, t)
		return now / before, ok && has && t > at && before > 0
	}
}
