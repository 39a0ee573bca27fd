package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/term"

	"spar/native"
	"spar/trainer"
	"spar/trainer/supervise"
)

type trainCmd struct {
	profileFlag
	Library     string `help:"Native library to load instead of the embedded one." type:"path" placeholder:"FILE"`
	Config      string `arg:"" help:"YAML config." type:"path"`
	PrintConfig bool   `help:"Print the config with every default and stop."`
}

// Help is the long text of spar train --help.
func (c *trainCmd) Help() string {
	return `A config needs the keys model, algorithm and data; --print-config shows all keys, each with its meaning and value.
The run directory (output_dir) holds run.json, journal.jsonl, metrics.jsonl, tb/, policy/ and report.html.
Killed or stopped runs continue when the same command is given again; Ctrl-C finishes the step in hand and saves first.

Exit codes: 0 ok, 1 failed, 2 usage, 3 bad input or mismatch, 4 does not fit in memory, 5 diverged or not finite, 130 and 143 stopped by a signal after saving.`
}

// Run is the supervisor: it loads no native code and starts the worker.
func (c *trainCmd) Run(s streams) error {
	config, err := trainer.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	if c.PrintConfig {
		_, err := fmt.Fprint(s.out, config.Render())
		return err
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	code, err := supervise.Run(supervise.Options{
		Args: c.workerArgs(), RunDir: config.OutputDir, Stdin: s.in, Stdout: s.out, Stderr: s.err, Signals: signals,
	})
	if err != nil {
		return err
	}
	if code != 0 {
		return exitStatus(code)
	}
	return nil
}

func (c *trainCmd) workerArgs() []string {
	args := []string{"worker", c.Config}
	if c.Profile != "" {
		args = append(args, "--profile", c.Profile)
	}
	if c.Library != "" {
		args = append(args, "--library", c.Library)
	}
	return args
}

type workerCmd struct {
	profileFlag
	Library string `type:"path"`
	Config  string `arg:"" type:"path"`
}

// Run is the process that holds the native library.
func (c *workerCmd) Run(s streams) error {
	config, err := trainer.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	defer c.start()()
	lib, err := native.Open(native.Options{Path: c.Library})
	if err != nil {
		return err
	}
	crumb, err := supervise.CreateCrumb(filepath.Join(config.OutputDir, supervise.CrumbName))
	if err != nil {
		return err
	}
	defer crumb.Close()
	ctx, stop := trainer.SignalContext(context.Background())
	defer stop()
	err = trainer.Run(ctx, config, trainer.RunOptions{Library: lib, Log: s.err, Terminal: isTerminal(s.err), Crumb: crumb})
	crumb.SetOrderly()
	return runFailure(s, err)
}

// runFailure prints why a run ended and keeps its exit code, which is the signal's after a stop.
func runFailure(s streams, err error) error {
	if err == nil {
		return nil
	}
	fmt.Fprintln(s.err, "spar:", err)
	return exitStatus(trainer.ExitCode(err))
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
