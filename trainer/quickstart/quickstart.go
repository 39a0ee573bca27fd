// Package quickstart is a few minutes of self-play in a setting where everything can be checked: a tiny Llama-shaped model, a language
// (worked two-digit addition) whose probabilities and entropy are known exactly, and a base that speaks a
// dialect of it.
//
//	result, err := quickstart.Run(ctx, quickstart.Options{Dir: "runs/quickstart", Log: os.Stderr})
//	result.Print(os.Stdout)
//
// A second base, of few examples, shows what a verifier adds: responses to unlabelled prompts that it lets pass.
//
// Three SPIN iterations are set against the same budget of further SFT. What is claimed is what the theory says: SPIN moves to
// p_data, iteration by iteration. It is not claimed to beat more SFT; in this setting it does not, and the table shows it.
//
// All of it goes through the ordinary trainer, on ordinary model directories and data files, so that a killed quickstart goes on
// where it was. One Run owns its directory.
package quickstart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"spar/internal/fsys"
	"spar/native"
	"spar/trainer"
	"spar/trainer/config"
	"spar/trainer/supervise"
)

// Options of a quickstart. The zero values of numbers mean the study's setting.
type Options struct {
	Dir             string
	Seed            uint64
	Threads         int
	Chi2            bool // a third arm
	Preferences     bool // arms with preference pairs, see preferenceArms
	BaseSteps       int  // SFT steps on the dialect: 800
	Iterations      int  // 3
	Updates         int  // optimizer steps of an iteration: 40
	RealPairs       int  // 300
	PreferencePairs int  // 100
	EvalRows        int  // held-out responses: 1000
	FewPairs        int  // of the verified arm's base: 500
	FewSteps        int  // its SFT steps: 250
	Unlabelled      int  // prompts without a response: 2000

	PlayRows, PlayHeldOut, PlayIterations, Proposals int // of RunPlay: 24000, 600, 10, 4096

	Library  *native.Library
	Log      io.Writer
	Terminal bool
	Crumb    *supervise.Crumb
}

const (
	baseBatch = 32
	pairBatch = 32 // pairs of a self-play step; the control takes twice as many responses
)

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.BaseSteps, 800}, {&o.Iterations, 3}, {&o.Updates, 40}, {&o.RealPairs, 300}, {&o.PreferencePairs, 100}, {&o.EvalRows, 1000}, {&o.FewPairs, 500}, {&o.FewSteps, 250}, {&o.Unlabelled, 2000},
		{&o.PlayRows, 24000}, {&o.PlayHeldOut, 600}, {&o.PlayIterations, 10}, {&o.Proposals, 4096}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return o
}

// Short is o at sizes that take seconds: every stage runs, and the figures say nothing.
func (o Options) Short() Options {
	o.BaseSteps, o.Iterations, o.Updates = 20, 2, 3
	o.RealPairs, o.PreferencePairs, o.EvalRows = 64, 40, 30
	o.FewPairs, o.FewSteps, o.Unlabelled = 500, 250, 100 // enough for some responses to pass
	o.PlayRows, o.PlayHeldOut, o.PlayIterations, o.Proposals = 2400, 30, 2, 128
	return o
}

// arm is one way to train from the base.
type arm struct {
	name   string
	config *config.Config
}

// Run does what is missing of the quickstart and returns its table.
func Run(ctx context.Context, o Options) (Result, error) {
	o = o.withDefaults()
	if err := WriteModel(fsys.OS, o.path("model"), o.Seed); err != nil {
		return Result{}, err
	}
	if err := writeData(fsys.OS, o.path("data"), o); err != nil {
		return Result{}, err
	}
	for _, base := range []arm{{"base: SFT on the dialect", o.base()}, {"second base: SFT on few examples", o.fewBase()}} {
		if err := o.train(ctx, base, judge); err != nil {
			return Result{}, err
		}
	}
	arms := []arm{{"SPIN, beta 1", o.spin()}, {"control: more SFT", o.control()}}
	if o.Chi2 {
		arms = append(arms, arm{"chi2, beta 1, c 0.5", o.chi2()})
	}
	if o.Preferences {
		if err := writeLines(fsys.OS, o.path("data", preferencesFile), preferences(o.Seed, o.PreferencePairs)); err != nil {
			return Result{}, err
		}
		arms = append(arms, o.preferenceArms()...)
	}
	arms = append(arms, arm{"few examples: verified", o.verified()}, arm{"few examples: more SFT", o.fewControl()})
	var result Result
	for _, a := range arms {
		if err := o.train(ctx, a, judge); err != nil {
			return Result{}, err
		}
		table, err := readArm(a.name, a.config.OutputDir)
		if err != nil {
			return Result{}, err
		}
		result.Arms = append(result.Arms, table)
	}
	return result, nil
}

