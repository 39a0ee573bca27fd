// Package family holds the kinds of tasks that a proposer sets and a solver solves.
//
//	f, err := family.Open("arithmetic", family.Options{Levels: 3, Pose: "..."})
//	poses := f.Poses(64, weights, stream)               // what the proposer is asked
//	task, reason := f.Read(poses[0], response)          // what it set, or why that is no task
//
// A family knows texts and no models: roles, rewards and updates are the trainer's. All functions are pure, but for what a family
// runs in the jail, and safe to call from any goroutine.
package family

import (
	"context"
	"slices"
	"strings"

	"spar/internal/fault"
	"spar/internal/rng"
)

// Pose is what a proposer is asked.
type Pose struct {
	Text  string `json:"text"`
	Kind  string `json:"kind"`  // type of task; shares a baseline
	Level int    `json:"level"` // difficulty asked for, from 1; 0: the family has none
	Given string `json:"given,omitempty"`
}

// Task is what a solver is asked, with what a verifier needs.
type Task struct {
	Kind     string `json:"kind"`
	Level    int    `json:"level"`
	Problem  string `json:"problem"`
	Asked    string `json:"asked,omitempty"` // what the proposer wrote of the problem; "": all of it
	Answer   string `json:"answer,omitempty"`
	Tests    string `json:"tests,omitempty"`
	Verifier string `json:"verifier"`
}

// Own is the problem without the words that the family puts around it, which all its tasks have in common.
func (t Task) Own() string {
	if t.Asked == "" {
		return t.Problem
	}
	return t.Asked
}

// Reason says why a proposal is no task; "" when it is one.
type Reason string

// The steps of the validity funnel, in order.
const (
	Unreadable       Reason = "unreadable"       // nothing of the asked form is in the response
	Broken           Reason = "broken"           // it can be read but does not run or has no answer
	Nondeterministic Reason = "nondeterministic" // running it twice gives two answers
	Trivial          Reason = "trivial"          // a constant, the identity, or an answer that the problem contains
	Repeated         Reason = "repeated"         // the same as an earlier task of the batch
)

// Malformed reports whether a response had not even the form of a task.
func (r Reason) Malformed() bool { return r == Unreadable }

// Family is one kind of tasks.
type Family interface {
	Name() string
	// Kinds are the types of tasks.
	Kinds() []string
	// Verifiers are those that its tasks name.
	Verifiers() []string
	// Levels is how many difficulties can be asked for; 0: none.
	Levels() int
	// Poses asks for n tasks, their levels drawn with the given weights (nil: evenly).
	Poses(n int, levels []float64, r *rng.Stream) []Pose
	// Read turns a proposer's response into a task. An error means that the family itself broke.
	Read(ctx context.Context, p Pose, response string) (Task, Reason, error)
}

// Wrapper is a family whose verifier wants something else than the solver's response: Wrap makes it, for a task of the given kind.
type Wrapper interface {
	Wrap(kind, response string) string
}

// Options are the settings of all families; each reads its own.
type Options struct {
	Levels    int      // arithmetic
	Pose      string   // template of what the proposer is asked; "": the family's own
	Spaced    bool     // arithmetic: digits are words of their own, as in the quickstart's language
	Documents []string // corpus
	Run       Run      // program
}

// Names lists the families that Open takes.
func Names() []string { return []string{"arithmetic", "program", "open", "corpus"} }

// Open returns a family by name; an unknown one is a usage error.
func Open(name string, o Options) (Family, error) {
	switch name {
	case "arithmetic":
		return newArithmetic(o)
	case "program":
		return newProgram(o)
	case "open":
		return newOpen(o)
	case "corpus":
		return newCorpus(o)
	}
	return nil, fault.Usagef("play.family: %q is not one of %s", name, strings.Join(Names(), ", "))
}

// pick draws an index with the given weights, which need not add up to 1.
func pick(weights []float64, r *rng.Stream) int {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	u := r.Float64() * total
	for i, w := range weights {
		if u -= w; u < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// evenly are equal weights.
func evenly(n int) []float64 { return slices.Repeat([]float64{1}, n) }
