// Package trainer runs a whole algorithm from one config: sample -> score -> pair -> update -> evaluate -> promote, repeated.
//
//	c, err := trainer.LoadConfig("train.yaml")
//	err = trainer.Run(ctx, c, trainer.RunOptions{Log: os.Stderr})
//	os.Exit(trainer.ExitCode(err))
//
// A run is a directory. Each stage is a function of hashed inputs; its outputs are written under temporary
// names, synced, renamed and then sealed by a line in journal.jsonl. Running again with the same config does what is missing: after a kill
// at any instant the final weights are those of an uninterrupted run, bit for bit. dpo and sft are runs of one iteration
// that sample nothing to train on.
//
// Files: stage.go seals and skips, corpus.go turns rows into ids, sample.go, score.go, pair.go, update.go, evaluate.go and
// promote.go are the stages, preferences.go mixes preference pairs into self-play, observe.go measures what there is to learn, guard.go and
// gap.go end a run by its limits, sampled.go, signals.go and ends.go write the numbers that spar diagnose reads, plan.go lays the steps
// out, step.go is one of them, policy.go keeps the one policy that is loaded. Responses that a verifier judges: judge.go judges them beside the
// drawing, waves.go stops at decided tasks, retry.go tries again with a hint, choose.go selects, likelihood.go trains V-STaR's verifier,
// remember.go keeps the ledger, audit.go looks at verdicts again, verified.go writes their numbers. Play: propose.go and solve.go are the roles,
// roles.go trains a proposer of its own, guide.go and standing.go look at its tasks, contest.go a game of the policy against itself, pay.go makes
// advantages of rewards, reference.go holds what the KL term compares with, gradient.go learns from them, overhead.go counts what all this takes.
//
// One Run owns its run directory, by a lock; runs of other directories may go on at the same time. Cancelling ctx finishes the
// step in hand, saves, and makes Run return a *Stopped.
package trainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/loader"
	"spar/native"
	"spar/trainer/config"
	"spar/trainer/journal"
	"spar/trainer/metrics"
	"spar/trainer/objective"
	"spar/trainer/report"
	"spar/trainer/selfplay/family"
	"spar/trainer/selfplay/game"
	"spar/trainer/supervise"
	"spar/trainer/verify"
	"spar/trainer/verify/jail"
)

// Config is a run's configuration.
type Config = config.Config

// LoadConfig reads a config file; see config.Load.
func LoadConfig(path string) (*Config, error) { return config.Load(path) }

// RunOptions are what a run needs besides its config. No result depends on them.
type RunOptions struct {
	Library  *native.Library  // nil: the embedded CPU library
	FS       fsys.FS          // nil: the machine's
	Log      io.Writer        // progress and notes; nil: silent
	Terminal bool             // Log is a terminal: progress rewrites its line
	Crumb    *supervise.Crumb // where a supervisor looks after a crash; nil: none
	Judge    Judge            // adds values to each evaluation; nil: none
}

// run is one Run in progress.
type run struct {
	c           *config.Config
	o           RunOptions
	fs          fsys.FS
	dir         string
	lib         *native.Library
	model       *loader.Model // the first policy: tokenizer, template, side files
	objective   objective.Objective
	train       *corpus
	held        *corpus // nil: no evaluation
	preferences *corpus // nil: none are mixed in
	heldPairs   *corpus // nil: none are evaluated
	lineage     journal.Lineage
	journal     *journal.Journal
	metrics     *metrics.Writer
	log         *slog.Logger // the run directory's
	loaded      loaded
	heading     string // of the stage in hand, for progress lines
	closers     []io.Closer
	verifiers   map[string]verify.Verifier // by name; empty where nothing is verified
	family      family.Family              // nil: no proposer
	game        game.Game                  // nil: none is played
	posed       posed
	drawn       drawn
	settled     settled
	known       known
	overhead    time.Duration // of the stage in hand, see overhead.go
	pool        *jail.Pool    // nil: not needed yet
}

