package family

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"spar/internal/fault"
	"spar/internal/rng"
)

// program is triples of a Starlark function f, an input and an output, as in Absolute Zero (arXiv 2505.03335): deduction asks for the
// output, abduction for an input, induction for the function from some of its pairs.
type program struct {
	pose string
	run  Run
}

// Run calls function(arguments) of a program in the jail. arguments and value are Starlark literals; ok is false when the program
// did not return one.
type Run func(ctx context.Context, text, function, arguments string) (value string, ok bool, err error)

const (
	deduction = "deduction"
	abduction = "abduction"
	induction = "induction"
)

const programPose = "Write a deterministic Starlark function f that is interesting to reason about, and {inputs} for it. Put the function between <program> and </program> " +
	"and each input, the arguments between the parentheses of the call, on a line between <input> and </input>.\n"

// inductionInputs are asked for where a function is to be found from its pairs; every second pair is held back (the paper asks for 10).
const inductionInputs = 10

func newProgram(o Options) (Family, error) {
	if o.Run == nil {
		return nil, fault.Usagef("play.family: program runs what the model writes and needs the jail")
	}
	if o.Pose == "" {
		o.Pose = programPose
	}
	if !strings.Contains(o.Pose, "{inputs}") {
		return nil, fault.Usagef("play.pose: has no {inputs} in it, so the proposer is not told how many to write")
	}
	return program{o.Pose, o.Run}, nil
}

func (program) Name() string        { return "program" }
func (program) Kinds() []string     { return []string{deduction, abduction, induction} }
func (program) Verifiers() []string { return []string{"starlark"} }
func (program) Levels() int         { return 0 }

func (f program) Poses(n int, _ []float64, _ *rng.Stream) []Pose {
	kinds := f.Kinds()
	out := make([]Pose, n)
	for i := range out {
		inputs := "one input"
		if out[i].Kind = kinds[i%len(kinds)]; out[i].Kind == induction {
			inputs = fmt.Sprintf("%d different inputs", inductionInputs)
		}
		out[i].Text = strings.ReplaceAll(f.pose, "{inputs}", inputs)
	}
	return out
}

// example is one call with its outcome.
type example struct{ input, output string }

func (f program) Read(ctx context.Context, p Pose, response string) (Task, Reason, error) {
	text, found := between(response, "<program>", "</program>")
	inputs := allBetween(response, "<input>", "</input>")
	least := 1
	if p.Kind == induction {
		least = 4
	}
	if !found || len(inputs) < least || !definesF.MatchString(text) {
		return Task{}, Unreadable, nil
	}
	if p.Kind != induction {
		inputs = inputs[:1]
	}
	examples, reason, err := f.examples(ctx, text, inputs)
	if err != nil || reason != "" {
		return Task{}, reason, err
	}
	return pose(p.Kind, text, examples), "", nil
}

var definesF = regexp.MustCompile(`(?m)^def f\(`)

// examples runs every input twice.
func (f program) examples(ctx context.Context, text string, inputs []string) (out []example, reason Reason, err error) {
	outputs := map[string]bool{}
	for _, input := range inputs {
		value, ok, err := f.run(ctx, text, "f", input)
		if err != nil || !ok {
			return nil, Broken, err
		}
		again, ok, err := f.run(ctx, text, "f", input)
		if err != nil || !ok || again != value {
			return nil, Nondeterministic, err
		}
		if value == input || value == "None" {
			return nil, Trivial, nil
		}
		outputs[value] = true
		out = append(out, example{input, value})
	}
	if len(inputs) > 1 && len(outputs) == 1 {
		return nil, Trivial, nil // a constant
	}
	return out, "", nil
}

// pose writes a triple as a task. Answers are between marks; Wrap makes a program of them.
func pose(kind, text string, examples []example) Task {
	first := examples[0]
	t := Task{Kind: kind, Asked: text + "\nf(" + first.input + ")", Verifier: "starlark"}
	switch kind {
	case deduction:
		t.Problem = fmt.Sprintf("What does f(%s) return? Put the value between <answer> and </answer>.\n%s\n", first.input, text)
		t.Tests = fmt.Sprintf("check_equal(answer(), %s)\n", first.output)
		t.Answer = first.output
	case abduction:
		t.Problem = fmt.Sprintf("For which arguments does f return %s? Put them, as between the parentheses of the call, between <answer> and </answer>.\n%s\n", first.output, text)
		t.Tests = fmt.Sprintf("%s\ncheck_equal(f(*answer()), %s)\n", text, first.output)
		t.Answer = first.input
	case induction:
		var shown, tests strings.Builder
		for i, e := range examples {
			if i%2 == 0 {
				fmt.Fprintf(&shown, "f(%s) = %s\n", e.input, e.output)
			} else {
				fmt.Fprintf(&tests, "check_equal(f(%s), %s)\n", e.input, e.output)
			}
		}
		t.Problem = "Write a Starlark function f with these values, between <answer> and </answer>.\n" + shown.String()
		t.Tests, t.Answer = tests.String(), text
	}
	return t
}

// Wrap is the program that a response stands for.
func (program) Wrap(kind, response string) string {
	answer, found := between(response, "<answer>", "</answer>")
	switch {
	case !found:
		return ""
	case kind == induction:
		return answer + "\n"
	case kind == abduction:
		return "def answer():\n    return (" + answer + ",)\n"
	}
	return "def answer():\n    return (" + answer + ")\n"
}

// allBetween are the trimmed texts inside all pairs of marks.
func allBetween(text, open, close string) (out []string) {
	for {
		inside, found := between(text, open, close)
		if !found {
			return out
		}
		out = append(out, inside)
		_, text, _ = strings.Cut(text, close)
	}
}
