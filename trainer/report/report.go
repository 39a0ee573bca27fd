// Package report writes report.html: one self-contained page about a run, made from its files alone, so that it can be made again
// at any time.
//
//	err := report.Write(fsys.OS, "runs/first")
//
// The page needs no script, no network and no other file. Text from models and data is escaped by html/template. Write may run while the
// run goes on; it shows what is sealed.
package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"strings"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/trainer/diagnose"
	"spar/trainer/journal"
	"spar/trainer/metrics"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("report").Parse(pageText))

// content is what the page shows.
type content struct {
	Title       string
	Algorithm   string
	Model       string
	Done        string // how far the run has come
	Diagnosis   diagnose.Diagnosis
	Alarms      table
	Information table
	Verified    table
	Headline    table
	Charts      []template.HTML
	Samples     []sampleRow
	Policies    []string // names of the columns of Samples
	Kinds       table
	Stages      table
	Ops         table
	Counts      table
	Config      table
	Lineage     table
}

// table is plain rows of text. Numeric columns are set to the right.
type table struct {
	Head []string
	Rows [][]cell
}

type cell struct {
	Text    string
	Numeric bool
	Bar     string // CSS width of a bar behind the text, "" for none
}

// sampleRow is one held-out prompt with its real response and what each policy answered.
type sampleRow struct {
	Prompt    string
	Real      string
	Generated []generated
}

type generated struct {
	Text      string
	Truncated bool
	Same      bool // as the real response
	Logp      string
	Verdict   string // and the answer found; "" where nothing is verified
}

// Write makes runDir/report.html. A directory that holds no run is a fault.Input error.
func Write(f fsys.FS, runDir string) error {
	c, err := gather(f, runDir)
	if err != nil {
		return err
	}
	return fsys.WriteFile(f, filepath.Join(runDir, "report.html"), func(w io.Writer) error {
		return page.Execute(w, c)
	})
}

func gather(f fsys.FS, runDir string) (content, error) {
	lineage, ok, err := journal.ReadLineage(f, filepath.Join(runDir, "run.json"))
	if err != nil {
		return content{}, err
	}
	if !ok {
		return content{}, fault.Inputf("%s: there is no run here (no run.json); give a run's output_dir", runDir)
	}
	entries, err := journal.Read(f, filepath.Join(runDir, "journal.jsonl"))
	if err != nil {
		return content{}, err
	}
	steps, err := metrics.Read(f, runDir)
	if err != nil {
		return content{}, err
	}
	evaluations, err := readEvaluations(f, runDir, entries)
	if err != nil {
		return content{}, err
	}
	diagnosis := diagnose.Of(diagnose.Records{Config: lineage.Config, Precision: lineage.Precision, Metrics: steps})
	return content{
		Diagnosis: diagnosis, Alarms: alarmTable(diagnosis), Information: informationTable(steps), Verified: verifiedTable(steps),
		Title: filepath.Base(filepath.Clean(runDir)), Algorithm: lineage.Config["algorithm"], Model: lineage.Model.Path,
		Done:     progressText(lineage, entries),
		Headline: headline(evaluations), Charts: charts(steps),
		Samples: samples(evaluations), Policies: policyNames(evaluations),
		Kinds: kindTable(entries), Stages: stageTable(entries), Ops: opTable(entries), Counts: countTable(entries),
		Config: configTable(lineage), Lineage: lineageTable(lineage),
	}, nil
}

// readEvaluations reads the sealed evaluations, oldest first.
func readEvaluations(f fsys.FS, runDir string, entries []journal.Entry) ([]metrics.Evaluation, error) {
	var out []metrics.Evaluation
	seen := map[string]bool{}
	for _, e := range entries {
		for name := range e.Outputs {
			if filepath.Base(name) != "eval.json" || seen[name] {
				continue
			}
			seen[name] = true
			evaluation, err := metrics.ReadEvaluation(f, filepath.Join(runDir, name))
			if err != nil {
				return nil, err
			}
			out = append(out, evaluation)
		}
	}
	return out, nil
}

func progressText(l journal.Lineage, entries []journal.Entry) string {
	promoted := 0
	for _, e := range entries {
		if e.Stage == "promote" {
			promoted = max(promoted, e.Iteration+1)
		}
	}
	return fmt.Sprintf("%d of %s iterations finished", promoted, l.Config["iterations"])
}

func policyName(iteration int) string {
	if iteration < 0 {
		return "before"
	}
	return fmt.Sprintf("iteration %d", iteration)
}

func policyNames(es []metrics.Evaluation) []string {
	var out []string
	for _, e := range es {
		out = append(out, policyName(e.Iteration))
	}
	return out
}

// samples lines the evaluations' examples up by prompt; all evaluations show the same rows.
func samples(es []metrics.Evaluation) []sampleRow {
	if len(es) == 0 {
		return nil
	}
	var out []sampleRow
	for i, first := range es[0].Examples {
		row := sampleRow{Prompt: first.Prompt, Real: first.Real}
		for _, e := range es {
			if i >= len(e.Examples) {
				continue
			}
			x := e.Examples[i]
			row.Generated = append(row.Generated, generated{Text: x.Generated, Truncated: x.Finish == "length",
				Same: strings.TrimSpace(x.Generated) == strings.TrimSpace(x.Real), Logp: fmt.Sprintf("%.2f", x.GenLogp), Verdict: verdictText(x)})
		}
		out = append(out, row)
	}
	return out
}
