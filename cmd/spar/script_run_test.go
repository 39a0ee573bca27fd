package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// runIn runs this test binary as spar in dir and returns the exit code.
func runIn(ts *testscript.TestScript, dir string, args []string, out, errs *strings.Builder) int {
	program, err := exec.LookPath("spar")
	ts.Check(err)
	c := exec.Command(program, args...)
	c.Dir, c.Stdout, c.Stderr = dir, out, errs
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+ts.Getenv("XDG_CACHE_HOME"))
	err = c.Run()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return failed.ExitCode()
	}
	ts.Check(err)
	return 0
}
