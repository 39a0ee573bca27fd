package tool

import (
	"context"
	"encoding/json"
	"io"

	"spar/loader"
	"spar/trainer/policy"
	"spar/trainer/search"
	"spar/trainer/verify"
)

// SearchOptions are the settings of a call of Search.
type SearchOptions struct {
	SampleOptions      // N and Stop are not read
	Beam          bool // else the best of Samples
	Samples       int  // responses to a prompt, or steps after each beam
	Width         int  // beams
	Splitters     []string
	Aggregate     string
	Verifier      verify.Spec
	Parallel      int          // steps judged at a time; 0: the CPUs
	Judge         ModelOptions // scores for likelihood, and for process without a command; Path "": none
}

type found struct {
	IDs      []int32   `json:"ids"`
	Text     string    `json:"text"`
	Steps    []string  `json:"steps"`
	Scores   []float64 `json:"scores"` // of the steps
	Score    float64   `json:"score"`
	Finished bool      `json:"finished"`
	Tokens   int       `json:"tokens"` // that were sampled for it
	Judged   int       `json:"judged"` // steps put to the verifier
}

// Search writes one line of {"ids","text","steps","scores","score","finished","tokens","judged"} for each line of {"prompt"},
// {"prompt_ids"} or {"messages"}, in order: the best response that was found. What is drawn depends on the seed and the line's number only.
func Search(ctx context.Context, o ModelOptions, s SearchOptions, in io.Reader, name string, out io.Writer) error {
	options := verify.Options{Parallel: s.Parallel}
	if s.Judge.Path != "" {
		options.Score = s.Judge.meanLogps
	}
	v, err := verify.Open(s.Verifier, options)
	if err != nil {
		return err
	}
	m, err := o.Load()
	if err != nil {
		return err
	}
	defer m.Close()
	problems, longest, err := readProblems(m, in, name)
	if err != nil {
		return err
	}
	p, err := o.Policy(m, longest+s.MaxNewTokens, false)
	if err != nil {
		return err
	}
	defer p.Close()
	how := search.BestOf
	if s.Beam {
		how = search.Beam
	}
	results, err := how(ctx, p, search.Verified(v), problems, s.search(m))
	if err != nil {
		return err
	}
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for _, r := range results {
		b := r.Best()
		if err := lines.Encode(found{b.IDs, b.Text, b.Steps, b.Scores, b.Score, b.Finished, r.Tokens, r.Judged}); err != nil {
			return err
		}
	}
	return nil
}

func readProblems(m *loader.Model, in io.Reader, name string) (problems []search.Problem, longest int, err error) {
	err = eachLine(in, name, func(line int, row prompt) error {
		ids, err := row.ids(m)
		if err != nil {
			return err
		}
		longest = max(longest, len(ids))
		problems = append(problems, search.Problem{Key: line - 1, Text: row.problem(m, ids), Prompt: ids})
		return nil
	})
	return problems, longest, err
}

// problem is what a verifier reads: the text, of a conversation its last message.
func (row prompt) problem(m *loader.Model, ids []int32) string {
	switch {
	case row.Prompt != nil:
		return *row.Prompt
	case len(row.Messages) > 0:
		return row.Messages[len(row.Messages)-1].Content
	case m.Tokenizer != nil:
		return m.Tokenizer.Decode(ids)
	}
	return ""
}

func (s SearchOptions) search(m *loader.Model) search.Options {
	return search.Options{
		Samples: s.Samples, Width: s.Width, Splitters: s.Splitters, Aggregate: s.Aggregate,
		Settings: policy.SampleRequest{
			MaxNewTokens: s.MaxNewTokens, Temperature: s.Temperature, TopP: s.TopP, MinP: s.MinP, TopK: s.TopK, StopIDs: m.StopIDs(), Seed: s.Seed,
		},
	}
}
