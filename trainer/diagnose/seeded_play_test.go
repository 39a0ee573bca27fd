package diagnose_test

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"
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
	same    bool    // wrong answers are all the same
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
		c += 21
		if !s.same {
			c += r.IntN(9)
		}
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

// audited has every verdict judged again by the value.
func audited(c *config.Config) { c.Verifier.Audit, c.Verifier.AuditShare = "numeric", 1 }

// noisy judges by this binary, which passes and fails the given shares of wrong and right responses falsely.
func noisy(falsePositive, falseNegative string) func(*config.Config) {
	return func(c *config.Config) {
		audited(c)
		c.Play.Verifier, c.Verifier.Command = "command", []string{os.Args[0], "noisy-verifier", falsePositive, falseNegative}
		c.Play.Proposals = 16
	}
}

// TestMain lets the test binary be the noisy verifier.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "noisy-verifier" {
		if err := judgeNoisily(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// judgeNoisily is a verifier of verify's command: a JSON object in, one out. What it gets wrong depends on the item alone.
func judgeNoisily(falsePositive, falseNegative string) error {
	var it struct{ Problem, Response, Answer string }
	if err := json.NewDecoder(os.Stdin).Decode(&it); err != nil {
		return err
	}
	right := strings.TrimSpace(it.Response) == it.Answer
	flip := falsePositive
	if right {
		flip = falseNegative
	}
	rate, err := strconv.ParseFloat(flip, 64)
	if err != nil {
		return err
	}
	if draw := crc32.ChecksumIEEE([]byte(it.Problem + "|" + it.Response)); float64(draw)/(1<<32) < rate {
		right = !right
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]string{"verdict": map[bool]string{true: "pass", false: "fail"}[right]})
}

// TestSeededPlay plays with a proposer, a solver or a verifier that is bad; the diagnosis names which.
func TestSeededPlay(t *testing.T) {
	lib, err := native.Open(native.Options{})
	must(t, err)
	dir := t.TempDir()
	for _, x := range []struct {
		name   string
		school school
		change func(*config.Config)
		want   diagnose.Part
		alarm  string
	}{
		{"healthy", school{largest: 9, right: 0.5}, audited, diagnose.None, ""},
		{"identity tasks", school{largest: 9, trivial: 0.6, right: 0.5}, audited, diagnose.Proposer, "tasks_trivial"},
		{"too hard tasks", school{largest: 9, right: 0}, audited, diagnose.Proposer, "tasks_too_hard"},
		{"saturated solver", school{largest: 9, right: 1}, audited, diagnose.Solver, "solver_saturated"},
		{"verifier of J 0.2", school{largest: 9, right: 0.5}, noisy("0.4", "0.4"), diagnose.Verifier, "verifier_noisy"},
		{"verifier of J -0.2", school{largest: 9, right: 0.5}, noisy("0.6", "0.6"), diagnose.Verifier, "verifier_inverted"},
		{"majority collapse", school{largest: 9, right: 0.2, same: true}, func(c *config.Config) {
			audited(c)
			c.Play.Verifier = "majority"
		}, diagnose.Verifier, "majority_collapse"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := seeded{t, dir, lib}
			c := s.play(s.teach("taught "+x.name, x.school), x.name)
			x.change(c)
			d := s.run(c)
			named := x.alarm == "" && len(d.Alarms) == 0
			for _, a := range d.Alarms {
				named = named || a.Name == x.alarm
			}
			if d.Bottleneck != x.want || !named {
				t.Errorf("diagnosed %s, want %s by %q: %+v", d.Bottleneck, x.want, x.alarm, d.Alarms)
			}
		})
	}
}
