package trainer

import "time"

// Objective, selection and ledger are the machine's own work beside what engine and verifiers do. The journal has its seconds in each stage
// that has any, the report its share of the time.

// overheadValue is the name of those seconds among a stage's values.
const overheadValue = "overhead_seconds"

// counted begins a piece of that work; call what it returns when the piece is done.
func (r *run) counted() (done func()) {
	started := time.Now()
	return func() { r.overhead += time.Since(started) }
}

// takeOverhead adds what was counted since the last stage to the values of this one.
func (r *run) takeOverhead(values map[string]float64) {
	if r.overhead > 0 {
		values[overheadValue] = r.overhead.Seconds()
	}
	r.overhead = 0
}
