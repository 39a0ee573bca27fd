package evolve

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"time"

	"spar/internal/fsys"
	"spar/loader"
	"spar/loader/template"
	"spar/trainer/policy"
	"spar/trainer/tool"
	"spar/trainer/verify/jail"
)

// bestName is the file of the best program, beside the state.
const bestName = "best.star"

// Summary is what an evolution came to.
type Summary struct {
	Task        string            `json:"task"`
	Proposer    string            `json:"proposer"`
	Generations int               `json:"generations"`
	Counts      map[string]Counts `json:"counts"` // by the kind of proposer
	Best        Scored            `json:"best"`
	From        string            `json:"from"` // kind of the best program's proposer, or seed
	Program     string            `json:"program"`
	Baselines   []Known           `json:"baselines"`
}

// Scored is a program's score on what the search saw and on what it did not.
type Scored struct {
	Score   float64 `json:"score"`
	HeldOut float64 `json:"held_out"`
}

// Known is a baseline with its scores.
type Known struct {
	Name string `json:"name"`
	Scored
}

// Launch runs or continues a config, with programs in the jail, and writes the best program beside the state. A line for each generation goes to
// log.
func Launch(ctx context.Context, c Config, log io.Writer) (summary Summary, err error) {
	task, err := NewTask(c.Task)
	if err != nil {
		return Summary{}, err
	}
	pool, err := jail.Open(jail.Options{Workers: c.Jobs, Timeout: time.Duration(c.Timeout * float64(time.Second))})
	if err != nil {
		return Summary{}, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	proposer, closer, err := c.proposer(task)
	if err != nil {
		return Summary{}, err
	}
	defer func() { err = errors.Join(err, closer()) }()
	run := Run{Task: task, Runner: Jailed(pool), Proposer: proposer, Options: c.options(), FS: fsys.OS, Dir: c.OutputDir, Log: log}
	state, err := run.Do(ctx)
	if err != nil {
		return Summary{}, err
	}
	best := state.Best()
	err = fsys.WriteFile(fsys.OS, filepath.Join(c.OutputDir, bestName), func(w io.Writer) error {
		_, err := io.WriteString(w, best.Program)
		return err
	})
	if err != nil {
		return Summary{}, err
	}
	return run.summary(ctx, state)
}

// summary scores the best program and the baselines on both sets of instances.
func (r Run) summary(ctx context.Context, s *State) (Summary, error) {
	best := s.Best()
	out := Summary{Task: r.Task.Name(), Proposer: r.Proposer.Name(), Generations: s.Generation, Counts: s.Counts, From: best.From, Program: best.Program}
	var err error
	if out.Best, err = r.both(ctx, best.Program); err != nil {
		return Summary{}, err
	}
	for _, b := range r.Task.Baselines() {
		scored, err := r.both(ctx, b.Program)
		if err != nil {
			return Summary{}, err
		}
		out.Baselines = append(out.Baselines, Known{b.Name, scored})
	}
	return out, nil
}

// both scores a program that ran before.
func (r Run) both(ctx context.Context, program string) (Scored, error) {
	var values [2]float64
	for i, heldOut := range []bool{false, true} {
		v, err := r.Task.Evaluate(ctx, r.Runner, program, heldOut)
		if err == nil && v.Failure != "" {
			err = errors.New("a program that had a score fails when it runs again: " + v.Failure)
		}
		if err != nil {
			return Scored{}, err
		}
		values[i] = v.Score
	}
	return Scored{values[0], values[1]}, nil
}

// proposer is random edits, a model, or both.
func (c Config) proposer(task Task) (p Proposer, closer func() error, err error) {
	random := Mutation{task}
	if c.Model == "" || c.ModelShare == 0 {
		return random, func() error { return nil }, nil
	}
	options := tool.ModelOptions{Path: c.Model, Threads: c.Threads}
	m, err := options.Load()
	if err != nil {
		return nil, nil, err
	}
	engine, err := options.Policy(m, 0, false)
	if err != nil {
		return nil, nil, errors.Join(err, m.Close())
	}
	model := Model{
		Task: task, Sampler: engine, MaxLength: engine.MaxLength, Weights: engine.Hash(),
		Encode: func(prompt string) ([]int32, error) { return encodePrompt(m, prompt) },
		Settings: policy.SampleRequest{
			MaxNewTokens: c.MaxNewTokens, Temperature: c.Temperature, TopP: c.TopP, StopIDs: m.StopIDs(),
		},
	}
	closer = func() error { return errors.Join(engine.Close(), m.Close()) }
	if c.ModelShare == 1 {
		return model, closer, nil
	}
	return Mixed{Share: c.ModelShare, First: model, Second: random}, closer, nil
}

// encodePrompt makes a user's message of the prompt where the model has a template.
func encodePrompt(m *loader.Model, prompt string) ([]int32, error) {
	if m.Template != nil {
		return m.EncodeChat([]template.Message{{Role: "user", Content: prompt}}, true)
	}
	if m.Tokenizer == nil {
		return nil, errors.New("the model has no tokenizer; a model that proposes edits needs one")
	}
	return m.Tokenizer.Encode(prompt, false)
}
