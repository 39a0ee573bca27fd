package smt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"spar/internal/fault"
)

// What a solver answers to check-sat.
const (
	sat     = "sat"
	unsat   = "unsat"
	unknown = "unknown"
)

// grace is what a solver gets beyond its own time limit before it is killed.
const grace = time.Second

// maxReply bounds what is read of a solver's answer.
const maxReply = 1 << 16

// dialect is how a solver is told its limits.
type dialect struct {
	args   func(o Options) []string
	memory []string // what it says when memory ends
}

var dialects = map[string]dialect{
	"z3": {
		args: func(o Options) []string {
			return []string{"-in", "-smt2", fmt.Sprintf("-t:%d", o.Timeout.Milliseconds()), fmt.Sprintf("-memory:%d", o.MemoryMB)}
		},
		memory: []string{"out of memory"},
	},
	"cvc5": {
		args: func(o Options) []string {
			return []string{"--lang=smt2", "--quiet", fmt.Sprintf("--tlimit-per=%d", o.Timeout.Milliseconds())}
		},
		memory: []string{"bad_alloc", "out of memory"},
	},
}

// reply is a solver's status, or why there is none.
type reply struct{ status, verdict, detail string }

// ask puts a script that declares and asserts, and asks whether it can hold. The error is that the solver could not be
// started, or the context's.
func (s *Solver) ask(ctx context.Context, script string) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout+grace)
	defer cancel()
	// The shell's own limit is the one that every solver keeps.
	limit := fmt.Sprintf("ulimit -c 0; ulimit -v %d; exec \"$0\" \"$@\"", (s.options.MemoryMB+64)<<10)
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", limit, s.path}, s.dialect.args(s.options)...)...)
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.WaitDelay = grace
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stdin = strings.NewReader("(set-logic ALL)\n" + script + "\n(check-sat)\n(exit)\n")
	out := &bounded{limit: maxReply, full: cancel}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		return reply{}, fault.New(fault.Failed, "%s cannot be run: %w", s.path, err)
	}
	if errors.Is(ctx.Err(), context.Canceled) && !out.over {
		return reply{}, context.Cause(ctx)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return reply{verdict: Timeout, detail: fmt.Sprintf("longer than %v", s.options.Timeout)}, nil
	}
	return s.read(out.kept.String(), err), nil
}

// read finds the status in what the solver printed: the last line, and no line that is an error.
func (s *Solver) read(text string, failed error) reply {
	for _, sign := range s.dialect.memory {
		if strings.Contains(text, sign) {
			return reply{verdict: OOM, detail: "the solver ran out of memory"}
		}
	}
	text = strings.TrimSpace(text)
	last := text[strings.LastIndexByte(text, '\n')+1:]
	switch {
	case strings.Contains(text, "(error"):
		return reply{verdict: Refused, detail: firstError(text)}
	case last == sat || last == unsat:
		return reply{status: last}
	case strings.Contains(text, "timeout") || strings.Contains(text, "interrupted"):
		return reply{verdict: Timeout, detail: fmt.Sprintf("longer than %v", s.options.Timeout)}
	case last == unknown:
		return reply{status: unknown}
	}
	return reply{verdict: Crash, detail: fmt.Sprintf("the solver ended (%v) after %.80q", failed, text)}
}

func firstError(text string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, "(error") {
			return "the solver does not accept it: " + strings.TrimSpace(line)
		}
	}
	return ""
}

// bounded keeps output up to a limit and ends the process beyond it.
type bounded struct {
	kept  bytes.Buffer // not embedded: io.Copy would read past the limit into it
	limit int
	full  func()
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.kept.Len()
	b.kept.Write(p[:min(len(p), room)])
	if len(p) > room {
		b.over = true
		b.full()
	}
	return len(p), nil
}
