// Package choose is the selection stage of self-training: which verified responses are learnt from. STaR, ReST, ReST-EM, RFT
// and V-STaR differ in these rules and in where their updates start, and in nothing else.
//
//	kept, counts := choose.Rule{Threshold: 0.5, Dedupe: choose.ByPath, MaxPerTask: 10}.Choose(candidates)
//
// Everything here is a pure function of its arguments.
package choose

import (
	"regexp"
	"slices"
	"strings"
)

// Candidate is a verified response. Iteration and Sample name it in the rollouts.
type Candidate struct {
	Task      int // row of the data set
	Iteration int // whose policy drew it
	Sample    int
	Hinted    bool    // drawn with the answer as a hint
	Passed    bool    // the verdict is pass, or there is a score and no verdict
	Score     float64 // in [0, 1]
	Text      string  // the response
	Answer    string  // the final answer that the verifier found in it
}

// Dedupe is what makes two responses to a task the same.
type Dedupe string

// The keys. ByPath is the list of equations of a response (Yuan et al., arXiv 2308.01825, section 3.3), or its text when it has
// none.
const (
	Never    Dedupe = "none"
	ByText   Dedupe = "text"
	ByAnswer Dedupe = "answer"
	ByPath   Dedupe = "path"
)

// Rule says what is kept.
type Rule struct {
	Threshold  float64 // a score must be above it
	Dedupe     Dedupe
	MaxPerTask int // 0: no limit
}

// Counts says what became of the candidates.
type Counts struct {
	Candidates, Failed, Low, Duplicate, Capped, Kept int // Low: passed, with a score that is not above the threshold
	Hinted                                           int // of the kept
	Tasks                                            int // with a response that is kept
}

// Choose returns the candidates that are kept, ordered by task, iteration and sample. Of equal responses the first is kept,
// one without a hint before one with it; above the limit those with the highest score, then the first.
func (r Rule) Choose(candidates []Candidate) ([]Candidate, Counts) {
	n := Counts{Candidates: len(candidates)}
	sorted := make([]Candidate, 0, len(candidates))
	for _, c := range candidates {
		if c.Passed {
			sorted = append(sorted, c)
		}
	}
	n.Failed = len(candidates) - len(sorted)
	slices.SortFunc(sorted, Candidate.order)
	var kept []Candidate
	for len(sorted) > 0 {
		end := slices.IndexFunc(sorted, func(c Candidate) bool { return c.Task != sorted[0].Task })
		if end < 0 {
			end = len(sorted)
		}
		kept = append(kept, r.ofTask(sorted[:end], &n)...)
		sorted = sorted[end:]
	}
	n.Kept = len(kept)
	return kept, n
}

func (c Candidate) order(d Candidate) int {
	if c.Task != d.Task {
		return c.Task - d.Task
	}
	if c.Hinted != d.Hinted {
		if c.Hinted {
			return 1
		}
		return -1
	}
	if c.Iteration != d.Iteration {
		return c.Iteration - d.Iteration
	}
	return c.Sample - d.Sample
}

func (r Rule) ofTask(candidates []Candidate, n *Counts) []Candidate {
	seen := map[string]bool{}
	var kept []Candidate
	for _, c := range candidates {
		switch {
		case c.Score <= r.Threshold:
			n.Low++
		case r.repeated(c, seen):
			n.Duplicate++
		default:
			kept = append(kept, c)
		}
	}
	if r.MaxPerTask > 0 && len(kept) > r.MaxPerTask {
		n.Capped += len(kept) - r.MaxPerTask
		slices.SortStableFunc(kept, func(a, b Candidate) int {
			switch {
			case a.Score > b.Score:
				return -1
			case a.Score < b.Score:
				return 1
			}
			return 0
		})
		kept = kept[:r.MaxPerTask]
		slices.SortFunc(kept, Candidate.order)
	}
	for _, c := range kept {
		if c.Hinted {
			n.Hinted++
		}
	}
	if len(kept) > 0 {
		n.Tasks++
	}
	return kept
}

// repeated reports whether a candidate with the same key was seen, and remembers this one.
func (r Rule) repeated(c Candidate, seen map[string]bool) bool {
	if r.Dedupe == Never {
		return false
	}
	key := r.Dedupe.Key(c)
	before := seen[key]
	seen[key] = true
	return before
}

var equation = regexp.MustCompile(`[-+*/^×÷().,\d\s$%]*\d[-+*/^×÷().,\d\s$%]*=\s*-?[$]?[\d.,]*\d`)

// Key is what the response is compared by.
func (d Dedupe) Key(c Candidate) string {
	switch d {
	case ByAnswer:
		return c.Answer
	case ByPath:
		var path []string
		for _, e := range equation.FindAllString(c.Text, -1) {
			path = append(path, strings.Join(strings.Fields(e), ""))
		}
		if path != nil {
			return strings.Join(path, "\n")
		}
	}
	return strings.Join(strings.Fields(c.Text), " ")
}
