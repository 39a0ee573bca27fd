package family

import (
	"context"
	"strings"

	"spar/internal/rng"
)

// open is questions without a known answer; the label is what most of the solver's draws say (R-Zero, arXiv 2508.05004).
type open struct{ pose string }

const openPose = "Write one difficult mathematics question that has a single short final answer. Put it between <question> and </question>.\n"

func newOpen(o Options) (Family, error) {
	if o.Pose == "" {
		o.Pose = openPose
	}
	return open{o.Pose}, nil
}

func (open) Name() string        { return "open" }
func (open) Kinds() []string     { return []string{"open"} }
func (open) Levels() int         { return 0 }
func (open) Verifiers() []string { return []string{"majority"} }

func (f open) Poses(n int, _ []float64, _ *rng.Stream) []Pose {
	out := make([]Pose, n)
	for i := range out {
		out[i] = Pose{Text: f.pose, Kind: "open"}
	}
	return out
}

func (f open) Read(_ context.Context, p Pose, response string) (Task, Reason, error) {
	question, ok := between(response, "<question>", "</question>")
	if !ok {
		return Task{}, Unreadable, nil
	}
	return Task{Kind: p.Kind, Problem: question + "\nPut the final answer in \\boxed{}.\n", Asked: question, Verifier: "majority"}, "", nil
}

// between is the trimmed text inside the first pair of marks; false when there is none.
func between(text, open, close string) (string, bool) {
	_, rest, found := strings.Cut(text, open)
	if !found {
		return "", false
	}
	inside, _, found := strings.Cut(rest, close)
	inside = strings.TrimSpace(inside)
	return inside, found && inside != ""
}
