package report

import (
	"strings"

	"spar/trainer/journal"
	"spar/trainer/metrics"
)

// figureOf is a column of verifiedTable: a metric, and whether it is a share.
type figureOf struct {
	metric, label string
	share         bool
}

// verifiedFigures are what an iteration's verified responses came to; those that a run does not have are left out.
var verifiedFigures = []figureOf{
	{"verify/pass_rate", "samples solved", true},
	{"pass_at_k", "tasks solved once", true},
	{"groups/signal_fraction", "groups with signal", true},
	{"verify/timeout_rate", "timeout", true},
	{"verify/crash_rate", "crash", true},
	{"verify/refused_rate", "refused", true},
	{"sample/truncated_rate", "cut off", true},
	{"select/kept", "kept", false},
	{"select/tasks", "of tasks", false},
	{"select/duplicate_rate", "duplicates", true},
	{"select/hinted_share", "after a hint", true},
	{"audit/false_positive", "audit: wrongly passed", true},
	{"audit/false_negative", "audit: wrongly failed", true},
	{"majority/audited_accuracy", "majority labels right", true},
	{"proposer/valid_rate", "valid proposals", true},
	{"proposer/level", "level proposed", false},
	{"proposer/reward", "proposer's reward", false},
	{"solver/reward", "solver's reward", false},
}

// verifiedTable has a row for each iteration whose responses were verified, and in its last column the held-out rate after it.
func verifiedTable(records []metrics.Record) table {
	drawn, heldOut := map[int]map[string]float64{}, map[int]float64{}
	before, last := false, -1
	for _, r := range records {
		if _, verified := r.Values["verify/pass_rate"]; verified {
			drawn[r.Iteration] = r.Values
			last = max(last, r.Iteration)
		}
		if rate, evaluated := r.Values["eval_accuracy"]; evaluated {
			heldOut[r.Iteration] = rate
			before = before || r.Iteration < 0
		}
	}
	if len(drawn) == 0 {
		return table{}
	}
	columns := occurring(drawn)
	t := table{Head: []string{"iteration"}}
	for _, c := range columns {
		t.Head = append(t.Head, c.label)
	}
	if len(heldOut) > 0 {
		t.Head = append(t.Head, "held-out solved, after")
	}
	first := 0
	if before {
		first = -1
	}
	for i := first; i <= last; i++ {
		row := []cell{word(policyName(i))}
		for _, c := range columns {
			row = append(row, c.of(drawn[i]))
		}
		if len(heldOut) > 0 {
			row = append(row, figureOf{metric: "rate", share: true}.of(rateOf(heldOut, i)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func rateOf(heldOut map[int]float64, iteration int) map[string]float64 {
	if rate, evaluated := heldOut[iteration]; evaluated {
		return map[string]float64{"rate": rate}
	}
	return nil
}

func occurring(drawn map[int]map[string]float64) []figureOf {
	var out []figureOf
	for _, f := range verifiedFigures {
		for _, values := range drawn {
			if _, there := values[f.metric]; there {
				out = append(out, f)
				break
			}
		}
	}
	return out
}

// of is the cell of the figure; empty where there is no such value.
func (f figureOf) of(values map[string]float64) cell {
	v, there := values[f.metric]
	switch {
	case !there:
		return cell{Numeric: true}
	case f.share:
		return share(v)
	}
	return number(v)
}

// kindTable splits the time by kind of stage, with the seconds in which drawing was over and verdicts were still out, when the engine stood
// still, and those of objective, selection and ledger. It has these columns only where there is such a time.
func kindTable(entries []journal.Entry) table {
	type sum struct {
		seconds float64
		parts   map[string]float64
		tokens  int64
	}
	sums, all := map[string]*sum{}, &sum{parts: map[string]float64{}}
	var order []string
	for _, e := range entries {
		s := sums[e.Stage]
		if s == nil {
			s = &sum{parts: map[string]float64{}}
			sums[e.Stage], order = s, append(order, e.Stage)
		}
		for _, to := range []*sum{s, all} {
			to.seconds, to.tokens = to.seconds+e.Seconds, to.tokens+e.Tokens
			for _, part := range timeParts {
				if v, has := e.Values[part.value]; has {
					to.parts[part.value] += v
				}
			}
		}
	}
	if all.seconds == 0 {
		return table{}
	}
	t := table{Head: []string{"stage", "seconds", "share", "tokens", "tokens/s"}}
	for _, part := range timeParts {
		if _, has := all.parts[part.value]; has {
			t.Head = append(t.Head, part.label+", s", "share of all")
		}
	}
	row := func(name string, s *sum) {
		cells := []cell{word(name), number(s.seconds), share(s.seconds / all.seconds), {Numeric: true}, {Numeric: true}}
		if s.tokens > 0 && s.seconds > 0 {
			cells[3], cells[4] = number(float64(s.tokens)), number(float64(s.tokens)/s.seconds)
		}
		for _, part := range timeParts {
			if _, has := all.parts[part.value]; has {
				cells = append(cells, number(s.parts[part.value]), share(s.parts[part.value]/all.seconds))
			}
		}
		t.Rows = append(t.Rows, cells)
	}
	for _, name := range order {
		row(name, sums[name])
	}
	row("all", all)
	return t
}

// timeParts are values of the journal that are seconds of their stage.
var timeParts = []struct{ value, label string }{
	{"verify_wait_seconds", "waited for verifiers"}, {"overhead_seconds", "objective, selection, ledger"},
}

// verdictText is what the report says of a response that was verified; "" where none is.
func verdictText(x metrics.Example) string {
	switch {
	case x.Verdict == "":
		return ""
	case strings.TrimSpace(x.Extracted) == "":
		return x.Verdict + ", no answer found"
	}
	return x.Verdict + ": " + x.Extracted
}
