package trainer

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/loader"
	"spar/native"
	"spar/trainer/config"
	"spar/trainer/journal"
	"spar/trainer/kernels"
	"spar/trainer/metrics"
	"spar/trainer/objective"
	"spar/trainer/policy"
	"spar/trainer/supervise"
)

// openRun takes the run directory's lock, reads the inputs and compares them with what the run began with.
func openRun(c *config.Config, o RunOptions) (*run, error) {
	if o.FS == nil {
		o.FS = fsys.OS
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	r := &run{c: c, o: o, fs: o.FS, dir: c.OutputDir, lib: o.Library}
	r.place("reading the model and the data")
	for _, open := range []func() error{r.lock, r.openLog, r.openInputs, r.openVerifiers, r.checkMemory, r.openLineage, r.openLogs, r.announce} {
		if err := open(); err != nil {
			return nil, errors.Join(r.classify(err), r.close())
		}
	}
	return r, nil
}

func (r *run) lock() error {
	if err := fsys.MakeDir(r.fs, r.dir); err != nil {
		return fault.Inputf("output_dir: %w", err)
	}
	lock, err := r.fs.Lock(r.path("lock"))
	if errors.Is(err, fsys.ErrLocked) {
		return fault.Inputf("%s: another process is working in this run directory; wait for it to end or give another output_dir", r.dir)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.path("lock"), err)
	}
	r.closers = append(r.closers, lock)
	return nil
}

// checkMemory refuses a run that would not fit, before the weights are read.
func (r *run) checkMemory() error {
	_, err := r.requirement()
	return err
}

// openLog opens the log that outlives the terminal.
func (r *run) openLog() error {
	file, err := r.fs.Append(r.path(supervise.LogName))
	if err != nil {
		return err
	}
	r.closers = append(r.closers, file)
	r.log = slog.New(slog.NewTextHandler(file, nil))
	return nil
}

// openModel opens the library, the model and the objective.
func (r *run) openModel() (err error) {
	if r.lib == nil {
		if r.lib, err = native.Open(native.Options{}); err != nil {
			return err
		}
	}
	if r.model, err = loader.Open(r.c.Model); err != nil {
		return err
	}
	r.closers = append(r.closers, r.model)
	precision, err := policy.PrecisionOf(r.c.Precision, r.model.Config)
	if err != nil {
		return err
	}
	r.lineage.Precision = precision.String()
	if err := r.chooseKernels(precision); err != nil {
		return err
	}
	r.objective, err = r.newObjective(0)
	return err
}

// chooseKernels takes the family that the run began with, so that a continued run keeps its bits; a new run takes the
// config's or the winner of this machine's race.
func (r *run) chooseKernels(p native.Precision) error {
	choice, err := kernels.Choose(r.lib, p, r.c.Kernels)
	if err != nil {
		return err
	}
	if choice.Note != "" {
		r.logf("note: kernel family: %s", choice.Note)
	}
	r.lineage.Kernels, r.lineage.ChosenBy = choice.Family, choice.Origin
	if r.dir == "" {
		return nil // a plan: there is no run
	}
	path := r.path("run.json")
	before, exists, err := journal.ReadLineage(r.fs, path)
	if err != nil || !exists {
		return err
	}
	if before.Kernels != choice.Family {
		r.logf("note: the run goes on with the %s kernels that it began with; now the choice would be %v", before.Kernels, choice)
	}
	if runs := r.lib.Info().ISAs; !slices.Contains(runs, before.Kernels) {
		return fault.Inputf("%s: the run was begun with the %s kernels, which this machine cannot run (it runs %s); continue it where it began or give another output_dir",
			path, before.Kernels, strings.Join(runs, ", "))
	}
	r.lineage.Kernels, r.lineage.ChosenBy = before.Kernels, before.ChosenBy
	return nil
}

func (r *run) openInputs() (err error) {
	if err := r.openModel(); err != nil {
		return err
	}
	switch {
	case r.c.Proposes():
		err = r.openFamily()
	case r.c.Competes():
		err = r.openGame()
	default:
		r.train, err = r.readCorpus(r.c.Data.Train, 0, r.c.Algorithm == "dpo")
	}
	if err != nil {
		return err
	}
	if r.c.Data.Eval != "" {
		if r.held, err = r.readCorpus(r.c.Data.Eval, r.c.Eval.MaxPrompts, false); err != nil {
			return err
		}
		if r.c.Limits.RealLogpDrop > 0 && r.held.reals() == 0 {
			return fault.Inputf("%s: no row has a response by people, whose log-prob limits.real_logp_drop watches; give the rows a solution or remove the key", r.held.path)
		}
	}
	return r.openPreferences()
}

// newObjective is the loss of an iteration. Responses that a verifier let pass are learnt as data are. Preference pairs are learnt by plain
// DPO, whatever the algorithm's own parameters.
func (r *run) newObjective(t int) (objective.Objective, error) {
	algorithm := r.c.Algorithm
	if r.c.Verified() { // play's own is a policy gradient, over tokens
		algorithm = "sft"
	}
	own, err := objective.New(algorithm, r.c.LossType, objectiveParams(r.c, t))
	if err != nil || !r.c.MixesPreferences() {
		return own, err
	}
	preference, err := objective.New("dpo", "sigmoid", objective.Params{Beta: r.c.Preferences.Beta})
	if err != nil {
		return nil, err
	}
	return objective.Mixed(own, preference), nil
}

