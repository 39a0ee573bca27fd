package trainer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"spar/internal/fsys"
	"spar/native"
	"spar/trainer/config"
	"spar/trainer/journal"
	"spar/trainer/objective"
	"spar/trainer/policy"
	"spar/trainer/schedule"
	"spar/trainer/snapshot"
)

// update trains the policy of iteration t on its pairs and saves the result as fp32 weights: rounding them here would
// lose what a small learning rate has moved.
func (r *run) update(ctx context.Context, t int) error {
	name := iterationDir(t) + "/policy"
	policyHash, _ := r.start(r.updateStart(t))
	s := stage{
		iteration: t, name: "update", outputs: []string{name},
		inputs: map[string]string{
			"policy": policyHash, "train": r.train.hash, "pairs": r.materialHash(t),
			"settings": updateSettings(r.c, t), "numerics": r.numerics(),
		},
	}
	if r.preferences != nil {
		s.inputs["preferences"] = r.preferences.hash
	}
	if r.c.Play.KLWeight > 0 {
		s.inputs["reference"] = r.output(t, "score", referenceName(t))
	}
	if r.objective.Needs().Proto {
		s.inputs["first"] = r.output(0, "sample", rolloutsName(0))
	}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		return r.runUpdate(ctx, t, hashOfInputs(s.inputs), e)
	}
	if err := r.do(ctx, s); err != nil {
		return err
	}
	return r.trained(t, "update", name)
}

// trained names the weights that a stage which trains has left in memory, and removes its checkpoints.
func (r *run) trained(t int, stage, name string) error {
	if r.loaded.policy != nil && r.loaded.hash == "" {
		r.loaded.hash = r.output(t, stage, name)
	}
	return r.fs.RemoveAll(r.path(checkpointsOf(t, stage)))
}

// updateStart counts the policy that the update of iteration t begins with: the one that the run began with, or the newest.
func (r *run) updateStart(t int) int {
	if r.c.Selects() && r.c.Selection.Start == "base" {
		return 0
	}
	return t
}

func hashOfInputs(inputs map[string]string) string {
	var parts []any
	for _, k := range sortedKeys(inputs) {
		parts = append(parts, k, inputs[k])
	}
	return hashText(parts...)
}

// updateSettings is the hash of the config keys that an update's result depends on.
func updateSettings(c *config.Config, t int) string {
	v := c.Values()
	parts := []any{c.Beta.At(t), c.LearningRate.At(t)}
	for _, key := range []string{"algorithm", "loss_type", "c", "alpha", "tau", "huber", "mu", "gamma", "anchor_weight", "label_smoothing", "sft_weight",
		"desirable_weight", "undesirable_weight", "shuffle", "per_device_train_batch_size", "tokens_per_batch", "gradient_accumulation_steps",
		"dataloader_drop_last", "optim", "lr_scheduler_type", "warmup_ratio", "weight_decay", "max_grad_norm", "num_train_epochs", "max_steps",
		"adam_beta1", "adam_beta2", "adam_epsilon", "rmsprop_alpha", "seed", "max_length", "preferences.beta", "selection.steps_growth",
		"play.objective", "play.clip_low", "play.clip_high", "play.kl_weight"} {
		parts = append(parts, key, v[key])
	}
	return hashText(parts...)
}

// updating is one update in progress: of the policy, or of the verifier or the proposer beside it.
type updating struct {
	r         *run
	t         int
	name      string // of the stage: update, verifier, proposer
	start     int    // counts the policy that it begins with, as the references of pairs do
	hash      string // of that policy
	path      string // of that policy
	inputs    string
	policy    *policy.Policy
	objective objective.Objective
	material  material
	gradient  objective.PolicyGradient // of the material's draws; nil: the objective's examples
	plan      []stepPlan
	schedule  schedule.Schedule
	first     int64 // optimizer steps of earlier iterations
	done      int   // optimizer steps of this one
}

func (r *run) runUpdate(ctx context.Context, t int, inputs string, e *journal.Entry) error {
	u := &updating{r: r, t: t, name: "update", start: r.updateStart(t), inputs: inputs, first: r.stepsBefore(t)}
	u.hash, u.path = r.start(u.start)
	return u.learn(ctx, r.learner(), iterationDir(t)+"/policy", e)
}

// learn trains on the iteration's material, of play on that of a role or with "" of both.
func (u *updating) learn(ctx context.Context, role, name string, e *journal.Entry) (err error) {
	r := u.r
	if u.objective, err = r.newObjective(u.t); err != nil {
		return err
	}
	if r.c.Plays() {
		if u.gradient, err = r.newGradient(); err != nil {
			return err
		}
	}
	done := r.counted()
	all, err := r.readMaterial(u.t)
	if err != nil {
		return err
	}
	u.material = all.of(role)
	done()
	return u.all(ctx, name, e)
}

// all takes all steps and saves the outcome under the given name.
func (u *updating) all(ctx context.Context, name string, e *journal.Entry) (err error) {
	c := u.r.c
	if len(u.material.groups) == 0 {
		u.r.logf("%s: nothing to learn from; the policy stays as it is", u.r.heading)
		if u.policy, err = u.r.loadFrom(u.hash, u.path); err != nil {
			return err
		}
		return u.r.savePolicy(u.policy, name)
	}
	if u.plan, err = planSteps(c, u.t, u.material); err != nil {
		return err
	}
	if u.schedule, err = schedule.New(c.Scheduler, c.LearningRate.At(u.t), len(u.plan), c.WarmupRatio); err != nil {
		return err
	}
	if err := u.begin(); err != nil {
		return err
	}
	if err := u.steps(ctx, e); err != nil {
		return err
	}
	if err := u.signals(); err != nil {
		return err
	}
	e.Counts["steps"] = int64(len(u.plan))
	e.Counts["pairs"] = int64(len(u.material.pairs))
	return u.r.savePolicy(u.policy, name)
}

