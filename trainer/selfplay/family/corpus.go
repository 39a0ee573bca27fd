package family

import (
	"context"
	"strings"

	"spar/internal/fault"
	"spar/internal/rng"
)

// corpus is questions about documents that the proposer reads and the solver does not (SPICE, arXiv 2510.24684).
type corpus struct {
	pose      string
	documents []string
}

const corpusPose = "Read the text and write a question about it that can be answered without the text in front of one, and its short answer.\n" +
	"Text: {document}\nPut the question between <question> and </question> and the answer between <answer> and </answer>.\n"

func newCorpus(o Options) (Family, error) {
	if o.Pose == "" {
		o.Pose = corpusPose
	}
	if len(o.Documents) == 0 {
		return nil, fault.Usagef("play.family: corpus needs documents; give data.train with rows of text")
	}
	if !strings.Contains(o.Pose, "{document}") {
		return nil, fault.Usagef("play.pose: has no {document} in it, so the proposer has nothing to read")
	}
	return corpus{o.Pose, o.Documents}, nil
}

func (corpus) Name() string        { return "corpus" }
func (corpus) Kinds() []string     { return []string{"corpus"} }
func (corpus) Levels() int         { return 0 }
func (corpus) Verifiers() []string { return []string{"exact"} }

func (f corpus) Poses(n int, _ []float64, r *rng.Stream) []Pose {
	out := make([]Pose, n)
	for i := range out {
		document := f.documents[r.IntN(len(f.documents))]
		out[i] = Pose{Text: strings.ReplaceAll(f.pose, "{document}", document), Kind: "corpus", Given: document}
	}
	return out
}

func (f corpus) Read(_ context.Context, p Pose, response string) (Task, Reason, error) {
	question, asked := between(response, "<question>", "</question>")
	answer, answered := between(response, "<answer>", "</answer>")
	switch {
	case !asked || !answered:
		return Task{}, Unreadable, nil
	case !strings.Contains(fold(p.Given), fold(answer)):
		return Task{}, Broken, nil // the document does not say so
	case strings.Contains(fold(question), fold(answer)):
		return Task{}, Trivial, nil
	}
	return Task{Kind: p.Kind, Problem: question + "\nThe answer is ", Asked: question, Answer: answer, Verifier: "exact"}, "", nil
}

// fold makes texts comparable.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
