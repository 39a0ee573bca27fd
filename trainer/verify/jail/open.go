package jail

import (
	"math"

	"spar/internal/fault"
	"spar/trainer/verify/jail/confine"
)

// Slack above MemoryMB: what Go's runtime and its threads map ahead of need, and what a native program and its libraries map.
const (
	goSlack     = 192 << 20
	nativeSlack = 64 << 20
)

// stock finds or makes the stock of a kind.
func (p *Pool) stock(k kind) (*stock, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.quit:
		return nil, errClosed
	default:
	}
	if s := p.stocks[k]; s != nil {
		return s, nil
	}
	s, err := p.setup(k)
	if err != nil {
		return nil, err
	}
	native := k.native()
	size := p.options.Workers
	if native {
		size *= 2
	}
	start := func() (*process, error) { return p.startChecked(s, native) }
	p.stocks[k] = newStock(size, !native, p.quit, start)
	return p.stocks[k], nil
}

// startChecked starts a process and makes sure that what was found to be enforced is enforced in this one too.
func (p *Pool) startChecked(s setup, native bool) (*process, error) {
	child, err := startProcess(s, p.options.OutputBytes)
	if err != nil || p.options.Unconfined {
		return child, err
	}
	if err := minimum(surveyed{report: child.report}, native); err != nil {
		child.kill()
		return nil, err
	}
	return child, nil
}

// setup of a kind's processes.
func (p *Pool) setup(k kind) (setup, error) {
	memory := uint64(p.options.MemoryMB) << 20
	s := setup{Limit: math.MaxInt32}
	if !p.options.Unconfined {
		s.Confine.Plan = survey().plan
	}
	if k.native() {
		s.Confine.Exec = true
		s.Confine.Limits = confine.Limits{AddressBytes: memory + nativeSlack, CPUSeconds: uint64(p.options.Timeout.Seconds()) + 2}
	}
	switch {
	case k.tool != nil:
		s.Confine.Read, s.Confine.Thread = k.tool.read, true
		s.Exec, s.Environ, s.Stdin = k.tool.command, []string{"MALLOC_ARENA_MAX=1"}, true // a thread's own arena would count as memory
		return s, nil
	case k.language == "starlark":
		s.Confine.Limits = confine.Limits{DataBytes: memory + goSlack}
		s.Memory = int64(memory)
		return s, nil
	case k.language == "python":
		if p.python.path == "" {
			found, err := findPython()
			if err != nil {
				return s, err
			}
			p.python = found
		}
		s.Confine.Read = p.python.read
		s.Exec, s.Environ = p.python.arguments(), p.python.environment()
		return s, nil
	}
	return s, fault.Usagef("language %q is unknown; the jail runs starlark and python", k.language)
}
