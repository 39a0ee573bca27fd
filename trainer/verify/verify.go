// Package verify judges responses to tasks: a batch of (task, response) in, a verdict, a score and what
// was found out of it.
//
//	v, err := verify.Open(verify.Spec{Name: "maths"}, verify.Options{})
//	outcomes, err := v.Verify(ctx, []verify.Item{{Response: `so it is \boxed{1/2}`, Answer: "0.5"}})
//
// A wrong response is an Outcome, never an error: an error means that the verifier itself could not work. A verifier that
// hangs, dies, prints garbage or floods gives the verdicts timeout, crash or oom for the items concerned; a task that
// lacks what the verifier needs gives refused. Training counts pass and fail; the other verdicts say
// nothing about the response.
//
// Verifiers may be used by any number of goroutines.
package verify

import (
	"context"
	"fmt"
	"time"
)

// Verdict is what a verifier concludes. The zero value is no verdict.
type Verdict uint8

// The verdicts.
const (
	Pass    Verdict = iota + 1
	Fail            // the response is wrong, has no answer, or cannot be shown to be right
	Timeout         // judging it took too long
	Crash           // the program that judges, or is judged, ended without a verdict
	OOM             // it needed more memory than it may have
	Refused         // the task lacks what the verifier needs
)

var verdictNames = [...]string{"none", "pass", "fail", "timeout", "crash", "oom", "refused"}

// String is the verdict in lower case.
func (v Verdict) String() string { return verdictNames[min(int(v), len(verdictNames)-1)] }

// MarshalText writes the lower-case name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the lower-case name of a verdict.
func (v *Verdict) UnmarshalText(text []byte) error {
	for i, name := range verdictNames[1:] {
		if name == string(text) {
			*v = Verdict(i + 1)
			return nil
		}
	}
	return fmt.Errorf("%q is no verdict; give pass, fail, timeout, crash, oom or refused", text)
}

// Judged reports whether the verdict says anything about the response.
func (v Verdict) Judged() bool { return v == Pass || v == Fail }

// Step is one step of a response.
type Step struct {
	Text  string   `json:"text"`
	Score *float64 `json:"score,omitempty"` // in [0, 1]; nil: not scored yet
}

// Item is one task with one response. Which fields a verifier reads is said where it is described.
type Item struct {
	Problem  string `json:"problem"`
	Response string `json:"response"`
	Answer   string `json:"answer"`
	Tests    string `json:"tests"` // program text that a program in the response must pass
	Steps    []Step `json:"steps,omitempty"`
}

// Outcome is what was found for one item.
type Outcome struct {
	Verdict   Verdict
	Score     float64 // 1 pass, 0 fail, or graded in [0, 1]
	Extracted string  // the answer found in the response
	Detail    string  // why, in one sentence or less; "" for a plain pass
	Took      time.Duration
}

// Verifier judges batches. Verify returns one outcome per item in their order, or an error when it could not
// work at all or ctx was cancelled.
type Verifier interface {
	Name() string
	Verify(ctx context.Context, batch []Item) ([]Outcome, error)
}

// passed is the outcome of a comparison.
func passed(ok bool, extracted, detail string) Outcome {
	if ok {
		return Outcome{Verdict: Pass, Score: 1, Extracted: extracted}
	}
	return Outcome{Verdict: Fail, Extracted: extracted, Detail: detail}
}

func refused(detail string) Outcome { return Outcome{Verdict: Refused, Detail: detail} }

// graded passes a score that reaches the threshold.
func graded(score, threshold float64, detail string) Outcome {
	o := Outcome{Verdict: Fail, Score: score, Detail: detail}
	if score >= threshold {
		o.Verdict = Pass
	}
	return o
}
