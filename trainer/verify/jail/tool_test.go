package jail

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spar/internal/fault"
)

// shell is a tool that every host has; in its jail it has its own commands only.
func shell(t *testing.T, o Options, script string) *Tool {
	t.Helper()
	tool, err := open(t, o).Tool("/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	return tool
}

func TestToolVerdicts(t *testing.T) {
	for _, c := range []struct{ name, script, verdict, output, detail string }{
		{"answers", "read a; echo $a $a", Pass, "one one\n", ""},
		{"errors are read too", "echo wrong >&2", Pass, "wrong\n", ""},
		{"speaks as Go's runtime does", "echo fatal error: mine", Pass, "fatal error: mine\n", ""},
		{"does not read", "echo done", Pass, "done\n", ""},
		{"fails", "echo no; exit 3", Fail, "no\n", "exit status 3"},
		{"endless", "while :; do :; done", Timeout, "", "longer than"},
		{"floods", "while read a; do :; done; while :; do echo 0123456789012345678901234567890123456789; done", Crash, "0123", "output"},
		{"dies", "s='('; while [ ${#s} -lt 2000000 ]; do s=$s$s; done; : $(( $s 1 ))", Crash, "", "signal"},
		{"has no files", "read a < /etc/passwd || echo none", Pass, "none", ""},
		{"has no other program", "ls / || echo none", Pass, "none", ""},
		{"starts nothing", "(echo forked) || echo alone", Fail, "ork", "exit status 2"},
		{"has no environment", "echo ${HOME-none} ${USER-none}", Pass, "none none", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			limit := 30 * time.Second
			if c.verdict == Timeout {
				limit = 300 * time.Millisecond
			}
			tool := shell(t, Options{Workers: 1, Timeout: limit, OutputBytes: 1 << 14}, c.script)
			r, err := tool.Ask(context.Background(), "one\n"+strings.Repeat("text\n", 1<<16))
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != c.verdict || !strings.Contains(r.Output, c.output) || !strings.Contains(r.Detail, c.detail) {
				t.Errorf("%s (%s) and %.80q, want %s (%s) and %q", r.Verdict, r.Detail, r.Output, c.verdict, c.detail, c.output)
			}
		})
	}
}

func TestToolRefuses(t *testing.T) {
	p := open(t, Options{Workers: 1})
	script := filepath.Join(t.TempDir(), "z3")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{script: "machine code", "/there/is/none": "no such file"} {
		if _, err := p.Tool(path); err == nil || !strings.Contains(err.Error(), want) || fault.ExitCode(err) != 3 {
			t.Errorf("%s: %v, want %q and exit code 3", path, err, want)
		}
	}
}

// TestToolThatCannotStart: that is the jail's failure and no verdict.
func TestToolThatCannotStart(t *testing.T) {
	tool := shell(t, Options{Workers: 1}, "")
	tool.read = nil
	if r, err := tool.Ask(context.Background(), ""); err == nil || !strings.Contains(err.Error(), "/bin") {
		t.Errorf("%+v, %v; want an error that names the program", r, err)
	}
}

func TestToolIsCancelled(t *testing.T) {
	tool := shell(t, Options{Workers: 1}, "while :; do :; done")
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(100*time.Millisecond, func() { cancel(gone) })
	begin := time.Now()
	if _, err := tool.Ask(ctx, ""); !errors.Is(err, gone) || time.Since(begin) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	tool.pool.Close()
	if _, err := tool.Ask(context.Background(), ""); err == nil {
		t.Error("a closed pool asks a tool")
	}
}

// needSolver skips a test, or fails it in continuous integration, where the solver is missing.
func needSolver(t *testing.T, name string) (path string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var solverArguments = map[string][]string{"z3": {"-in", "-smt2"}, "cvc5": {"--lang=smt2", "--quiet"}}

// TestToolAttacks gives solvers what a model might write to have them do harm: none may touch a canary, tell the secret,
// outlive its time, or leave anything behind.
func TestToolAttacks(t *testing.T) {
	for name, args := range solverArguments {
		t.Run(name, func(t *testing.T) {
			path := needSolver(t, name)
			open(t, Options{}).Close()
			before := descriptors(t)
			c := newCanaries(t)
			p := open(t, Options{Workers: 2, Timeout: time.Second, MemoryMB: 128, OutputBytes: 1 << 18})
			tool, err := p.Tool(path, args...)
			if err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob("testdata/attacks/*.smt2")
			if err != nil || len(files) < 30 {
				t.Fatalf("only %d attacks are there: %v", len(files), err)
			}
			for _, file := range files {
				askAttack(t, tool, c, file)
			}
			p.Close()
			if left := c.children(t); len(left) > 0 {
				t.Errorf("processes are left: %v", left)
			}
			c.end()
			if after := descriptors(t); len(after) > len(before)+1 {
				t.Errorf("descriptors were %q, now they are %q", before, after)
			}
		})
	}
}

func askAttack(t *testing.T, tool *Tool, c *canaries, file string) {
	begin := time.Now()
	r, err := tool.Ask(context.Background(), attackScript(t, c, file))
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	t.Logf("%-24s %-8s %-8v %.60q %s", filepath.Base(file), r.Verdict, r.Took.Round(time.Millisecond), r.Output, r.Detail)
	if strings.Contains(r.Output+r.Detail, c.secret) || strings.Contains(r.Output, "root:") {
		t.Errorf("%s read the user's file: %q", file, r.Output)
	}
	for _, touched := range c.touched() {
		t.Errorf("%s: %s", file, touched)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("%s took %v", file, took)
	}
}

func attackScript(t *testing.T, c *canaries, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const deep = 500_000
	return strings.NewReplacer("\n@FLOOD@", "\n"+strings.Repeat("(echo \"a line that is long enough\")\n", 200_000),
		"(assert @DEEP@)", "(assert "+strings.Repeat("(not ", deep)+"true"+strings.Repeat(")", deep)+")").Replace(c.fill(string(text)))
}

// TestToolCanariesNotice lets solvers loose, unconfined: what watches the canaries must see it.
func TestToolCanariesNotice(t *testing.T) {
	for _, c := range []struct{ solver, attack, sees string }{
		{"z3", "output_channel", "files were"},
		{"z3", "drat", "files were"},
		{"cvc5", "output_symbol", "files were"},
		{"cvc5", "include", ""}, // the secret in its output
	} {
		t.Run(c.solver+"/"+c.attack, func(t *testing.T) {
			path := needSolver(t, c.solver)
			canaries := newCanaries(t)
			tool, err := open(t, Options{Workers: 1, Timeout: 5 * time.Second, Unconfined: true}).Tool(path, solverArguments[c.solver]...)
			if err != nil {
				t.Fatal(err)
			}
			r, err := tool.Ask(context.Background(), attackScript(t, canaries, "testdata/attacks/"+c.attack+".smt2"))
			if err != nil {
				t.Fatal(err)
			}
			touched := strings.Join(canaries.touched(), "\n")
			if c.sees == "" {
				touched, c.sees = r.Output, canaries.secret
			}
			if !strings.Contains(touched, c.sees) {
				t.Errorf("noticed %q, want %q", touched, c.sees)
			}
		})
	}
}
