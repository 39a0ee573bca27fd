package quickstart

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/trainer/config"
	"spar/trainer/journal"
	"spar/trainer/metrics"
)

// Play is a second small world: a policy that knows short sums sets itself sums and solves them, with an exact checker. Beside the healthy
// play stand three in which one role is broken.

// PlayResult is the table of the plays.
type PlayResult struct {
	Plays []PlayArm `json:"plays"`
}

// PlayArm is one play, with a row for the base and one for each iteration.
type PlayArm struct {
	Name   string    `json:"name"`
	Report string    `json:"report"`
	Rows   []PlayRow `json:"rows"`
}

// PlayRow is a policy with what it then drew. Shares are in [0, 1].
type PlayRow struct {
	Iteration int     `json:"iteration"`
	HeldOut   float64 `json:"held_out"`  // held-out sums solved, by the exact checker
	Level     float64 `json:"level"`     // digits asked for, mean
	Valid     float64 `json:"valid"`     // proposals that are tasks
	PassRate  float64 `json:"pass_rate"` // responses to them that the play's verifier lets pass
	Signal    float64 `json:"signal"`    // groups with both outcomes
}

const (
	playHeldOut = "play-held-out.jsonl"
	playBase    = "play-base.jsonl"
	playLevels  = 3
)

// RunPlay does what is missing of the plays and returns their table.
func RunPlay(ctx context.Context, o Options) (PlayResult, error) {
	o = o.withDefaults()
	if err := WriteModel(fsys.OS, o.path("model"), o.Seed); err != nil {
		return PlayResult{}, err
	}
	if err := o.writePlayData(); err != nil {
		return PlayResult{}, err
	}
	if err := o.train(ctx, arm{"base: SFT on short sums, in both roles", o.playBase()}, nil); err != nil {
		return PlayResult{}, err
	}
	var result PlayResult
	for _, a := range o.plays() {
		if err := o.train(ctx, a, nil); err != nil {
			return PlayResult{}, err
		}
		table, err := readPlay(a.name, a.config.OutputDir)
		if err != nil {
			return PlayResult{}, err
		}
		result.Plays = append(result.Plays, table)
	}
	return result, nil
}

// writePlayData makes the base's rows and the held-out sums, evenly of one, two and three digits.
func (o Options) writePlayData() error {
	if err := fsys.MakeDir(fsys.OS, o.path("data")); err != nil {
		return err
	}
	r := rng.NewStream(o.Seed, 0x706c6179)
	known := []int{1, 1, 1, 1, 2, 2, 2, 3} // what the base has seen, by digits
	var base, held []map[string]string
	for i := range o.PlayRows {
		if i%4 == 0 {
			level := 1 + r.IntN(playLevels)
			base = append(base, map[string]string{"prompt": pose(level), "completion": sumText(operand(level, r), operand(level, r))})
			continue
		}
		level := known[r.IntN(len(known))]
		x, y := operand(level, r), operand(level, r)
		base = append(base, map[string]string{"prompt": sumText(x, y) + " =", "completion": spaced(fmt.Sprint(x + y))})
	}
	for i := range o.PlayHeldOut {
		x, y := operand(1+i%playLevels, r), operand(1+i%playLevels, r)
		held = append(held, map[string]string{"problem": sumText(x, y) + " =", "answer": spaced(fmt.Sprint(x + y))})
	}
	if err := writeLines(fsys.OS, o.path("data", playBase), base); err != nil {
		return err
	}
	return writeLines(fsys.OS, o.path("data", playHeldOut), held)
}

// pose is what the proposer is asked, in words that the model has.
func pose(level int) string { return fmt.Sprintf(" check %d", level) }

func sumText(x, y int) string { return spaced(fmt.Sprintf("%d+%d", x, y)) }

func spaced(s string) string { return " " + strings.Join(strings.Split(s, ""), " ") }

// operand is a positive number of at most that many digits.
func operand(digits int, r *rng.Stream) int {
	limit := 1
	for range digits {
		limit *= 10
	}
	return 1 + r.IntN(limit-1)
}

