package trainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/loader/shard"
	"spar/trainer/journal"
	"spar/trainer/learn/observer"
	"spar/trainer/metrics"
)

func observedName(t int) string { return iterationDir(t) + "/observer.json" }

// observe measures what there is to learn in what iteration t trains on, and judges the condition of arXiv 2603.02218 against the iteration
// before. Nothing depends on the outcome; it is there to be read.
func (r *run) observe(ctx context.Context, t int) error {
	if r.c.Observer.Examples == 0 {
		return nil
	}
	s := stage{iteration: t, name: "observe", outputs: []string{observedName(t)}, inputs: map[string]string{
		"train": r.train.hash, "pairs": r.materialHash(t),
		"rollouts": r.output(t, "sample", rolloutsName(t)), "numerics": r.numerics(),
		"settings": hashText(r.c.Observer.Examples, r.c.Observer.Epochs, r.c.Observer.Controls, r.c.Seed),
	}}
	if t > 0 {
		s.inputs["before"] = r.output(t-1, "observe", observedName(t-1))
	}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		lessons, err := r.lessons(t)
		if err != nil {
			return err
		}
		reading, err := r.probe(ctx, lessons)
		if errors.Is(err, observer.ErrTooFew) { // a proposer or a solver that has failed; the run goes on
			r.logf("%s: %v; nothing was measured", r.heading, err)
			return writeReading(r.fs, r.path(observedName(t)), nil)
		}
		if err != nil {
			return stopOr(ctx, err)
		}
		condition, err := r.condition(t, reading)
		if err != nil {
			return err
		}
		if err := writeReading(r.fs, r.path(observedName(t)), &reading); err != nil {
			return err
		}
		e.Values = observer.Values(reading, condition)
		r.logf("%s: %s", r.heading, conditionText(reading, condition))
		return r.metrics.Append(metrics.Record{Iteration: t, Step: r.stepsBefore(t), Values: e.Values})
	}
	return r.do(ctx, s)
}

// lessons are the prompts with the responses that iteration t learns to give, each pair once: in play the responses that passed, else what
// the update trains on.
func (r *run) lessons(t int) ([]observer.Example, error) {
	var all []observer.Example
	if r.c.Plays() {
		rollouts, err := r.readRollouts(t)
		if err != nil {
			return nil, err
		}
		for rec := range rollouts.all() {
			if rec.Verdict == shard.VerdictPass {
				all = append(all, observer.Example{Prompt: rec.Prompt, Response: rec.Response})
			}
		}
	} else {
		m, err := r.readMaterial(t)
		if err != nil {
			return nil, err
		}
		for _, g := range m.groups {
			all = append(all, observer.Example{Prompt: g.Prompt, Response: g.Responses[0]})
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(x observer.Example) bool {
		text := fmt.Sprint(x.Prompt, x.Response)
		repeated := seen[text]
		seen[text] = true
		return repeated
	}), nil
}

func (r *run) probe(ctx context.Context, lessons []observer.Example) (observer.Reading, error) {
	budget := observer.DefaultBudget()
	budget.Examples, budget.Epochs, budget.Controls, budget.Seed = r.c.Observer.Examples, r.c.Observer.Epochs, r.c.Observer.Controls, r.c.Seed
	prompt, response := 0, 0 // the longest of each: a shuffled answer may follow any prompt
	for _, x := range lessons {
		prompt, response = max(prompt, len(x.Prompt)), max(response, len(x.Response))
	}
	shape := observer.Small(r.model.Config.VocabSize, prompt+response)
	engine := observer.Engine{Library: r.lib, Threads: r.c.Threads, ISA: r.lineage.Kernels}
	return observer.Probe(ctx, lessons, budget, func(seed uint64) (observer.Model, error) { return observer.OpenPolicy(engine, shape, seed) })
}

// condition compares with the reading of the iteration before; one that measured nothing is none.
func (r *run) condition(t int, now observer.Reading) (observer.Condition, error) {
	if t == 0 {
		return observer.Judge(now, nil), nil
	}
	path := r.path(observedName(t - 1))
	data, err := fsys.ReadFile(r.fs, path, 64<<20)
	if err != nil {
		return observer.Condition{}, err
	}
	var before *observer.Reading
	if err := json.Unmarshal(data, &before); err != nil {
		return observer.Condition{}, fault.Inputf("%s: %w; remove the file to have it made again", path, err)
	}
	return observer.Judge(now, before), nil
}

// writeReading writes a reading, or null where there is none.
func writeReading(f fsys.FS, path string, reading *observer.Reading) error {
	if err := fsys.MakeDir(f, filepath.Dir(path)); err != nil {
		return err
	}
	return fsys.WriteFile(f, path, func(w io.Writer) error { return json.NewEncoder(w).Encode(reading) })
}

func conditionText(r observer.Reading, c observer.Condition) string {
	verdict := "does not hold"
	if c.Holds {
		verdict = "holds"
	}
	s, edl := r.Control()
	return fmt.Sprintf("S %.0f bits (shuffled %.0f), EDL %.0f (shuffled %.0f); learnable information gained %.0f bits against a threshold of %.0f: the condition %s",
		r.Fit.At().S, s, r.Fit.At().EDL, edl, c.Gain, c.Threshold, verdict)
}
