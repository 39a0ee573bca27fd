// Package evolve improves a program by a population of its variants: a proposer edits programs, an exact evaluator scores them by running
// them, and an archive keeps the best of each kind, as in FunSearch (Romera-Paredes et al., Nature 625, 2024) and AlphaEvolve
// (arXiv 2506.13131).
//
//	task, err := evolve.NewTask("bin_packing")
//	run := evolve.Run{Task: task, Runner: jailed, Proposer: evolve.Mutation{Task: task}, Options: evolve.DefaultOptions(), FS: fsys.OS, Dir: dir}
//	state, err := run.Do(ctx)
//	fmt.Println(state.Best().Program)
//
// Programs are Starlark. There are two proposers. Model asks a language model for edits; what comes of it depends on the model, and a tiny one writes
// hardly a program that runs. Mutation edits the syntax tree at random; it knows nothing and needs no model, so it is both what makes
// progress on a small machine and the baseline that a model has to beat.
//
// The state is one file, replaced whole after each generation. What a generation draws depends on the seed and the generation's number
// only, so a run that was killed goes on and ends with the same bytes; that holds for Model as far as its sampler is deterministic.
//
// A Run owns its directory and belongs to one goroutine; it evaluates programs in parallel.
package evolve

import (
	"context"
	"fmt"
	"io"
	"sync"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/internal/rng"
)

// Options of a run.
type Options struct {
	Seed          uint64
	Generations   int
	Islands       int // populations that meet only by migration
	PerIsland     int // proposals to an island in a generation
	MigrateEvery  int // generations from one migration to the next; 0: never
	Inspirations  int // other programs of the island that a proposer is shown
	Parallel      int // programs evaluated at a time
	MaxProgramLen int // bytes; longer proposals are not run
}

// DefaultOptions are a small run of a few minutes at most.
func DefaultOptions() Options {
	return Options{Generations: 50, Islands: 4, PerIsland: 8, MigrateEvery: 10, Inspirations: 2, Parallel: 2, MaxProgramLen: 2000}
}

func (o Options) check() error {
	for _, x := range []struct {
		name         string
		value, least int
	}{
		{"generations", o.Generations, 1}, {"islands", o.Islands, 1}, {"per_island", o.PerIsland, 1}, {"migrate_every", o.MigrateEvery, 0},
		{"inspirations", o.Inspirations, 0}, {"parallel", o.Parallel, 1}, {"max_program_len", o.MaxProgramLen, 1},
	} {
		if x.value < x.least {
			return fault.Usagef("evolve: %s is %d; use at least %d", x.name, x.value, x.least)
		}
	}
	return nil
}

// Request asks for a variant of a program.
type Request struct {
	Generation, Island, Index int
	Seed                      uint64
	Parent                    Entry
	Inspirations              []Entry
}

// stream is the request's own random numbers.
func (r Request) stream(purpose uint32) *rng.Stream {
	return rng.NewStream(r.Seed, purpose, uint32(r.Generation), uint32(r.Island), uint32(r.Index))
}

// Proposal is an edited program, or why there is none.
type Proposal struct {
	From    string // kind of the proposer: mutation, model
	Program string
	Refused string // in words; "" where there is a program
}

// Proposer edits programs. A call holds a whole generation and is answered in the same order; what is proposed for a request must depend on
// the request alone.
type Proposer interface {
	// Name says which proposer it is and how it is set: a run is continued under the same name only.
	Name() string
	Propose(ctx context.Context, rs []Request) ([]Proposal, error)
}

// Run is an evolution in a directory.
type Run struct {
	Task     Task
	Runner   Runner
	Proposer Proposer
	Options  Options
	FS       fsys.FS
	Dir      string
	Log      io.Writer // a line for each generation; nil: none
}

