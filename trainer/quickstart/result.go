package quickstart

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"text/tabwriter"

	"spar/internal/fsys"
	"spar/trainer/journal"
)

// Result is the quickstart's table.
type Result struct {
	Arms []Arm `json:"arms"`
}

// Arm is one way of training, with a row for the base and one for each iteration.
type Arm struct {
	Name   string `json:"name"`
	Report string `json:"report"` // path of its report.html
	Rows   []Row  `json:"rows"`
}

// Row is a policy's evaluation.
type Row struct {
	Iteration    int     `json:"iteration"` // 0: the base
	KL           float64 `json:"kl"`        // nats of a held-out response above the entropy
	Correct      float64 `json:"correct"`   // share of fresh samples on held-out prompts that the checker accepts
	Margin       float64 `json:"margin"`    // mean reward gap to the policy before, held-out, fresh samples
	Accuracy     float64 `json:"accuracy"`  // share of those pairs with a positive gap
	Length       float64 `json:"length"`    // tokens of a fresh sample
	SampleTokens float64 `json:"sample_tok_s"`
	UpdateTokens float64 `json:"update_tok_s"`
}

// readArm reads an arm's rows from its journal.
func readArm(name, dir string) (Arm, error) {
	entries, err := journal.Read(fsys.OS, filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		return Arm{}, err
	}
	a := Arm{Name: name, Report: filepath.Join(dir, "report.html")}
	if base, ok := journal.Find(entries, 0, "baseline"); ok {
		a.Rows = append(a.Rows, rowOf(0, base.Values))
	}
	for t := 0; ; t++ {
		e, ok := journal.Find(entries, t, "evaluate")
		if !ok {
			return a, nil
		}
		r := rowOf(t+1, e.Values)
		if s, ok := journal.Find(entries, t, "sample"); ok {
			r.SampleTokens = rate(s)
		}
		if u, ok := journal.Find(entries, t, "update"); ok {
			r.UpdateTokens = rate(u)
		}
		a.Rows = append(a.Rows, r)
	}
}

func rowOf(iteration int, v map[string]float64) Row {
	return Row{Iteration: iteration, KL: v["kl"], Correct: v["correct"], Margin: v["rewards/margins"], Accuracy: v["rewards/accuracies"], Length: v["length/generated"]}
}

func rate(e journal.Entry) float64 {
	if e.Seconds == 0 {
		return 0
	}
	return float64(e.Tokens) / e.Seconds
}

// Print writes the table and what it says.
func (r Result) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "arm\titeration\tdistance (nats)\tcorrect\tmargin\taccuracy\tlength\tsample tok/s\tupdate tok/s\t")
	for _, a := range r.Arms {
		for _, row := range a.Rows {
			fmt.Fprintf(t, "%s\t%d\t%.2f\t%.1f %%\t%s\t%s\t%.2f\t%s\t%s\t\n", a.Name, row.Iteration, row.KL, 100*row.Correct,
				orDash(row.Margin, "%.2f", row.Accuracy > 0), orDash(row.Accuracy, "%.2f", row.Accuracy > 0), row.Length,
				orDash(row.SampleTokens, "%.0f", row.SampleTokens > 0), orDash(row.UpdateTokens, "%.0f", row.UpdateTokens > 0))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(w, r.words())
	return err
}

func orDash(v float64, format string, show bool) string {
	if !show {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

// words says what the table shows and what it does not.
func (r Result) words() string {
	text := "\ndistance: nats by which a held-out response of the data costs the model more than its exact entropy; 0 is p_data itself.\n" +
		"correct: share of fresh samples on held-out prompts that an exact checker accepts. margin and accuracy: telling real responses\n" +
		"from samples of the policy before. The data's mean length is 23.85 tokens, the dialect's 25.15.\n"
	for _, a := range r.Arms {
		if len(a.Rows) < 2 {
			continue
		}
		first, last := a.Rows[0], a.Rows[len(a.Rows)-1]
		text += fmt.Sprintf("%s: distance %.2f -> %.2f, falling in %d of %d iterations; correct %.1f %% -> %.1f %%.\n", a.Name,
			first.KL, last.KL, a.falls(), len(a.Rows)-1, 100*first.Correct, 100*last.Correct)
	}
	text += "The theory says that SPIN moves to the data in every iteration, and that what it moves shrinks as the gap closes. It does not say\n" +
		"that SPIN beats the same budget of further SFT, and in this setting it was not found to, on correctness or on distance. What does\n" +
		"is a verifier: from a base of few examples, responses to unlabelled prompts that an answer check lets pass, learnt beside the examples.\n"
	for _, a := range r.Arms {
		text += fmt.Sprintf("report of %s: %s\n", a.Name, a.Report)
	}
	return text
}

// falls counts the iterations that brought the policy nearer to the data.
func (a Arm) falls() int {
	n, before := 0, math.Inf(1)
	for _, row := range a.Rows {
		if row.Iteration > 0 && row.KL < before {
			n++
		}
		before = row.KL
	}
	return n
}