// stepsBefore counts the optimizer steps of the iterations before t.
func (r *run) stepsBefore(t int) int64 {
	var n int64
	for i := range t {
		e, _ := r.journal.Find(i, "update")
		n += e.Counts["steps"]
	}
	return n
}

// begin loads the first policy with fresh optimizer state, or the newest checkpoint of this very update.
func (u *updating) begin() error {
	r := u.r
	if err := u.fresh(); err != nil {
		return err
	}
	for _, path := range r.snapshots(u.checkpoints()) {
		h, err := snapshot.Read(r.fs, path, u.inputs, u.vectors()...)
		if err != nil {
			r.logf("%v; trying an older one", err)
			continue
		}
		u.done = h.Step
		r.logf("%s: continuing after step %d of %d", r.heading, h.Step, len(u.plan))
		return errors.Join(u.policy.ResumeOptimizer(h.OptimizerStep), u.policy.Reload(), r.metrics.Rewind(h.MetricsBytes))
	}
	return r.metrics.Rewind(r.metricsSealed())
}

func (u *updating) fresh() (err error) {
	if u.policy, err = u.r.loadFrom(u.hash, u.path); err != nil {
		return err
	}
	u.r.loaded.hash = "" // from here on the weights move
	return u.policy.OpenOptimizer(optimizerConfig(u.r.c))
}

// checkpoints is the directory of an update in flight.
func (u *updating) checkpoints() string { return checkpointsOf(u.t, u.name) }

func checkpointsOf(t int, name string) string {
	if name == "update" {
		return iterationDir(t) + "/checkpoint"
	}
	return iterationDir(t) + "/" + name + "-checkpoint"
}

func optimizerConfig(c *config.Config) native.OptimizerConfig {
	if c.Optim == "rmsprop" {
		return native.OptimizerConfig{Kind: native.RMSProp, Beta2: c.RMSPropAlpha, Eps: c.AdamEpsilon, WeightDecay: c.WeightDecay}
	}
	return native.OptimizerConfig{Kind: native.AdamW, Beta1: c.AdamBeta1, Beta2: c.AdamBeta2, Eps: c.AdamEpsilon, WeightDecay: c.WeightDecay}
}

// steps takes the optimizer steps that are left, with checkpoints on the way.
func (u *updating) steps(ctx context.Context, e *journal.Entry) error {
	r := u.r
	line := r.progress(len(u.plan), u.done, "steps")
	defer line.Close()
	last := ""
	for u.done < len(u.plan) {
		r.place("iteration %d, stage %s, step %d", u.t, u.name, u.done+1)
		result, err := u.step(context.WithoutCancel(ctx))
		if err != nil {
			return fmt.Errorf("step %d: %w", u.done+1, err)
		}
		u.done++
		e.Tokens += result.tokens
		line.Tokens(result.tokens)
		if err := r.metrics.Append(result.record(u)); err != nil {
			return err
		}
		last = fmt.Sprintf("loss %.4f", result.loss)
		line.Set(u.done, last)
		stop := stopCause(ctx)
		if every := r.c.SaveSteps; stop != nil || (every > 0 && u.done%every == 0 && u.done < len(u.plan)) {
			if err := u.save(); err != nil {
				return err
			}
		}
		if stop != nil {
			return stop
		}
	}
	line.Done(last)
	return nil
}

// vectors are the weights and the optimizer's state, as a snapshot stores them.
func (u *updating) vectors() [][]float32 {
	var out [][]float32
	for _, t := range u.policy.Tensors() {
		out = append(out, t.Data)
	}
	state := u.policy.OptimizerState()
	out = append(out, state.First)
	if state.Second != nil {
		out = append(out, state.Second)
	}
	return out
}

// save writes a checkpoint, then removes those before the one before it.
func (u *updating) save() error {
	r := u.r
	bytes, err := r.metrics.Sync()
	if err != nil {
		return err
	}
	dir := r.path(u.checkpoints())
	if err := fsys.MakeDir(r.fs, dir); err != nil {
		return err
	}
	h := snapshot.Header{Inputs: u.inputs, Iteration: u.t, Step: u.done, OptimizerStep: u.policy.OptimizerState().Step, MetricsBytes: bytes}
	if err := snapshot.Write(r.fs, filepath.Join(dir, fmt.Sprintf("step-%09d.snapshot", u.done)), h, u.vectors()...); err != nil {
		return err
	}
	for i, path := range r.snapshots(u.checkpoints()) {
		if i >= 2 {
			if err := r.fs.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// snapshots lists a directory's checkpoints, newest first; temporary files do not count.
func (r *run) snapshots(name string) []string {
	dir := r.path(name)
	entries, err := r.fs.ReadDir(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.logf("%s: %v", dir, err)
		}
		return nil
	}
	var out []string
	for i := len(entries) - 1; i >= 0; i-- {
		if name := entries[i].Name(); strings.HasSuffix(name, ".snapshot") {
			out = append(out, filepath.Join(dir, name))
		}
	}
	return out
}

// savePolicy writes a Hugging Face directory, whole or not at all.
func (r *run) savePolicy(p *policy.Policy, name string) error {
	dir := r.path(name)
	if err := r.fs.RemoveAll(dir); err != nil {
		return err
	}
	if err := fsys.MakeDir(r.fs, filepath.Dir(dir)); err != nil {
		return err
	}
	return p.Save(r.fs, dir, "F32")
}
