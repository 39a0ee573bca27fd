package report

import (
	"fmt"

	"spar/trainer/diagnose"
)

// alarmTable shows what spar diagnose finds, the bottleneck's evidence first.
func alarmTable(d diagnose.Diagnosis) table {
	if len(d.Alarms) == 0 {
		return table{}
	}
	t := table{Head: []string{"alarm", "blames", "since", "value", "alarm when", "what to change", "setting"}}
	for _, a := range d.Alarms {
		since := fmt.Sprintf("iteration %d", a.Iteration)
		if a.Iteration < 0 {
			since = "before training"
		}
		t.Rows = append(t.Rows, []cell{word(a.Name), word(string(a.Blames)), word(since), number(a.Value), word(a.Condition()), word(a.Advice), word(a.Setting)})
	}
	return t
}