func (o Options) playBase() *config.Config {
	c := o.common("sft", o.path("model"), playBase, "play-base")
	c.MaxLength, c.BatchSize, c.Epochs = 32, 64, 5
	c.LearningRate, c.WarmupRatio, c.SaveSteps = config.PerIteration{3e-3}, 0.05, 200
	return c
}

// plays are the healthy play and the broken ones.
func (o Options) plays() []arm {
	proposer := o.play("play-proposer")
	proposer.Play.Levels, proposer.Play.Curriculum = 1, "off"
	solver := o.play("play-solver")
	solver.LearningRate = config.PerIteration{1e-2}
	verifier := o.play("play-verifier")
	verifier.Play.Verifier = "majority"
	return []arm{
		{"healthy", o.play("play")},
		{"proposer: one digit only", proposer},
		{"solver: 20 times the rate", solver},
		{"verifier: what most responses say", verifier},
	}
}

func (o Options) play(out string) *config.Config {
	c := o.common("play", o.path("play-base", "policy"), "", out)
	c.Data.Train, c.Data.Eval = "", o.path("data", playHeldOut)
	c.Iterations = o.PlayIterations
	c.Play.Family, c.Play.Proposals, c.Play.Levels = "arithmetic", o.Proposals, playLevels
	c.Play.Pose, c.Play.Spaced, c.Play.Curriculum = " check {level}", true, "steer"
	c.Play.Objective, c.Play.ProposerReward = "rft", "p_one_minus_p"
	c.Verifier.Name = "exact"
	c.MaxLength, c.Sampling.MaxNewTokens, c.Sampling.Samples = 32, 12, 8
	c.BatchSize, c.LearningRate, c.Scheduler, c.DropLast = 256, config.PerIteration{5e-4}, "linear", false
	return c
}

// readPlay reads a play's rows from its metrics.
func readPlay(name, dir string) (PlayArm, error) {
	entries, err := journal.Read(fsys.OS, filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		return PlayArm{}, err
	}
	records, err := metrics.Read(fsys.OS, dir)
	if err != nil {
		return PlayArm{}, err
	}
	a := PlayArm{Name: name, Report: filepath.Join(dir, "report.html")}
	if base, ok := journal.Find(entries, 0, "baseline"); ok {
		a.Rows = append(a.Rows, PlayRow{HeldOut: base.Values["accuracy"]})
	}
	for t := 0; ; t++ {
		e, ok := journal.Find(entries, t, "evaluate")
		if !ok {
			return a, nil
		}
		row := PlayRow{Iteration: t + 1, HeldOut: e.Values["accuracy"]}
		for _, r := range records {
			if valid, has := r.Values["proposer/valid_rate"]; has && r.Iteration == t {
				row.Valid, row.Level = valid, r.Values["proposer/level"]
				row.PassRate, row.Signal = r.Values["verify/pass_rate"], r.Values["groups/signal_fraction"]
			}
		}
		a.Rows = append(a.Rows, row)
	}
}

// Print writes the table.
func (r PlayResult) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "play\titeration\theld-out solved\tdigits asked\tvalid\tpassed\tgroups with signal\t")
	for _, a := range r.Plays {
		for _, row := range a.Rows {
			if row.Iteration == 0 {
				fmt.Fprintf(t, "%s\t0\t%.1f %%\t-\t-\t-\t-\t\n", a.Name, 100*row.HeldOut)
				continue
			}
			fmt.Fprintf(t, "%s\t%d\t%.1f %%\t%.2f\t%.0f %%\t%.0f %%\t%.0f %%\t\n", a.Name, row.Iteration, 100*row.HeldOut, row.Level,
				100*row.Valid, 100*row.PassRate, 100*row.Signal)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprint(w, "\nheld-out solved: fresh sums of one to three digits, by the exact checker. passed: by the play's own verifier. A group is one task's responses;\n"+
		"it teaches only with both outcomes in it.\n")
	for _, a := range r.Plays {
		fmt.Fprintf(w, "report of %s: %s\n", a.Name, a.Report)
	}
	return nil
}