// Do continues the evolution in the directory, or begins one, until all generations are done.
func (r Run) Do(ctx context.Context) (*State, error) {
	if err := r.Options.check(); err != nil {
		return nil, err
	}
	if err := fsys.MakeDir(r.FS, r.Dir); err != nil {
		return nil, err
	}
	s, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	for s.Generation < r.Options.Generations {
		if err := r.generation(ctx, s); err != nil {
			return nil, fmt.Errorf("generation %d: %w", s.Generation, err)
		}
		if err := s.save(r.FS, r.Dir); err != nil {
			return nil, err
		}
		if r.Log != nil {
			best := s.Best()
			fmt.Fprintf(r.Log, "generation %d: best %.4f (%s, from %s)%s\n", s.Generation, best.Score, best.Detail, best.From, s.counted())
		}
	}
	return s, nil
}

// open reads the state, or makes the first one from the task's own program.
func (r Run) open(ctx context.Context) (*State, error) {
	s, err := load(r.FS, r.Dir, r.settings())
	if s != nil || err != nil {
		return s, err
	}
	first, err := r.Task.Evaluate(ctx, r.Runner, r.Task.Seed(), false)
	if err != nil {
		return nil, err
	}
	if first.Failure != "" {
		return nil, fault.New(fault.Failed, "%s: the first program fails: %s", r.Task.Name(), first.Failure)
	}
	e := Entry{Program: r.Task.Seed(), Score: first.Score, Detail: first.Detail, From: "seed"}
	s = &State{Settings: r.settings(), Counts: map[string]Counts{}, Islands: make([]Island, r.Options.Islands)}
	for i := range s.Islands {
		s.Islands[i].add(e)
	}
	return s, nil
}

// settings is what a state file must have been made with to be continued. More generations are no other run.
func (r Run) settings() string {
	o := r.Options
	return fmt.Sprintf("task %s, proposer %s, seed %d, %d islands, %d per island, migration every %d, %d inspirations, programs to %d bytes",
		r.Task.Name(), r.Proposer.Name(), o.Seed, o.Islands, o.PerIsland, o.MigrateEvery, o.Inspirations, o.MaxProgramLen)
}

// generation proposes, evaluates and keeps; s is changed only when all of that went well.
func (r Run) generation(ctx context.Context, s *State) error {
	requests := r.requests(s)
	proposals, err := r.Proposer.Propose(ctx, requests)
	if err != nil {
		return err
	}
	if len(proposals) != len(requests) {
		return fault.New(fault.Failed, "proposer %s answered %d of %d requests", r.Proposer.Name(), len(proposals), len(requests))
	}
	for i := range proposals {
		if n := len(proposals[i].Program); n > r.Options.MaxProgramLen {
			proposals[i] = Proposal{From: proposals[i].From, Refused: fmt.Sprintf("a program of %d bytes", n)}
		}
	}
	evaluations, err := r.evaluate(ctx, proposals)
	if err != nil {
		return err
	}
	s.Generation++
	for i, q := range requests {
		s.take(q.Island, proposals[i], evaluations[i])
	}
	if m := r.Options.MigrateEvery; m > 0 && s.Generation%m == 0 {
		s.migrate()
	}
	s.History = append(s.History, s.Best().Score)
	return nil
}

// parentLane keeps the choice of parents apart from other draws of the same seed.
const parentLane = 0x70617265

func (r Run) requests(s *State) []Request {
	var out []Request
	for i := range s.Islands {
		for k := range r.Options.PerIsland {
			q := Request{Generation: s.Generation, Island: i, Index: k, Seed: r.Options.Seed}
			q.Parent, q.Inspirations = s.Islands[i].choose(q.stream(parentLane), r.Options.Inspirations)
			out = append(out, q)
		}
	}
	return out
}

// evaluate runs all programs, Parallel at a time; results are in order.
func (r Run) evaluate(ctx context.Context, proposals []Proposal) ([]Evaluation, error) {
	out := make([]Evaluation, len(proposals))
	errs := make([]error, len(proposals))
	slots := make(chan struct{}, r.Options.Parallel)
	var wait sync.WaitGroup
	for i, p := range proposals {
		if p.Refused != "" {
			continue
		}
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			out[i], errs[i] = r.Task.Evaluate(ctx, r.Runner, p.Program, false)
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, ctx.Err()
}
