package jail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"spar/internal/fault"
	"spar/trainer/verify/jail/confine"
	"spar/trainer/verify/jail/wire"
)

// goFatal is the exit status of Go's runtime when it cannot go on.
const goFatal = 2

// startTime is how long a child may take to confine itself, on a machine that is busy with other things.
const startTime = 30 * time.Second

// process is one jailed child, seen from outside.
type process struct {
	os       *os.Process
	requests *os.File
	replies  *os.File
	printed  *printed
	report   confine.Report
	limit    int // bytes of a reply

	ended chan struct{} // closed once it is reaped; state is set by then
	state *os.ProcessState
}

// attempts to start a child. One that ends before it is confined has seen nothing; in the instant between its last
// limits and exec, its runtime may have wanted memory.
const attempts = 3

// startProcess starts a child and waits until it is confined. The calling goroutine must be locked to a thread that
// outlives the child, for the child dies with it.
func startProcess(s setup, outputBytes int) (*process, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	for range attempts {
		var p *process
		if p, err = spawn(s.Confine.Plan, outputBytes); err != nil {
			return nil, err // the host refuses; asking again changes nothing
		}
		if err = p.greet(text); err == nil {
			p.limit = outputBytes
			return p, nil
		}
		p.kill()
		err = fault.New(fault.Failed, "a jailed process did not start: %w %.200s", err, p.printed.text())
	}
	return nil, err
}

// greet sends the set-up and waits for the report of what is enforced.
func (p *process) greet(setup []byte) error {
	p.limit = 1 << 16
	p.replies.SetReadDeadline(time.Now().Add(startTime))
	defer p.replies.SetReadDeadline(time.Time{})
	if err := wire.WriteFrame(p.requests, setup); err != nil {
		return err
	}
	verb, values, err := p.receive()
	switch {
	case err != nil:
		return err
	case len(values) != 1:
		return fmt.Errorf("it says %q", verb)
	case verb != "ready":
		return fmt.Errorf("%s", values[0].Payload)
	}
	return json.Unmarshal(values[0].Payload, &p.report)
}

// spawn starts this binary again with three pipes: requests, replies, and what is printed.
func spawn(plan confine.Plan, outputBytes int) (*process, error) {
	var theirs, ours [3]*os.File
	defer func() { closeAll(theirs[:]) }()
	for i := range theirs {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(ours[:])
			return nil, err
		}
		theirs[i], ours[i] = w, r
		if i == 0 {
			theirs[i], ours[i] = r, w
		}
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		closeAll(ours[:])
		return nil, err
	}
	defer null.Close()
	child, err := os.StartProcess("/proc/self/exe", []string{childName}, &os.ProcAttr{
		Dir: "/", Env: []string{}, Files: []*os.File{null, theirs[2], theirs[2], theirs[0], theirs[1]}, Sys: confine.Attributes(plan),
	})
	if err != nil {
		closeAll(ours[:])
		return nil, err
	}
	p := &process{os: child, requests: ours[0], replies: ours[1], ended: make(chan struct{})}
	p.printed = &printed{file: ours[2], limit: outputBytes, over: p.signalKill, done: make(chan struct{})}
	go p.printed.drain()
	go func() {
		p.state, _ = child.Wait()
		close(p.ended)
	}()
	return p, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

func (p *process) send(message []byte) error { return wire.WriteFrame(p.requests, message) }

// receive waits for the next message; what a Starlark program prints comes between and is kept.
func (p *process) receive() (string, []wire.Item, error) {
	for {
		frame, err := wire.ReadFrame(p.replies, p.limit)
		if err != nil {
			return "", nil, err
		}
		verb, values, err := wire.ParseMessage(frame)
		if err != nil || verb != "print" {
			return verb, values, err
		}
		for _, v := range values {
			p.printed.add(v.Payload)
		}
	}
}

// signalKill ends the process without waiting.
func (p *process) signalKill() { p.os.Kill() }

// kill ends the process and waits until nothing is left of it.
func (p *process) kill() {
	p.signalKill()
	p.wait()
	p.requests.Close()
	p.replies.Close()
}

// wait returns once the process is gone and all that it printed is kept. Without confinement a descendant may hold the
// pipe open; it is not waited for.
func (p *process) wait() {
	<-p.ended
	p.printed.file.SetReadDeadline(time.Now().Add(time.Second))
	<-p.printed.done
}

// died says how a process ended that was not told to; it waits for the end.
func (p *process) died() (verdict, detail string) {
	p.wait()
	text := p.printed.text()
	status, _ := p.state.Sys().(syscall.WaitStatus)
	switch {
	case p.printed.flooded():
		return Crash, fmt.Sprintf("more than %d bytes of output", p.printed.limit)
	case status.ExitStatus() == outOfMemory, (status.ExitStatus() == goFatal || status.Signaled() && status.Signal() == syscall.SIGABRT) && noMemory(text):
		return OOM, "out of memory"
	case status.Signaled() && status.Signal() == syscall.SIGXCPU:
		return Timeout, "out of CPU time"
	case status.Signaled():
		return Crash, "ended by signal " + status.Signal().String()
	}
	detail = fmt.Sprintf("ended with status %d before its work was done", status.ExitStatus())
	if first, _, _ := strings.Cut(strings.TrimSpace(text), "\n"); first != "" && status.ExitStatus() != 0 {
		detail += ": " + line(first)
	}
	return Crash, detail
}

// noMemory says whether Go's runtime ended for want of memory, which a new thread's stack takes too. The collector of
// Go 1.26 does not look whether it got memory for its queue of spans, and faults there at address 0.
func noMemory(text string) bool {
	for _, sign := range []string{"out of memory", "cannot allocate memory", "pthread_create failed", "failed to create new OS thread", "runtime.(*spanQueue)"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// printed keeps what a process prints, up to a limit.
type printed struct {
	file  *os.File
	limit int
	over  func() // called when more comes
	done  chan struct{}

	mu    sync.Mutex
	bytes bytes.Buffer
	flood bool
}

func (o *printed) drain() {
	defer close(o.done)
	defer o.file.Close()
	chunk := make([]byte, 32<<10)
	for {
		n, err := o.file.Read(chunk)
		o.add(chunk[:n])
		if err != nil {
			return
		}
	}
}

func (o *printed) add(text []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	room := o.limit - o.bytes.Len()
	o.bytes.Write(text[:min(len(text), room)])
	if len(text) > room && !o.flood {
		o.flood = true
		o.over()
	}
}

func (o *printed) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.ToValidUTF8(o.bytes.String(), "\uFFFD")
}

func (o *printed) flooded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.flood
}

// reset forgets what has been printed, before the next program.
func (o *printed) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes.Reset()
}