func (o Options) path(parts ...string) string {
	return filepath.Join(append([]string{o.Dir}, parts...)...)
}

// train does one run of the trainer, with a judge of its evaluations or none.
func (o Options) train(ctx context.Context, a arm, j trainer.Judge) error {
	if o.Log != nil {
		fmt.Fprintf(o.Log, "== %s\n", a.name)
	}
	err := trainer.Run(ctx, a.config, trainer.RunOptions{Library: o.Library, Log: o.Log, Terminal: o.Terminal, Crumb: o.Crumb, Judge: j})
	var stopped *trainer.Stopped
	if err != nil && !errors.As(err, &stopped) {
		return fmt.Errorf("%s: %w", a.name, err)
	}
	return err
}

// common is what all runs share: the study's AdamW, uncapped responses, no shuffle of the sampler's settings.
func (o Options) common(algorithm, model, train, out string) *config.Config {
	c := config.Default(model, algorithm, o.path("data", train))
	c.OutputDir = o.path(out)
	c.Seed, c.Threads = o.Seed, o.Threads
	c.MaxLength, c.Sampling.MaxNewTokens = 56, 40
	c.AdamBeta1, c.AdamBeta2 = 0.9, 0.99
	c.Precision, c.DropLast, c.SaveSteps = "fp32", true, 20
	c.Eval.MaxPrompts = 0
	return c
}

func (o Options) base() *config.Config {
	c := o.common("sft", o.path("model"), dialectFile, "base")
	c.BatchSize, c.LearningRate, c.WarmupRatio = baseBatch, config.PerIteration{3e-3}, 0.05
	c.SaveSteps = 200
	return c
}

// further is an arm: iterations of a fixed number of updates from the base.
func (o Options) further(algorithm, out string) *config.Config {
	c := o.common(algorithm, o.path("base", "policy"), realFile, out)
	c.Data.Eval = o.path("data", heldOutFile)
	c.Iterations, c.MaxSteps = o.Iterations, o.Updates
	c.BatchSize, c.LearningRate, c.Beta = pairBatch, config.PerIteration{1e-4}, config.PerIteration{1}
	return c
}

func (o Options) spin() *config.Config { return o.further("spin", "spin") }

func (o Options) chi2() *config.Config { return o.further("chi2", "chi2") }

func (o Options) control() *config.Config {
	c := o.further("sft", "control")
	c.BatchSize = 2 * pairBatch
	return c
}

// fewBase knows too few examples of the data itself, over and over.
func (o Options) fewBase() *config.Config {
	c := o.common("sft", o.path("model"), fewFile, "few-base")
	c.BatchSize, c.LearningRate, c.WarmupRatio = baseBatch, config.PerIteration{3e-3}, 0.05
	c.MaxSteps, c.SaveSteps = o.FewSteps, 200
	return c
}

// verified draws a response to every prompt, labelled or not, keeps what the verifier lets pass, and learns it beside the examples.
func (o Options) verified() *config.Config {
	c := o.common("rest", o.path("few-base", "policy"), tasksFile, "verified")
	c.Data.Eval = o.path("data", heldTasks)
	c.Verifier.Name, c.DropLast = "regex", false
	c.Selection.ImproveSteps, c.Selection.HumanShare, c.Sampling.Samples = 1, verifiedHuman, 1
	return o.few(c)
}

// verifiedHuman is the share of examples by people beside verified responses.
const verifiedHuman = 0.2

func (o Options) fewControl() *config.Config {
	c := o.common("sft", o.path("few-base", "policy"), fewFile, "few-control")
	c.Data.Eval = o.path("data", heldOutFile)
	return o.few(c)
}

// few is the budget of an arm on few examples.
func (o Options) few(c *config.Config) *config.Config {
	c.Iterations, c.MaxSteps = o.Iterations, o.Updates
	c.BatchSize, c.LearningRate = 2*pairBatch, config.PerIteration{1e-3}
	return c
}

// judge measures the distance to p_data and the share of correct samples, exactly.
//
// kl is the mean of log p_data(y|x) - lp(y) over held-out real responses: an estimate of the forward divergence without the
// sampling noise of the entropy term.
func judge(_ int, real, fresh []trainer.Judged) (map[string]float64, error) {
	language := Real()
	kl, correct := 0.0, 0.0
	for _, x := range real {
		logp, ok := language.LogProb(sumOf(x.Prompt), x.Response)
		if !ok {
			return nil, fmt.Errorf("held-out row %d is not in the language", x.Key)
		}
		kl += logp - x.Logp
	}
	for _, x := range fresh {
		if _, ok := language.LogProb(sumOf(x.Prompt), x.Response); ok {
			correct++
		}
	}
	return map[string]float64{"kl": kl / float64(len(real)), "correct": correct / float64(len(fresh))}, nil
}
