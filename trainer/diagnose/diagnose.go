// Package diagnose reads what a run has written and says which part of the loop holds it back: the proposer, the solver, the
// verifier, the data, the chat template, truncation or the numerics.
//
//	records, err := diagnose.Read(fsys.OS, "runs/first")
//	d := diagnose.Of(records) // d.Bottleneck, d.Alarms
//
// Of is a pure function from records to findings. rules.go is the table of signals, limits and advice, which docs/diagnose.md explains; a rule
// whose signal a run does not have is silent.
package diagnose

import (
	"slices"
	"strconv"
)

// Part is what a finding blames.
type Part string

// The parts of a loop, and None for a run without alarm.
const (
	Proposer   Part = "proposer"
	Solver     Part = "solver"
	Verifier   Part = "verifier"
	Data       Part = "data"
	Template   Part = "template"
	Truncation Part = "truncation"
	Numerics   Part = "numerics"
	None       Part = "none"
)

// Diagnosis is what is wrong with a run.
type Diagnosis struct {
	Bottleneck Part    `json:"bottleneck"`
	Alarms     []Alarm `json:"alarms"` // in the order of precedence; empty, never null
}

// Alarm is a signal that has passed its limit and has stayed there up to the newest iteration that has it.
type Alarm struct {
	Name      string  `json:"name"`
	Iteration int     `json:"iteration"` // the first of that stretch; -1: before the first update
	Value     float64 `json:"value"`     // in that iteration
	Limit     float64 `json:"limit"`
	Below     bool    `json:"below"`   // the alarm is for values below the limit, not above it
	Advice    string  `json:"advice"`  // what to change
	Setting   string  `json:"setting"` // the config key that the advice is about; empty when it is about the data or the code
	Signal    string  `json:"signal"`  // the names in metrics.jsonl that it was computed from
	Blames    Part    `json:"blames"`
}

// Condition is what raises the alarm, as "> 0.05" or "< 0.5".
func (a Alarm) Condition() string { return condition(a.Limit, a.Below) }

func condition(limit float64, below bool) string {
	sign := "> "
	if below {
		sign = "< "
	}
	return sign + strconv.FormatFloat(limit, 'g', -1, 64)
}

// Of applies every rule.
//
// The bottleneck is the part blamed by the first alarm in the order of the rules: that is the order in which faults spoil what comes after them
// (template, data, truncation, verifier, proposer, solver, and the update's numerics last). There is one exception. An update that breaks the
// policy spoils everything that is drawn afterwards: when an alarm of the numerics began in an earlier iteration than every other alarm, it
// is the bottleneck.
func Of(r Records) Diagnosis {
	s := newSignals(r)
	d := Diagnosis{Bottleneck: None, Alarms: []Alarm{}}
	for _, rule := range rules {
		if a, raised := rule.apply(s); raised {
			d.Alarms = append(d.Alarms, a)
		}
	}
	if at := slices.IndexFunc(d.Alarms, func(a Alarm) bool { return a.Blames == Numerics }); at > 0 && earliest(d.Alarms, at) {
		first := d.Alarms[at]
		d.Alarms = slices.Insert(slices.Delete(d.Alarms, at, at+1), 0, first)
	}
	if len(d.Alarms) > 0 {
		d.Bottleneck = d.Alarms[0].Blames
	}
	return d
}

// earliest reports whether the alarm of that index began before all that blame something else.
func earliest(alarms []Alarm, index int) bool {
	return !slices.ContainsFunc(alarms, func(a Alarm) bool {
		return a.Blames != alarms[index].Blames && a.Iteration <= alarms[index].Iteration
	})
}