// objectiveParams are the loss's parameters in an iteration.
func objectiveParams(c *config.Config, t int) objective.Params {
	return objective.Params{Beta: c.Beta.At(t), C: c.C, Alpha: c.Alpha, Tau: c.Tau, Huber: c.Huber, Mu: c.Mu, Gamma: c.Gamma,
		AnchorWeight: c.Anchor, LabelSmoothing: c.LabelSmoothing, DesirableWeight: c.Desirable, UndesirableWeight: c.Undesirable, SFTWeight: c.SFTWeight}
}

// openLineage writes run.json, or refuses to continue a run whose inputs changed.
func (r *run) openLineage() error {
	now, err := r.describe()
	if err != nil {
		return err
	}
	path := r.path("run.json")
	before, exists, err := journal.ReadLineage(r.fs, path)
	if err != nil {
		return err
	}
	if !exists {
		r.lineage = now
		return journal.WriteLineage(r.fs, path, now)
	}
	if changes := changed(r.c, before, now); len(changes) > 0 {
		return fault.Inputf("%s: the run was begun with other inputs: %s; restore them or give another output_dir", path, strings.Join(changes, "; "))
	}
	if before.Binary != now.Binary || before.Build != now.Build {
		r.logf("note: this program is not the build that began the run (%.12s, now %.12s); results may differ in their last bits", before.Binary, now.Binary)
	}
	now.Started, now.Binary, now.Build, now.CPU = before.Started, before.Binary, before.Build, before.CPU
	now.ParentRun = before.ParentRun
	r.lineage = now
	return journal.WriteLineage(r.fs, path, now) // iterations may have grown
}

// changed lists the inputs that are not as they were.
func changed(c *config.Config, before, now journal.Lineage) []string {
	out := c.Changes(before.Config)
	for _, x := range []struct{ name, was, is string }{
		{"the model's content", before.Model.Hash, now.Model.Hash},
		{"the tokenizer", before.Tokenizer, now.Tokenizer},
		{"the chat template", before.Template, now.Template},
		{"the content of data.train", before.Train.Hash, now.Train.Hash},
		{"the content of data.eval", hashOf(before.Eval), hashOf(now.Eval)},
		{"the content of preferences.data", hashOf(before.Preferences), hashOf(now.Preferences)},
		{"the content of preferences.eval", hashOf(before.HeldPairs), hashOf(now.HeldPairs)},
		{"the precision", before.Precision, now.Precision},
	} {
		if x.was != x.is {
			out = append(out, fmt.Sprintf("%s changed (%.12s, now %.12s)", x.name, x.was, x.is))
		}
	}
	return out
}

// hashOf is "" for a file that is not used.
func hashOf(a *journal.Artefact) string {
	if a == nil {
		return ""
	}
	return a.Hash
}

// describe gathers what fixes this run's bits.
func (r *run) describe() (journal.Lineage, error) {
	info := r.lib.Info()
	model, err := r.model.Hash()
	if err != nil {
		return journal.Lineage{}, err
	}
	binary, err := hashFile(fsys.OS, "/proc/self/exe")
	if err != nil {
		return journal.Lineage{}, fmt.Errorf("hash this program: %w", err)
	}
	l := journal.Lineage{
		Config: r.c.Values(), Seed: r.c.Seed,
		Model:     journal.Artefact{Path: r.c.Model, Hash: model},
		Tokenizer: r.model.TokenizerHash(), Template: r.model.TemplateHash(),
		Train:  journal.Artefact{Path: r.train.path, Hash: r.train.fileHash},
		Binary: binary, Kernels: r.lineage.Kernels, ChosenBy: r.lineage.ChosenBy, CPU: info.CPU, Build: info.Build, Precision: r.lineage.Precision,
		Started: time.Now().UTC().Format(time.RFC3339),
	}
	if r.preferences != nil {
		l.Preferences = &journal.Artefact{Path: r.preferences.path, Hash: r.preferences.fileHash}
	}
	if r.heldPairs != nil {
		l.HeldPairs = &journal.Artefact{Path: r.heldPairs.path, Hash: r.heldPairs.fileHash}
	}
	if r.held != nil {
		l.Eval = &journal.Artefact{Path: r.held.path, Hash: r.held.fileHash}
	}
	l.ParentRun, err = r.parent()
	return l, err
}

// parent finds the run whose policy is this run's model: the nearest directory above it with a run.json.
func (r *run) parent() (*journal.Parent, error) {
	dir, err := filepath.Abs(r.c.Model)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	for range 2 {
		dir = filepath.Dir(dir)
		path := filepath.Join(dir, "run.json")
		if _, ok, err := journal.ReadLineage(r.fs, path); err == nil && ok {
			hash, err := hashFile(r.fs, path)
			return &journal.Parent{Path: dir, Hash: hash}, err
		}
	}
	return nil, nil
}

func (r *run) openLogs() (err error) {
	if r.journal, err = journal.Open(r.fs, r.path("journal.jsonl")); err != nil {
		return err
	}
	r.closers = append(r.closers, r.journal)
	if r.metrics, err = metrics.Open(r.fs, r.dir); err != nil {
		return err
	}
	r.closers = append(r.closers, r.metrics)
	return nil
}

var _ io.Closer = (*journal.Journal)(nil)
