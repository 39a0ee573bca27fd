// Package jail runs programs that a model wrote, on the assumption that they are hostile, and tells
// whether they pass their tests without letting them near those tests.
//
//	pool, err := jail.Open(jail.Options{})
//	result, err := pool.Run(ctx, jail.Job{Language: "python", Program: text, Tests: "assert f(2) == 4"})
//
// A program runs in one jailed process and its tests in another; between them go, through this process, only
// calls with plain values (package wire). The program cannot read the tests or the expected values, for
// they are nowhere in its process, and it cannot announce a verdict, for nothing listens to it for one. So
// exiting early, objects that equal everything, patched builtins, frames, ctypes and forged replies change
// what the program answers, and nothing else.
//
// What the tests may do: call functions that the program defines, with plain data (None, truth values,
// integers, floats, text, bytes, lists, tuples, dicts, sets), and look at what they return or raise.
// Arguments are copied, so a function that changes its argument in place is not seen to; functions, classes'
// objects, generators and third-party modules do not cross. Python tests are program text with asserts;
// Starlark tests use check and check_equal. In tests, names of the language and of the tests themselves
// win over the program's. Tests that never call the program do not pass.
//
// A Tool is a program of the host, such as an SMT solver, that reads a text which a model wrote; it runs in the same
// jail.
//
// Each process is this binary again (Main), confined by every means that the kernel offers (package confine)
// and warm before it is needed. A native process serves one program or text and ends; a Starlark process, whose programs
// cannot reach it, is used again until one of them has to be killed. Open refuses where a program could
// reach the network, files or other processes.
//
// A Pool is safe for concurrent use.
package jail

import (
	"context"
	"runtime"
	"sync"
	"time"

	"spar/internal/fault"
)

// Verdicts.
const (
	Pass    = "pass"
	Fail    = "fail"    // a wrong answer, an exception, a text that does not parse
	Timeout = "timeout" // the wall clock or the budget of steps ran out
	Crash   = "crash"   // the process ended, or flooded its output
	OOM     = "oom"     // memory ran out
	Refused = "refused" // not judged: tests that do not parse, check nothing or never call the program
)

// Options of a pool; zero values are the defaults in brackets.
type Options struct {
	Workers     int           // programs at a time [the CPUs]
	Timeout     time.Duration // of one job, wall clock [10 s]
	MemoryMB    int           // of one process, above what its interpreter takes [256]
	OutputBytes int           // of what a program prints, and of any one value it returns [1 MiB]
	Unconfined  bool          // runs without namespaces, Landlock and seccomp: programs can reach all that the user can
}

// Job is a program with either a call or tests.
type Job struct {
	Language string // starlark or python
	Program  string
	Call     *Call
	Tests    string
}

// Call is one call whose result is asked for.
type Call struct {
	Function  string
	Arguments string // Starlark literals, as between the parentheses of a call: `1, [2, "x"], key=None`
}

// Result of a job.
type Result struct {
	Verdict string
	Value   string // of a call: the result as a Starlark literal
	Output  string // what the program printed
	Detail  string // why it did not pass, in one line
	Took    time.Duration
	Steps   uint64 // of a Starlark program whose call returned
}

// Pool holds warm processes.
type Pool struct {
	options Options
	slots   chan struct{}
	quit    chan struct{}
	closing sync.Once

	mu     sync.Mutex
	stocks map[kind]*stock
	python interpreter // found when first needed
}

// Open makes sure that programs can be confined on this host, and makes a pool. Processes start when a language is
// first used, and then stay ahead of demand.
func Open(o Options) (*Pool, error) {
	o = o.withDefaults()
	if !o.Unconfined {
		if err := minimum(survey(), false); err != nil {
			return nil, err
		}
	}
	return &Pool{options: o, slots: make(chan struct{}, o.Workers), quit: make(chan struct{}), stocks: map[kind]*stock{}}, nil
}

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MemoryMB <= 0 {
		o.MemoryMB = 256
	}
	if o.OutputBytes <= 0 {
		o.OutputBytes = 1 << 20
	}
	return o
}

// Run runs one job. The error is that of the jail, never of the program: a wrong job, an interpreter that is not
// installed, a process that could not be started or confined, or the context's.
func (p *Pool) Run(ctx context.Context, j Job) (Result, error) {
	r, err := p.prepare(j)
	if err != nil {
		return Result{}, err
	}
	if err := p.enter(ctx); err != nil {
		return Result{}, err
	}
	defer p.leave()
	return r.run(ctx)
}

// enter waits until one more program may run; leave lets the next one.
func (p *Pool) enter(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.quit:
		return errClosed
	}
}

func (p *Pool) leave() { <-p.slots }

var errClosed = fault.New(fault.Failed, "the jail is closed")

// Close ends every process of the pool and waits until they are gone.
func (p *Pool) Close() error {
	p.closing.Do(func() { close(p.quit) })
	p.mu.Lock()
	stocks := make([]*stock, 0, len(p.stocks))
	for _, s := range p.stocks {
		stocks = append(stocks, s)
	}
	p.mu.Unlock()
	for _, s := range stocks {
		s.close()
	}
	return nil
}

// Workers is how many programs run at a time.
func (p *Pool) Workers() int { return p.options.Workers }
