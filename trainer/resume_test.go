package trainer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/loader/shard"
	"spar/trainer"
	"spar/trainer/config"
	"spar/trainer/journal"
	"spar/trainer/verify/jail"
)

// TestMain lets the test binary play a worker: `trainer.test worker CONFIG`.
func TestMain(m *testing.M) {
	jail.Main()
	if len(os.Args) == 3 && os.Args[1] == "worker" {
		c, err := trainer.LoadConfig(os.Args[2])
		if err == nil {
			ctx, stop := trainer.SignalContext(context.Background())
			err = trainer.Run(ctx, c, trainer.RunOptions{Log: os.Stderr})
			stop()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(trainer.ExitCode(err))
	}
	if len(os.Args) == 3 && os.Args[1] == "supervised" {
		if err := supervised(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(9)
	}
	os.Exit(m.Run())
}

// worker is a process that does the run of c.
func (b bench) worker(t testing.TB, c *config.Config) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	path := filepath.Join(b.dir, filepath.Base(c.OutputDir)+".yaml")
	must(t, os.WriteFile(path, []byte(c.Render()), 0o600))
	cmd := exec.Command(os.Args[0], "worker", path)
	var log bytes.Buffer
	cmd.Stderr = &log
	return cmd, &log
}

// kills is how often TestKill kills a run; SPAR_KILLS raises it.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("SPAR_KILLS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

// TestKill kills runs of two iterations, one with the pairs of the iteration before and one with preference pairs, with SIGKILL at random
// instants, over and over until each is through, and begins anew until the number of kills is reached. Every finished run must have the
// policy of an undisturbed one, bit for bit, and no kill may lose a journalled stage or a synced record.
func TestKill(t *testing.T) {
	b := newBench(t)
	previous, preferences := b.config("spin", "previous"), b.mixed("spin", "preferences")
	previous.MixPrevious, preferences.Preferences.Eval = true, b.path("pairs.jsonl")
	for _, c := range []*config.Config{previous, preferences} {
		c.SaveSteps = 1
		t.Run(filepath.Base(c.OutputDir), func(t *testing.T) { b.testKill(t, c) })
	}
}

func (b bench) testKill(t *testing.T, reference *config.Config) {
	must(t, trainer.Run(context.Background(), reference, trainer.RunOptions{}))
	started := time.Now()
	probe := *reference
	probe.OutputDir = reference.OutputDir + "-probe"
	cmd, log := b.worker(t, &probe)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	b.killOften(t, reference, kills(t), time.Since(started))
}

// killUntilDone runs c in workers that are killed after a random time, until one ends by itself; it returns the number of kills.
func (b bench) killUntilDone(t *testing.T, c *config.Config, r *rng.Stream, whole time.Duration) int {
	t.Helper()
	n := 0
	var before safe
	for {
		cmd, log := b.worker(t, c)
		must(t, cmd.Start())
		timer := time.AfterFunc(time.Duration(r.Float64()*float64(whole)), func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		after := inspect(t, c.OutputDir)
		if after.stages < before.stages || (after.stages == before.stages && after.records < before.records) {
			t.Fatalf("before the kill %+v was safe, now only %+v", before, after)
		}
		before = after
		if err == nil {
			return n
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the worker failed: %v\n%s", err, log)
		}
		n++
	}
}

// safe counts what a run directory vouches for.
type safe struct{ stages, records int }

func inspect(t *testing.T, dir string) safe {
	t.Helper()
	entries, err := journal.Read(fsys.OS, filepath.Join(dir, "journal.jsonl"))
	must(t, err)
	s := safe{stages: len(entries)}
	for _, e := range entries {
		for name := range e.Outputs {
			if strings.HasSuffix(name, shard.Suffix) {
				reader, err := shard.Open(fsys.OS, filepath.Join(dir, name))
				must(t, err)
				s.records += reader.Len()
				must(t, reader.Close())
			}
		}
	}
	return s
}

// TestResumeAfterEachStage stops a run right after each journalled stage by failing the next journal write, and continues it.
func TestResumeAfterEachStage(t *testing.T) {
	b := newBench(t)
	for _, algorithm := range []string{"spin", "tspin", "dpo"} {
		reference := b.config(algorithm, algorithm+"-reference")
		must(t, trainer.Run(context.Background(), reference, trainer.RunOptions{}))
		c := *reference
		c.OutputDir = b.path(algorithm + "-stopped")
		stopped := errors.New("no space left on device")
		for i := 0; ; i++ {
			writes := 0
			full := fsys.NewFaulty(fsys.OS, func(op, name string, _ int) error {
				if strings.EqualFold(op, "write") && filepath.Base(name) == "journal.jsonl" {
					if writes++; writes > 1 {
						return stopped
					}
				}
				return nil
			})
			err := trainer.Run(context.Background(), &c, trainer.RunOptions{FS: full})
			if err == nil {
				break
			}
			if !errors.Is(err, stopped) || !strings.Contains(err.Error(), "journal.jsonl") || i > 20 {
				t.Fatalf("%s, try %d: %v", algorithm, i, err)
			}
		}
		if !bytes.Equal(policyBytes(t, &c), policyBytes(t, reference)) {
			t.Errorf("%s: a run stopped after each stage ends with another policy", algorithm)
		}
	}
}

// TestDiskFull fails the n-th write of a run for n = 1, 2, 4, ...: each error names a file, and the run then goes on to the same end.
func TestDiskFull(t *testing.T) {
	b := newBench(t)
	reference := b.config("spin", "reference")
	must(t, trainer.Run(context.Background(), reference, trainer.RunOptions{}))
	c := *reference
	c.OutputDir = b.path("full")
	for n := 1; ; n = n*3/2 + 1 {
		failed := 0
		full := fsys.NewFaulty(fsys.OS, func(op, name string, _ int) error {
			if op = strings.ToLower(op); op == "write" || op == "sync" || op == "create" {
				if failed++; failed >= n {
					return syscall.ENOSPC
				}
			}
			return nil
		})
		err := trainer.Run(context.Background(), &c, trainer.RunOptions{FS: full})
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.ENOSPC) || trainer.ExitCode(err) != 1 || !strings.Contains(err.Error(), c.OutputDir+"/") {
			t.Fatalf("write %d fails: got %v (exit code %d)", n, err, trainer.ExitCode(err))
		}
	}
	must(t, trainer.Run(context.Background(), &c, trainer.RunOptions{}))
	if !bytes.Equal(policyBytes(t, &c), policyBytes(t, reference)) {
		t.Error("a run on a disk that was full at times ends with another policy")
	}
}

// TestSignal stops a worker by SIGTERM in the middle of an update: it saves, says so with 143, and the same command ends with the same bits.
func TestSignal(t *testing.T) {
	b := newBench(t)
	reference := b.config("sft", "reference")
	reference.MaxSteps, reference.SaveSteps = 300, 0
	must(t, trainer.Run(context.Background(), reference, trainer.RunOptions{}))
	c := *reference
	c.OutputDir = b.path("signalled")
	cmd, log := b.worker(t, &c)
	must(t, cmd.Start())
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		data, _ := os.ReadFile(filepath.Join(c.OutputDir, "metrics.jsonl"))
		if bytes.Count(data, []byte("\n")) > 5 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no steps after 20 s\n%s", log)
		}
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 143 {
		t.Fatalf("exit code %d, want 143\n%s", code, log)
	}
	if !strings.Contains(log.String(), "the same command continues") {
		t.Errorf("the message does not say how to go on: %s", log)
	}
	saved, err := filepath.Glob(filepath.Join(c.OutputDir, "iter-000", "checkpoint", "*.snapshot"))
	must(t, err)
	if len(saved) == 0 {
		t.Error("no checkpoint was saved")
	}
	must(t, trainer.Run(context.Background(), &c, trainer.RunOptions{}))
	if !bytes.Equal(policyBytes(t, &c), policyBytes(t, reference)) {
		t.Error("a run stopped by a signal and continued ends with another policy")
	}
}
