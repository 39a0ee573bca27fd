package jail

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"spar/internal/fault"
	"spar/trainer/verify/jail/dialect"
	"spar/trainer/verify/jail/wire"
)

// run is one job on its way.
type run struct {
	job        Job
	candidates *stock
	judges     *stock // nil for a call
	arguments  [][]byte
	timeout    time.Duration

	candidate, judge *process
	names            []string // of the program's functions
	calls            int
	worst            string // verdict that something the program raised stands for: oom or timeout
	steps            uint64
	late             atomic.Bool
}

// prepare checks the job and finds the stocks of its processes.
func (p *Pool) prepare(j Job) (*run, error) {
	if (j.Call == nil) == (j.Tests == "") {
		return nil, fault.Usagef("a job has either a call or tests")
	}
	r := &run{job: j, timeout: p.options.Timeout}
	var err error
	if j.Call != nil {
		if r.arguments, err = parseArguments(j.Call); err != nil {
			return nil, err
		}
	}
	if r.candidates, err = p.stock(kind{language: j.Language}); err != nil {
		return nil, err
	}
	if j.Call == nil {
		r.judges, err = p.stock(kind{language: j.Language, judge: true})
	}
	return r, err
}

// run takes warm processes and gives them back or ends them, whatever happens.
func (r *run) run(ctx context.Context) (Result, error) {
	var err error
	if r.candidate, err = r.candidates.take(); err != nil {
		return Result{}, err
	}
	if r.judges != nil {
		if r.judge, err = r.judges.take(); err != nil {
			r.candidates.give(r.candidate, true)
			return Result{}, err
		}
	}
	begin := time.Now()
	timer := time.AfterFunc(r.timeout, func() { r.late.Store(true); r.end() })
	stop := context.AfterFunc(ctx, r.end)
	result, clean := r.exchange()
	if !timer.Stop() || !stop() {
		clean = false // they may be ending right now
	}
	result.Took = time.Since(begin)
	if r.judge != nil {
		r.judges.give(r.judge, clean)
	}
	result.Output = r.candidates.give(r.candidate, clean)
	if ctx.Err() != nil && !r.late.Load() {
		return Result{}, context.Cause(ctx)
	}
	return result, nil
}

// end makes every wait for a process return.
func (r *run) end() {
	r.candidate.signalKill()
	if r.judge != nil {
		r.judge.signalKill()
	}
}

// exchange has the program loaded and called or judged. clean says that the processes are as they were before.
func (r *run) exchange() (result Result, clean bool) {
	verb, values, err := r.ask(wire.Message("program", wire.AppendText(nil, r.job.Program)))
	switch {
	case err != nil:
		return r.lost(err), false
	case verb == "raise":
		return r.raised(values), true
	case verb != "loaded" || len(values) != 1:
		return r.garbled(verb), false
	case r.job.Call != nil:
		return r.call()
	}
	if r.names, err = names(values[0]); err != nil {
		return r.garbled(verb), false
	}
	return r.judged()
}

func (r *run) call() (Result, bool) {
	verb, values, err := r.ask(wire.Message("call", append([][]byte{wire.AppendText(nil, r.job.Call.Function)}, r.arguments...)...))
	switch {
	case err != nil:
		return r.lost(err), false
	case verb == "raise":
		return r.raised(values), true
	case verb == "refuse" && len(values) == 1:
		return Result{Verdict: Fail, Detail: line(string(values[0].Payload))}, true
	case verb != "value" || len(values) == 0:
		return r.garbled(verb), false
	}
	v, err := dialect.Decode(values[0])
	if err != nil {
		return Result{Verdict: Fail, Detail: line(err.Error())}, true
	}
	return Result{Verdict: Pass, Value: v.String(), Steps: r.steps}, true
}

// judged relays between the tests and the program until the tests have a verdict.
func (r *run) judged() (Result, bool) {
	message := wire.Message("tests", wire.AppendText(nil, r.job.Tests), wire.AppendTexts(nil, r.names))
	for {
		if err := r.judge.send(message); err != nil {
			return r.judgeLost(), false
		}
		verb, values, err := r.judge.receive()
		switch {
		case err != nil:
			return r.judgeLost(), false
		case verb == "verdict" && len(values) == 2:
			return r.verdict(string(values[0].Payload), string(values[1].Payload)), true
		case verb != "call" || len(values) != 3:
			return Result{Verdict: Refused, Detail: "the tests said what cannot be read"}, false
		}
		if message, err = r.relay(values); err != nil {
			return r.lost(err), false
		}
	}
}

