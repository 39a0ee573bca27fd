package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"spar/internal/fault"
)

// Limits of what a command may print, in bytes.
const (
	maxReply  = 1 << 20
	maxErrors = 4 << 10
)

// command asks a program, started anew for each item: the item as one JSON object on its standard input, one JSON object with
// "verdict" or "score" (in [0, 1]; both are allowed), and perhaps "extracted" and "detail", on its standard output.
// A score alone passes from the threshold on. The program is the user's own and is not confined; it ends with its
// process group when the time is over, its output is longer than 1 MiB, or it has answered.
type command struct{ s Spec }

func newCommand(s Spec, o Options) (Verifier, error) {
	if len(s.Command) == 0 {
		return nil, fault.Inputf("verifier %s: no program is given; set command", s.Name)
	}
	if _, err := exec.LookPath(s.Command[0]); err != nil {
		return nil, fault.Inputf("verifier %s: %w; give the path of a program", s.Name, err)
	}
	return PerItem(s.Name, o.Parallel, func(ctx context.Context, it Item) (Outcome, error) { return command{s}.judge(ctx, it), nil }), nil
}

// reply is what the program prints.
type reply struct {
	Verdict   *Verdict `json:"verdict"`
	Score     *float64 `json:"score"`
	Extracted string   `json:"extracted"`
	Detail    string   `json:"detail"`
}

func (c command) judge(ctx context.Context, it Item) Outcome {
	request, err := json.Marshal(it)
	if err != nil {
		return refused("the item cannot be written as JSON: " + err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, c.s.Timeout)
	defer cancel()
	p := exec.CommandContext(ctx, c.s.Command[0], c.s.Command[1:]...)
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Cancel = func() error { return syscall.Kill(-p.Process.Pid, syscall.SIGKILL) }
	p.WaitDelay = time.Second // for descendants that hold the pipes open
	out, errs := &limited{limit: maxReply, full: cancel}, &limited{limit: maxErrors}
	p.Stdin, p.Stdout, p.Stderr = bytes.NewReader(request), out, errs
	if err := p.Start(); err != nil {
		return Outcome{Verdict: Crash, Detail: "the program did not start: " + err.Error()}
	}
	c.limitMemory(p.Process.Pid)
	err = p.Wait()
	// What the program left behind ends too; that nothing was left is the usual case.
	_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
	if out.over {
		return Outcome{Verdict: Crash, Detail: "the program printed more than 1 MiB"}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return Outcome{Verdict: Timeout, Detail: fmt.Sprintf("the program took longer than %v", c.s.Timeout)}
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return c.ended(exit, errs.kept.String())
	}
	return c.read(out.kept.Bytes())
}

// limitMemory caps the data of the process; a program that has ended already needs no limit.
func (c command) limitMemory(pid int) {
	if c.s.MemoryMB > 0 {
		bytes := uint64(c.s.MemoryMB) << 20
		_ = unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: bytes, Max: bytes}, nil)
	}
}

// ended explains a program that failed.
func (c command) ended(exit *exec.ExitError, errs string) Outcome {
	line, _, _ := strings.Cut(strings.TrimSpace(errs), "\n")
	if words := strings.TrimSpace(errs); strings.Contains(words, "\n") {
		line = words[strings.LastIndex(words, "\n")+1:]
	}
	o := Outcome{Verdict: Crash, Detail: strings.TrimSuffix(fmt.Sprintf("the program ended with %v: %s", exit, line), ": ")}
	status, _ := exit.Sys().(syscall.WaitStatus)
	if status.Signaled() && status.Signal() == syscall.SIGKILL || c.s.MemoryMB > 0 && saysMemory(errs) {
		o.Verdict = OOM
	}
	return o
}

func saysMemory(errs string) bool {
	errs = strings.ToLower(errs)
	for _, words := range []string{"memoryerror", "out of memory", "cannot allocate memory", "bad_alloc"} {
		if strings.Contains(errs, words) {
			return true
		}
	}
	return false
}

// read turns what the program printed into an outcome; anything but one object with a verdict is a crash.
func (c command) read(out []byte) Outcome {
	garbage := func(why string) Outcome {
		head := strings.ToValidUTF8(string(out[:min(len(out), 80)]), "?")
		return Outcome{Verdict: Crash, Detail: fmt.Sprintf("the program printed no verdict (%s): %q", why, head)}
	}
	var r reply
	d := json.NewDecoder(bytes.NewReader(out))
	if err := d.Decode(&r); err != nil {
		return garbage(err.Error())
	}
	switch {
	case d.More():
		return garbage("more than one JSON value")
	case r.Verdict == nil && r.Score == nil:
		return garbage("neither verdict nor score")
	case r.Score != nil && !(*r.Score >= 0 && *r.Score <= 1):
		return garbage("the score is outside [0, 1]")
	}
	o := Outcome{Extracted: r.Extracted, Detail: r.Detail}
	switch {
	case r.Score != nil:
		o.Score = *r.Score
	case *r.Verdict == Pass:
		o.Score = 1
	}
	if r.Verdict != nil {
		o.Verdict = *r.Verdict
		return o
	}
	o.Verdict = graded(o.Score, c.s.Threshold, "").Verdict
	return o
}

// limited keeps the first bytes written to it and calls full, where given, on the first one too many.
type limited struct {
	kept  bytes.Buffer // not embedded: its ReadFrom would take everything
	limit int
	full  func()
	over  bool
}

func (l *limited) Write(b []byte) (int, error) {
	room := l.limit - l.kept.Len()
	if len(b) > room {
		l.kept.Write(b[:room])
		if !l.over && l.full != nil {
			l.full()
		}
		l.over = true
		return len(b), nil
	}
	return l.kept.Write(b)
}
