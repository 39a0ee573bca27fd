package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/trainer/journal"
	"spar/trainer/metrics"
)

const hostile = `<script>alert("x")</script>&'"`

// plantRun writes a small run directory with text that must be escaped.
func plantRun(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run "+`<b>`)
	must(t, os.MkdirAll(filepath.Join(dir, "baseline"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "iter-000"), 0o755))
	must(t, journal.WriteLineage(fsys.OS, filepath.Join(dir, "run.json"), journal.Lineage{
		Config: map[string]string{"algorithm": "spin", "iterations": "2", "model": hostile}, Model: journal.Artefact{Path: hostile, Hash: "abc"}}))
	j, err := journal.Open(fsys.OS, filepath.Join(dir, "journal.jsonl"))
	must(t, err)
	defer j.Close()
	for i, name := range []string{"baseline/eval.json", "iter-000/eval.json"} {
		must(t, metrics.WriteEvaluation(fsys.OS, filepath.Join(dir, name), metrics.Evaluation{Iteration: i - 1, Prompts: 1,
			Values: map[string]float64{"kl": 2.5 - float64(i)}, Examples: []metrics.Example{{Prompt: hostile, Real: hostile, Generated: hostile, Finish: "length"}}}))
		must(t, j.Append(journal.Entry{Stage: "evaluate", Outputs: map[string]string{name: "h"}, Seconds: 1, Tokens: 50, Counts: map[string]int64{"kept": 3},
			Ops: []journal.Op{{Name: "linear_forward", Calls: 2, Seconds: 0.5, Flops: 1e9, Bytes: 1e6}}}))
	}
	must(t, j.Append(journal.Entry{Stage: "promote"}))
	w, err := metrics.Open(fsys.OS, dir)
	must(t, err)
	defer w.Close()
	for step := range 2000 {
		must(t, w.Append(metrics.Record{Iteration: step / 1000, Step: int64(step), Values: map[string]float64{"loss": math.Exp(-float64(step) / 500), "rewards/margins": float64(step)}}))
	}
	must(t, w.Append(metrics.Record{Step: 1000, Values: map[string]float64{"eval_kl": 2.5, "eval_rewards/margins": 900}}))
	must(t, w.Append(metrics.Record{Step: 2000, Values: map[string]float64{"eval_kl": 1.5, "eval_rewards/margins": 1900}}))
	must(t, w.Append(metrics.Record{Iteration: 1, Step: 2000, Values: map[string]float64{"sample/truncated_rate": 0.25, "info/holds": 1, "info/edl_bits": 951}}))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReport(t *testing.T) {
	dir := plantRun(t)
	must(t, Write(fsys.OS, dir))
	data, err := os.ReadFile(filepath.Join(dir, "report.html"))
	must(t, err)
	html := string(data)
	for _, want := range []string{"1 of 2 iterations finished", "Loss", "Margin", "Held-out kl", "linear_forward", "iteration 0", "cut at max_new_tokens", "&lt;script&gt;", "same as real", "class=\"bound\"", "truncated_samples", "sampling.max_new_tokens", "<strong>truncation</strong>", "Learnable information", "951", ">holds<"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"<script", "http://", "https://", "ZgotmplZ", "NaN", "Inf", "<link", "<img"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %q: it must be self-contained, escaped and finite", bad)
		}
	}
	if len(data) > 400_000 {
		t.Errorf("the page has %d bytes for 2000 steps; series are not thinned", len(data))
	}
	for _, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(html, -1) {
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("a chart is not well-formed: %v\n%.300s", err, svg)
			}
		}
	}
}

// TestMixedMargins: with preference pairs the chart of the margin has a line for each kind, and their own charts appear; without, none do.
func TestMixedMargins(t *testing.T) {
	step := func(n int64, v map[string]float64) metrics.Record { return metrics.Record{Step: n, Values: v} }
	plain := map[string]float64{"loss": 1, "rewards/margins": 2}
	mixed := map[string]float64{"loss": 1, "rewards/margins": 2, "preference/rewards/margins": 3, "preference/logps/chosen": -4}
	for _, x := range []struct {
		values map[string]float64
		charts int
		shown  bool
	}{{plain, 2, false}, {mixed, 3, true}} {
		pages := charts([]metrics.Record{step(1, x.values), step(2, x.values)})
		if len(pages) != x.charts {
			t.Fatalf("%d charts of %v, want %d", len(pages), x.values, x.charts)
		}
		margin := string(pages[1])
		if got := strings.Contains(margin, ">preference pairs<"); got != x.shown || !strings.Contains(margin, ">training<") || strings.Count(margin, "<polyline") != map[bool]int{false: 1, true: 2}[x.shown] {
			t.Errorf("the margin's chart of %v:\n%s", x.values, margin)
		}
	}
}

func TestWriteTwiceIsTheSame(t *testing.T) {
	dir := plantRun(t)
	var pages [2][]byte
	for i := range pages {
		must(t, Write(fsys.OS, dir))
		data, err := os.ReadFile(filepath.Join(dir, "report.html"))
		must(t, err)
		pages[i] = data
	}
	if !bytes.Equal(pages[0], pages[1]) {
		t.Error("the same run gives two different pages")
	}
}

func TestNoRun(t *testing.T) {
	dir := t.TempDir()
	if err := Write(fsys.OS, dir); fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want class Input naming the directory", err)
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct{ low, high float64 }{{0, 1}, {-3, 7}, {0.69314, 0.69315}, {1e-9, 3e-9}, {-1e6, 1e6}} {
		got := ticks(c.low, c.high)
		if len(got) < 3 || len(got) > 12 {
			t.Errorf("[%v, %v]: %d ticks", c.low, c.high, len(got))
		}
		for _, v := range got {
			if v < c.low || v > c.high {
				t.Errorf("[%v, %v]: tick %v lies outside", c.low, c.high, v)
			}
		}
	}
	for v, want := range map[float64]string{0: "0", 0.69314718: "0.6931", 12345: "12345", 5e-7: "5e-07", -2.5: "-2.500", 999.96: "1000.0"} {
		if got := figure(v); got != want {
			t.Errorf("figure(%v) = %q, want %q", v, got, want)
		}
	}
}
