package diagnose_test

import (
	"fmt"
	"testing"

	"spar/internal/fsys"
	"spar/internal/rng"
	"spar/native"
	"spar/trainer"
	"spar/trainer/config"
	"spar/trainer/diagnose"
	"spar/trainer/quickstart"
)

// school is what a tiny model is taught before it plays: to set sums, and to answer them.
type school struct {
	largest int     // operand
	trivial float64 // share of set sums with a zero in them
	right   float64 // share of answers that are right
}

func (s school) sum(r *rng.Stream) (a, b int) { return 1 + r.IntN(s.largest), 1 + r.IntN(s.largest) }

// lesson is a row of each kind.
func (s school) lesson(r *rng.Stream) (set, answer row) {
	a, b := s.sum(r)
	if r.Float64() < s.trivial {
		a = 0
	}
	set = row{"prompt": " check 1", "completion": fmt.Sprintf(" %d + %d", a, b)}
	a, b = s.sum(r)
	c := a + b
	if r.Float64() >= s.right {
		c += 21 + r.IntN(9) // with another last digit too
	}
	answer = row{"prompt": fmt.Sprintf(" %d + %d =", a, b), "completion": spaced(c)}
	return set, answer
}

func spaced(n int) string {
	out := ""
	for _, d := range fmt.Sprint(n) {
		out += " " + string(d)
	}
	return out
}

// teach makes a model and returns its directory.
func (s seeded) teach(name string, lessons school) string {
	r := rng.NewStream(3)
	var rows []row
	for range 6000 {
		set, answer := lessons.lesson(r)
		rows = append(rows, set, answer)
	}
	s.write(name+".jsonl", rows)
	must(s.t, quickstart.WriteModel(fsys.OS, s.path("blank"), 1))
	c := config.Default(s.path("blank"), "sft", s.path(name+".jsonl"))
	c.OutputDir, c.MaxLength, c.Precision, c.SaveSteps = s.path(name), 32, "fp32", 0
	c.BatchSize, c.MaxSteps, c.LearningRate = 64, 500, config.PerIteration{3e-3}
	must(s.t, trainer.Run(s.t.Context(), c, trainer.RunOptions{Library: s.lib}))
	return s.path(name, "policy")
}

func (s seeded) play(model, out string) *config.Config {
	c := config.Default(model, "play", "")
	c.Iterations = 3
	c.Play.Family, c.Play.Proposals, c.Play.Spaced, c.Play.Levels, c.Play.Pose = "arithmetic", 32, true, 1, " check {level}"
	c.Sampling.Samples, c.Sampling.MaxNewTokens, c.MaxLength = 8, 12, 32
	c.BatchSize, c.MaxSteps, c.LearningRate = 32, 4, config.PerIteration{3e-5}
	c.OutputDir, c.Precision, c.SaveSteps = s.path(out), "fp32", 0
	return c
}

// TestSeededPlay plays with a proposer or a solver that was taught badly; the diagnosis names which.
func TestSeededPlay(t *testing.T) {
	lib, err := native.Open(native.Options{})
	must(t, err)
	dir := t.TempDir()
	for _, x := range []struct {
		name   string
		school school
		want   diagnose.Part
		alarm  string
	}{
		{"healthy", school{largest: 9, right: 0.5}, diagnose.None, ""},
		{"identity tasks", school{largest: 9, trivial: 0.6, right: 0.5}, diagnose.Proposer, "tasks_trivial"},
		{"too hard tasks", school{largest: 9, right: 0}, diagnose.Proposer, "tasks_too_hard"},
		{"saturated solver", school{largest: 9, right: 1}, diagnose.Solver, "solver_saturated"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := seeded{t, dir, lib}
			d := s.run(s.play(s.teach("taught "+x.name, x.school), x.name))
			first := ""
			if len(d.Alarms) > 0 {
				first = d.Alarms[0].Name
			}
			if d.Bottleneck != x.want || first != x.alarm {
				t.Errorf("diagnosed %s by %q, want %s by %q: %+v", d.Bottleneck, first, x.want, x.alarm, d.Alarms)
			}
		})
	}
}
