package main

import (
	"context"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const tutorialsDir = "../../docs/tutorials"

// tutorials are what each script must print and make, besides ending well. They run in this order in one directory, because
// most start from the first one's models.
var tutorials = []struct {
	name    string
	prints  []string
	reports []string
}{
	{"00-toy", []string{"SPIN, beta 1", "control: more SFT", "few examples: verified"}, []string{"toy/spin", "toy/control", "toy/verified"}},
	{"01-llm", []string{"eval_rewards/margins", "finish_reason"}, []string{"llm/spin"}},
	{"02-selection", []string{"\nrest_em "}, []string{"selection/star", "selection/rest", "selection/rest_em"}},
	{"03-roles", []string{"groups with signal", "== play-verifier: bottleneck: "}, []string{"toy/play", "toy/play-proposer", "toy/play-solver", "toy/play-verifier"}},
	{"04-preferences", []string{"SPIN, then DPO", "preference/rewards/margins"}, []string{"toy/spin-mixed-05", "toy/spin-mixed-20", "toy/spin-dpo", "toy/dpo"}},
	{"05-verifier", []string{`"detail":"step 1 is wrong"`, "audit/youden_j", "\nworking "}, []string{"verifier/answer", "verifier/working"}},
	{"06-objective", []string{"--- PASS: TestSquare", "--- PASS: TestGradientsByDifferences/spin/square", "\nsquare "}, []string{"objective/square"}},
}

// TestTutorials runs the short forms of docs/tutorials.
func TestTutorials(t *testing.T) {
	runs := t.TempDir()
	program, err := exec.LookPath("spar")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tutorials {
		if !t.Run(x.name, func(t *testing.T) { runTutorial(t, program, runs, x.name, x.prints, x.reports) }) {
			return
		}
	}
}

func runTutorial(t *testing.T, program, runs, name string, prints, reports []string) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", filepath.Join(tutorialsDir, name, "run"))
	c.Env = append(os.Environ(), "SPAR="+program, "SPAR_RUNS="+runs, "SPAR_SHORT=1", "XDG_CACHE_HOME="+scriptCache(), "GOCACHE="+goCache(t))
	var out, errs strings.Builder
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.String(), errs.String())
	}
	for _, want := range prints {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
	for _, run := range reports {
		page, err := os.ReadFile(filepath.Join(runs, run, "report.html"))
		if err != nil || !strings.Contains(string(page), "<svg") {
			t.Errorf("%s has no report with plots: %v", run, err)
		}
	}
}

// goCache is the build cache of whoever runs this test: XDG_CACHE_HOME, which the scripts get for the native library, must not move it.
func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestTutorialsAreWhole: every script of docs/tutorials has its page, is in the index, and is run by TestTutorials.
func TestTutorialsAreWhole(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(tutorialsDir, "*", "run"))
	if err != nil || len(dirs) != len(tutorials) {
		t.Fatalf("%d scripts in %s, %d are run here (%v)", len(dirs), tutorialsDir, len(tutorials), err)
	}
	index, err := os.ReadFile(filepath.Join(tutorialsDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tutorials {
		page := x.name + "/README.md"
		if _, err := os.Stat(filepath.Join(tutorialsDir, page)); err != nil || !strings.Contains(string(index), "("+page+")") {
			t.Errorf("%s is not there or not in the index: %v", page, err)
		}
	}
	goFiles, err := filepath.Glob(filepath.Join(tutorialsDir, "*", "*.go.txt"))
	if err != nil || len(goFiles) == 0 {
		t.Fatalf("no Go files in %s: %v", tutorialsDir, err)
	}
	for _, name := range goFiles {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if nice, err := format.Source(text); err != nil || string(nice) != string(text) {
			t.Errorf("%s is not laid out by gofmt: %v", name, err)
		}
	}
}