// Run does what is missing of the run that c describes and writes the report.
func Run(ctx context.Context, c *Config, o RunOptions) (err error) {
	r, err := openRun(c, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.all(ctx); err != nil {
		err = r.classify(err)
		r.log.Error(err.Error())
		return err
	}
	if err := report.Write(r.fs, r.dir); err != nil {
		return r.classify(err)
	}
	r.logf("done: policy in %s, report in %s", r.path("policy"), r.path("report.html"))
	return nil
}

func (r *run) all(ctx context.Context) error {
	if r.held != nil {
		if err := r.baseline(ctx); err != nil {
			return err
		}
	}
	if err := r.scorePreferences(ctx); err != nil {
		return err
	}
	for t := range r.c.Iterations {
		if err := r.iteration(ctx, t); err != nil {
			return err
		}
		if r.arrived(t) {
			break
		}
	}
	return nil
}

// iteration does the stages of iteration t that are not sealed.
func (r *run) iteration(ctx context.Context, t int) error {
	if r.behind(t) {
		return nil
	}
	for _, stage := range r.stages() {
		if err := stage(ctx, t); err != nil {
			return err
		}
	}
	r.drawn, r.settled = drawn{}, settled{}
	return nil
}

// stages are those of an iteration, in order.
func (r *run) stages() []func(context.Context, int) error {
	if r.c.Competes() {
		return []func(context.Context, int) error{r.compete, r.payGames, r.scoreDraws, r.update, r.evaluate, r.guard, r.promote}
	}
	if r.c.Plays() {
		return []func(context.Context, int) error{r.propose, r.solve, r.remember, r.guide, r.pay, r.observe, r.scoreDraws, r.update, r.trainProposer, r.evaluate, r.guard, r.promote}
	}
	if r.c.Selects() {
		return []func(context.Context, int) error{r.sample, r.remember, r.retry, r.choose, r.observe, r.update, r.trainVerifier, r.evaluate, r.guard, r.promote}
	}
	return []func(context.Context, int) error{r.sample, r.score, r.pair, r.observe, r.update, r.evaluate, r.guard, r.promote}
}

// behind reports whether iteration t was promoted and a later one has begun, or all is done up to t: its stages
// need no further look. The policy of the newest finished iteration is still checked by promote.
func (r *run) behind(t int) bool {
	_, promoted := r.journal.Find(t, "promote")
	last := t
	for _, e := range r.journal.Entries() {
		last = max(last, e.Iteration)
	}
	return promoted && last > t
}

func (r *run) path(parts ...string) string {
	return filepath.Join(append([]string{r.dir}, parts...)...)
}

// iterationDir is the relative name of an iteration's directory.
func iterationDir(t int) string { return fmt.Sprintf("iter-%03d", t) }

// logf tells the user, and the run's log with the time.
func (r *run) logf(format string, args ...any) {
	if r.o.Log != nil {
		fmt.Fprintf(r.o.Log, format+"\n", args...)
	}
	if r.log != nil {
		r.log.Info(fmt.Sprintf(format, args...))
	}
}

// place leaves a crumb for the supervisor.
func (r *run) place(format string, args ...any) {
	if r.o.Crumb != nil {
		r.o.Crumb.SetPlace(fmt.Sprintf(format, args...))
	}
}

func (r *run) close() error {
	err := r.unload()
	for i := len(r.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, r.closers[i].Close())
	}
	return err
}

// classify gives an engine's error the class that its exit code needs.
func (r *run) classify(err error) error {
	var classed *fault.Error
	var stopped *Stopped
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w; free some space, then the same command continues the run", err)
	case errors.As(err, &classed), errors.As(err, &stopped):
		return err
	case errors.Is(err, native.ErrNonFinite):
		return fault.New(fault.NonFinite, "%w", err)
	case errors.Is(err, native.ErrNoMemory):
		return fault.New(fault.Memory, "%w; a smaller tokens_per_batch or per_device_train_batch_size, or a shorter max_length, needs less", err)
	}
	return err
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
