// Command spar trains a language model against itself on one machine. Each verb is a struct of
// flags with a Run method that fills a config of another package, calls it and returns its error;
// the error's class decides the exit code (internal/fault).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"spar/internal/fault"
	"spar/trainer"
	"spar/trainer/verify/jail"
)

// cli lists the verbs; kong makes --help from it.
type cli struct {
	Quickstart quickstartCmd    `cmd:"" help:"Train a tiny model by self-play on a language with known probabilities; prints a table, writes a report."`
	Train      trainCmd         `cmd:"" help:"Run a training config; run it again to continue."`
	Step       stepCmd          `cmd:"" help:"Take optimizer steps on the rows of a config and print everything about them."`
	Tokenize   tokenizeCmd      `cmd:"" help:"Text or messages to token ids, JSON lines in and out."`
	Sample     sampleCmd        `cmd:"" help:"Continue prompts, JSON lines in and out."`
	Search     searchCmd        `cmd:"" help:"Continue prompts by the best of several responses, or by a beam over steps, as a verifier judges."`
	Score      scoreCmd         `cmd:"" help:"Log-prob of every response token, JSON lines in and out."`
	Verify     verifyCmd        `cmd:"" help:"Judge responses, JSON lines in and out."`
	Eval       evalCmd          `cmd:"" help:"Measure a model on held-out rows."`
	Diagnose   diagnoseCmd      `cmd:"" help:"Name the part of a run that holds it back, with evidence and what to change."`
	Prove      proveCmd         `cmd:"" help:"Repeat claims of the field in miniature and report which hold."`
	Evolve     evolveCmd        `cmd:"" help:"Improve a program by proposals, an exact evaluator and an archive; run it again to continue."`
	Report     reportCmd        `cmd:"" help:"Write a run's report.html again."`
	Shard      shardCmd         `cmd:"" help:"Look at, check, export and import rollout shards."`
	Model      modelCmd         `cmd:"" help:"Look at, convert and compare models."`
	Plan       planCmd          `cmd:"" help:"Exact memory of a run before it starts."`
	Doctor     doctorCmd        `cmd:"" help:"What this machine and this binary can do."`
	Bench      benchCmd         `cmd:"" help:"Measure update, rollout, score, loader and verifiers."`
	Version    kong.VersionFlag `help:"Print the version and stop."`
	Worker     workerCmd        `cmd:"" hidden:"" help:"The process that train supervises."`
}

func main() {
	if jail.Main() {
		return // this process is a jailed child: nothing else of the program may run in it
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// streams are what verbs read from and write to.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var verbs cli
	exited := -1
	parser, err := kong.New(&verbs, kong.Name("spar"), kong.Description("A native trainer for LLM self-play."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }), kong.UsageOnError(),
		kong.Vars{"version": version()}, kong.Bind(streams{stdin, stdout, stderr}))
	if err != nil {
		fmt.Fprintln(stderr, "spar:", err)
		return int(fault.Failed)
	}
	call, err := parser.Parse(helpArgs(args))
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "spar: %v; see %s --help\n", err, verbOf(err))
		return int(fault.Usage)
	}
	// Signals are caught before anything is opened, so that none is lost.
	ctx, stop := trainer.SignalContext(context.Background())
	defer stop()
	call.BindTo(ctx, (*context.Context)(nil))
	return exitCode(ctx, call.Run(), stderr)
}

// helpArgs turns "spar" and "spar help VERB" into what asks for help.
func helpArgs(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	}
	return args
}

// verbOf is the command that a wrong command line was meant for, as far as it could be read.
func verbOf(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context != nil {
		if node := wrong.Context.Selected(); node != nil {
			return "spar " + strings.TrimPrefix(node.Path(), "spar ")
		}
	}
	return "spar"
}

func exitCode(ctx context.Context, err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	var code exitStatus
	if errors.As(err, &code) {
		return int(code)
	}
	var stopped *trainer.Stopped
	if isStop(err) && errors.As(context.Cause(ctx), &stopped) && stopped.Signal != 0 {
		fmt.Fprintf(stderr, "spar: stopped by %s\n", stopped.Where)
		return 128 + int(stopped.Signal)
	}
	fmt.Fprintln(stderr, "spar:", err)
	return fault.ExitCode(err)
}

// isStop reports whether err says that the context was cancelled, by its error or by its cause.
func isStop(err error) bool {
	var stopped *trainer.Stopped
	return errors.Is(err, context.Canceled) || errors.As(err, &stopped)
}

// exitStatus ends the program with a code; what had to be said has been said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