// relay passes a call of the tests to the program, and makes the answer a message again from its checked parts.
func (r *run) relay(call []wire.Item) ([]byte, error) {
	r.calls++
	verb, values, err := r.ask(wire.Message("call", encode(call)...))
	if err != nil {
		return nil, err
	}
	if verb == "raise" {
		r.raised(values)
	}
	return wire.Message(verb, encode(values)...), nil
}

func encode(items []wire.Item) [][]byte {
	list := make([][]byte, len(items))
	for i, item := range items {
		list[i] = item.Encode(nil)
	}
	return list
}

// ask sends the program's process a message and waits for the answer.
func (r *run) ask(message []byte) (string, []wire.Item, error) {
	if err := r.candidate.send(message); err != nil {
		return "", nil, err
	}
	verb, values, err := r.candidate.receive()
	if err == nil && verb == "value" && len(values) == 2 && values[1].Tag == wire.Int {
		r.steps, _ = strconv.ParseUint(string(values[1].Payload), 16, 64)
	}
	return verb, values, err
}

// verdict is the judge's, unless the program never ran.
func (r *run) verdict(what, detail string) Result {
	switch what {
	case Pass:
		if r.calls == 0 {
			return Result{Verdict: Refused, Detail: "the tests never called the program"}
		}
		return Result{Verdict: Pass, Steps: r.steps}
	case Timeout, Refused:
	default:
		what = Fail
		if r.worst != "" {
			what = r.worst
		}
	}
	return Result{Verdict: what, Detail: line(detail)}
}

// raised tells what the program raised from what it stands for.
func (r *run) raised(values []wire.Item) Result {
	if len(values) != 2 {
		return r.garbled("raise")
	}
	kind, text := string(values[0].Payload), string(values[1].Payload)
	result := Result{Verdict: Fail, Detail: line(kind + ": " + text)}
	switch kind {
	case "MemoryError":
		result.Verdict = OOM
	case dialect.StepLimit:
		result.Verdict = Timeout
	case dialect.SyntaxError, "IndentationError", "TabError":
		result.Detail = line("the program does not parse: " + text)
	}
	if result.Verdict != Fail {
		r.worst = result.Verdict
	}
	return result
}

// garbled: the program's process answers what its driver never would.
func (r *run) garbled(verb string) Result {
	return Result{Verdict: Crash, Detail: fmt.Sprintf("its process answered %.40q out of turn", verb)}
}

// lost says why the program's process gave no answer. It is ended first, so that its state is known.
func (r *run) lost(err error) Result {
	if errors.Is(err, wire.ErrTooLong) {
		return Result{Verdict: Crash, Detail: err.Error()}
	}
	select {
	case <-r.candidate.ended:
	case <-time.After(100 * time.Millisecond):
		if !r.late.Load() {
			// It lives, and what it wrote is no message.
			return Result{Verdict: Crash, Detail: line("its process answered garbage: " + err.Error())}
		}
		<-r.candidate.ended
	}
	if r.late.Load() {
		return r.timedOut()
	}
	verdict, detail := r.candidate.died()
	return Result{Verdict: verdict, Detail: detail}
}

func (r *run) judgeLost() Result {
	if r.late.Load() {
		return r.timedOut()
	}
	r.judge.signalKill()
	_, detail := r.judge.died()
	return Result{Verdict: Refused, Detail: "the tests' process ended: " + detail}
}

func (r *run) timedOut() Result {
	return Result{Verdict: Timeout, Detail: fmt.Sprintf("longer than %v", r.timeout)}
}

var identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,99}$`)

// names keeps those of the program's names that tests could use.
func names(list wire.Item) ([]string, error) {
	all, err := wire.Texts(list)
	if err != nil {
		return nil, err
	}
	var kept []string
	for _, name := range all {
		if identifier.MatchString(name) && len(kept) < 1000 {
			kept = append(kept, name)
		}
	}
	return kept, nil
}

// line makes a text from inside one line of printable characters.
func line(s string) string {
	const longest = 500
	clean := []rune(s)
	for i, c := range clean {
		if c < ' ' || c == 0x7f {
			clean[i] = ' '
		}
	}
	if len(clean) > longest {
		clean = append(clean[:longest], []rune("...")...)
	}
	return string(clean)
}
