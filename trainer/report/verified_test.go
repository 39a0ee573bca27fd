package report

import (
	"slices"
	"strings"
	"testing"

	"spar/trainer/journal"
	"spar/trainer/metrics"
)

func texts(row []cell) []string {
	var out []string
	for _, c := range row {
		out = append(out, c.Text)
	}
	return out
}

// TestVerifiedTable: a row before training with the held-out rate alone, then one an iteration; only what the run has gets a column.
func TestVerifiedTable(t *testing.T) {
	got := verifiedTable([]metrics.Record{
		{Iteration: -1, Values: map[string]float64{"eval_accuracy": 0.125}},
		{Iteration: 0, Values: map[string]float64{"verify/pass_rate": 0.25, "select/kept": 40}},
		{Iteration: 0, Step: 3, Values: map[string]float64{"loss": 1}},
		{Iteration: 0, Step: 9, Values: map[string]float64{"eval_accuracy": 0.5}},
		{Iteration: 1, Step: 9, Values: map[string]float64{"verify/pass_rate": 0.75, "audit/false_positive": 0}},
	})
	if want := []string{"iteration", "samples solved", "kept", "audit: wrongly passed", "held-out solved, after"}; !slices.Equal(got.Head, want) {
		t.Errorf("columns %q, want %q", got.Head, want)
	}
	want := [][]string{{"before", "", "", "", "12.5 %"}, {"iteration 0", "25.0 %", "40", "", "50.0 %"}, {"iteration 1", "75.0 %", "", "0.0 %", ""}}
	if len(got.Rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(got.Rows), len(want))
	}
	for i := range want {
		if !slices.Equal(texts(got.Rows[i]), want[i]) {
			t.Errorf("row %d: %q, want %q", i, texts(got.Rows[i]), want[i])
		}
	}
	if none := verifiedTable([]metrics.Record{{Values: map[string]float64{"loss": 1, "eval_accuracy": 1}}}); none.Rows != nil {
		t.Error("a run without verified responses has the table")
	}
}

// TestTimeByKind: stages of one kind are added up, and the wait for verifiers and the overheads are shown where there are any.
func TestTimeByKind(t *testing.T) {
	entries := []journal.Entry{
		{Stage: "sample", Seconds: 30, Tokens: 600, Values: map[string]float64{"verify_wait_seconds": 2}},
		{Stage: "update", Seconds: 20, Values: map[string]float64{"overhead_seconds": 1.5}},
		{Iteration: 1, Stage: "sample", Seconds: 50, Tokens: 200, Values: map[string]float64{"verify_wait_seconds": 3}},
	}
	want := [][]string{
		{"sample", "80", "80.0 %", "800", "10", "5", "5.0 %", "0", "0.0 %"},
		{"update", "20", "20.0 %", "", "", "0", "0.0 %", "1.500", "1.5 %"},
		{"all", "100", "100.0 %", "800", "8", "5", "5.0 %", "1.500", "1.5 %"},
	}
	got := kindTable(entries)
	for i := range want {
		if !slices.Equal(texts(got.Rows[i]), want[i]) {
			t.Errorf("row %d: %q, want %q", i, texts(got.Rows[i]), want[i])
		}
	}
	if plain := kindTable([]journal.Entry{{Stage: "update", Seconds: 20}}); len(plain.Head) != 5 || len(plain.Rows[0]) != 5 {
		t.Errorf("without a verifier: %q", plain.Head)
	}
}

// TestVerdictsOnThePage: each fresh response stands with its verdict and the answer that was found in it.
func TestVerdictsOnThePage(t *testing.T) {
	rows := samples([]metrics.Evaluation{{Examples: []metrics.Example{
		{Prompt: "2 + 2", Real: "4", Generated: "#### 4", Verdict: "pass", Extracted: "4"},
		{Prompt: "2 + 3", Real: "5", Generated: "well", Verdict: "fail"},
		{Prompt: "say", Real: "so", Generated: "so"},
	}}})
	var html strings.Builder
	if err := page.Execute(&html, content{Samples: rows}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"pass: 4", "fail, no answer found", ""} {
		if got := rows[i].Generated[0].Verdict; got != want || !strings.Contains(html.String(), want) {
			t.Errorf("row %d says %q, want %q", i, got, want)
		}
	}
}
