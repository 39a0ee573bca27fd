package verify

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"spar/internal/fault"
	"spar/internal/suggest"
)

// Spec says which verifier is wanted and how it is set.
type Spec struct {
	Name      string        // one of Names
	Pattern   string        // regex: what to find; "": the answer is the pattern
	Command   []string      // command, and process without scores: the program and its arguments
	Timeout   time.Duration // of one item, where a program runs; 0: 10 s
	MemoryMB  int           // of that program; 0: the jail's own limit, none for a command
	Tolerance float64       // numeric: relative to the answer; 0: exactly equal
	Splitter  string        // process: the regular expression between steps; "": line ends
	Aggregate string        // process: min, prod, last or mean; "": min
	Threshold float64       // command, likelihood, process: the score that passes; 0: 0.5
}

// Options are what a verifier gets from the program around it.
type Options struct {
	// Parallel is the number of items judged at once; 0: as many as CPUs.
	Parallel int
	// Score gives the mean log-prob per token, in nats, of each response after its prompt (likelihood, process).
	Score func(ctx context.Context, prompts, responses []string) ([]float64, error)
	// Programs opens the verifiers that run programs: starlark, python and smt. It lives outside this package, so that
	// this one starts no jail; nil: those names are an error.
	Programs func(name string) (Verifier, error)
}

// cacheEntries is the number of outcomes that an opened verifier remembers.
const cacheEntries = 1 << 16

// Those that run no program of a model, and those that do.
var (
	pureNames    = []string{"exact", "numeric", "maths", "choice", "regex", "majority", "command", "likelihood", "process"}
	programNames = []string{"starlark", "python", "smt"}
)

// Names lists the verifiers.
func Names() []string { return slices.Concat(pureNames, programNames) }

// Open makes the verifier that s names, behind a cache where the same item always has the same outcome: not
// for majority, which looks at the whole batch, nor where a model scores, which changes.
func Open(s Spec, o Options) (Verifier, error) {
	if err := s.complete(); err != nil {
		return nil, err
	}
	v, err := open(s, o)
	if err != nil {
		return nil, err
	}
	if s.Name != "majority" && s.Name != "likelihood" && (s.Name != "process" || o.Score == nil || len(s.Command) > 0) {
		v = Cached(v, cacheEntries)
	}
	return v, nil
}

// complete fills in the defaults and checks the values.
func (s *Spec) complete() error {
	if !slices.Contains(Names(), s.Name) {
		hint := strings.Join(Names(), ", ")
		if near := suggest.Nearest(s.Name, Names()); near != "" {
			hint = near + " is meant perhaps"
		}
		return fault.Inputf("verifier %q is not known; %s", s.Name, hint)
	}
	if s.Timeout == 0 {
		s.Timeout = 10 * time.Second
	}
	if s.Threshold == 0 {
		s.Threshold = 0.5
	}
	if s.Aggregate == "" {
		s.Aggregate = "min"
	}
	if s.Splitter == "" {
		s.Splitter = `\n`
	}
	switch {
	case s.Timeout < 0 || s.MemoryMB < 0:
		return fault.Inputf("verifier %s: timeout and memory must not be negative", s.Name)
	case !(s.Threshold > 0 && s.Threshold <= 1):
		return fault.Inputf("verifier %s: the threshold is %v; give one in (0, 1]", s.Name, s.Threshold)
	case !(s.Tolerance >= 0 && s.Tolerance < 1):
		return fault.Inputf("verifier %s: the tolerance is %v; give one in [0, 1)", s.Name, s.Tolerance)
	case aggregates[s.Aggregate] == nil:
		return fault.Inputf("verifier %s: aggregate %q is not known; give min, prod, last or mean", s.Name, s.Aggregate)
	}
	return nil
}

func open(s Spec, o Options) (Verifier, error) {
	switch s.Name {
	case "exact":
		return comparing(s, o, exact), nil
	case "numeric":
		return comparing(s, o, numeric(s.Tolerance)), nil
	case "maths":
		return comparing(s, o, mathsAnswer), nil
	case "choice":
		return comparing(s, o, choice), nil
	case "regex":
		pattern, err := compile(s.Name, "pattern", s.Pattern)
		return comparing(s, o, matches(pattern)), err
	case "majority":
		return majority{}, nil
	case "command":
		return newCommand(s, o)
	case "likelihood":
		return newLikelihood(s, o)
	case "process":
		return newProcess(s, o)
	}
	if o.Programs == nil {
		return nil, fault.Inputf("verifier %s: this command runs no programs of models; use one of %s", s.Name, strings.Join(pureNames, ", "))
	}
	return o.Programs(s.Name)
}

// compile reads a regular expression; nil for "".
func compile(name, what, pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fault.Inputf("verifier %s: the %s is no regular expression: %w", name, what, err)
	}
	return re, nil
}
