package jail

import (
	"context"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"spar/internal/fault"
)

// Tool is an installed program that reads a text on standard input, prints another and ends. In its jail it finds its own
// file, the libraries it is linked with, and nothing else; it can start no process.
type Tool struct {
	pool    *Pool
	command []string
	read    []string
}

// Tool makes a jail for the program at path, with those arguments. It is an error when the program is missing or is a script,
// whose interpreter would need more than a jail has.
func (p *Pool) Tool(path string, args ...string) (*Tool, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return nil, fault.Inputf("a program for the jail: %w", err)
	}
	read, err := needs(real)
	if err != nil {
		return nil, err
	}
	return &Tool{pool: p, command: append([]string{real}, args...), read: read}, nil
}

// needs lists the files that a program cannot start without: its own, its loader's and its libraries', and where the
// loader looks them up.
func needs(path string) ([]string, error) {
	list := []string{path}
	f, err := elf.Open(path)
	if err != nil {
		return nil, fault.Inputf("%s cannot be jailed, for it is no program in machine code: %w; give the path of the program itself, not of a script", path, err)
	}
	defer f.Close()
	if f.Section(".interp") == nil {
		return list, nil // linked statically
	}
	cmd := exec.Command(path)
	cmd.Env = []string{"LD_TRACE_LOADED_OBJECTS=1"} // the loader prints what it maps instead of starting the program
	out, err := cmd.Output()
	if err != nil {
		return nil, fault.Inputf("the libraries of %s are not known: %w %s", path, err, failure(err))
	}
	for field := range strings.FieldsSeq(string(out)) {
		if !filepath.IsAbs(field) {
			continue
		}
		list = append(list, links(field)...)
	}
	return append(list, "/etc/ld.so.cache"), nil
}

// links are a file's path and those that its links lead to, one after another.
func links(path string) (list []string) {
	for range 40 { // as far as the kernel follows
		list = append(list, path)
		to, err := os.Readlink(path)
		if err != nil {
			return list
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return list
}

// Ask gives the tool a text, and what it prints is the result's output. The verdict is pass when it ends with status 0 and fail
// with another; timeout, crash and oom are as for programs. The error is that of the jail or the context.
func (t *Tool) Ask(ctx context.Context, text string) (Result, error) {
	stock, err := t.pool.stock(kind{tool: t})
	if err != nil {
		return Result{}, err
	}
	if err := t.pool.enter(ctx); err != nil {
		return Result{}, err
	}
	defer t.pool.leave()
	var result Result
	for range attempts {
		if result, err = t.once(ctx, stock, text); err != nil || !strings.HasPrefix(result.Output, goThrows) {
			break
		}
	}
	return result, err
}

// goThrows is how Go's runtime begins to say that it cannot go on. What it may want in the instant before the tool takes over, of memory say,
// it does not get, and then this stands before what the tool prints.
const goThrows = "fatal error: "

// once asks a process of the stock.
func (t *Tool) once(ctx context.Context, stock *stock, text string) (Result, error) {
	p, err := stock.take()
	if err != nil {
		return Result{}, err
	}
	var late atomic.Bool
	begin := time.Now()
	timer := time.AfterFunc(t.pool.options.Timeout, func() { late.Store(true); p.signalKill() })
	defer timer.Stop()
	defer context.AfterFunc(ctx, p.signalKill)()
	io.Copy(p.requests, strings.NewReader(text)) // a tool that ends before it has read all says why by how it ends
	p.requests.Close()
	p.wait()
	took := time.Since(begin)
	_, broken, _ := p.receive() // from before the tool took over; nothing in the usual case
	output := stock.give(p, false)
	if ctx.Err() != nil && !late.Load() {
		return Result{}, context.Cause(ctx)
	}
	if len(broken) > 0 {
		return Result{}, fault.New(fault.Failed, "%s does not start in the jail: %s", t.command[0], broken[0].Payload)
	}
	result := Result{Verdict: Timeout, Detail: fmt.Sprintf("longer than %v", t.pool.options.Timeout)}
	if !late.Load() {
		result = p.ending()
	}
	result.Output, result.Took = output, took
	return result, nil
}

// ending is the verdict on a tool that has ended by itself.
func (p *process) ending() Result {
	status, _ := p.state.Sys().(syscall.WaitStatus)
	switch {
	case p.printed.flooded() || !status.Exited():
		verdict, detail := p.died()
		return Result{Verdict: verdict, Detail: detail}
	case status.ExitStatus() != 0:
		return Result{Verdict: Fail, Detail: fmt.Sprintf("exit status %d", status.ExitStatus())}
	}
	return Result{Verdict: Pass}
}
