package report

import "spar/trainer/metrics"

// informationTable has a row for each iteration whose data was shown to an observer, and says in which of them the condition of arXiv
// 2603.02218 held: more to learn than in the iteration before, by more than the shuffled controls vary.
func informationTable(records []metrics.Record) table {
	t := table{Head: []string{"iteration", "S", "S, shuffled", "EDL", "EDL, shuffled", "gain", "threshold", "condition"}}
	for _, r := range records {
		holds, measured := r.Values["info/holds"]
		if !measured {
			continue
		}
		row := []cell{number(float64(r.Iteration))}
		for _, name := range []string{"s", "s_control", "edl", "edl_control", "gain", "threshold"} {
			row = append(row, number(r.Values["info/"+name+"_bits"]))
		}
		verdict := "does not hold"
		if holds == 1 {
			verdict = "holds"
		}
		t.Rows = append(t.Rows, append(row, word(verdict)))
	}
	if len(t.Rows) == 0 {
		return table{}
	}
	return t
}
