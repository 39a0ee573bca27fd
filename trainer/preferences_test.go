package trainer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spar/internal/fsys"
	"spar/trainer"
	"spar/trainer/config"
	"spar/trainer/journal"
	"spar/trainer/metrics"
	"spar/trainer/policy"
)

// mixed is a run of two iterations that trains on 16 pairs of its own and 5 of 16 preference pairs in each epoch.
func (b bench) mixed(algorithm, out string) *config.Config {
	c := b.config(algorithm, out)
	c.Preferences = config.Preferences{Data: b.path("pairs.jsonl"), Share: 0.25, Beta: 0.2}
	return c
}

// pairLine is a line of pairs.jsonl.
type pairLine struct {
	Preference  bool
	Key         int
	From        int
	Reference   int
	RefChosen   float64 `json:"ref_chosen"`
	RefRejected float64 `json:"ref_rejected"`
}

func readPairs(t *testing.T, c *config.Config, iteration string) (own, preferred []pairLine) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.OutputDir, iteration, "pairs.jsonl"))
	must(t, err)
	for line := range strings.Lines(string(data)) {
		var p pairLine
		must(t, json.Unmarshal([]byte(line), &p))
		if p.Preference {
			preferred = append(preferred, p)
		} else {
			own = append(own, p)
		}
	}
	return own, preferred
}

// TestPreferences runs each algorithm that mixes: the pairs' kinds and references are as FORMAT.md says, a preference pair has the same
// reference in every iteration, all rows come before one comes again, and an iteration begins at ln 2 on its own pairs alone.
func TestPreferences(t *testing.T) {
	b := newBench(t)
	for _, algorithm := range []string{"spin", "chi2", "space", "tspin"} {
		t.Run(algorithm, func(t *testing.T) {
			c := b.mixed(algorithm, algorithm)
			c.Iterations = 4
			must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
			first := map[int]pairLine{}
			times := map[int]int{}
			for i, iteration := range []string{"iter-000", "iter-001", "iter-002", "iter-003"} {
				own, preferred := readPairs(t, c, iteration)
				if len(own) != 16 || len(preferred) != 5 {
					t.Fatalf("%s: %d own and %d preference pairs, want 16 and 5", iteration, len(own), len(preferred))
				}
				for _, p := range own {
					if want := map[bool]int{true: -1, false: i}[algorithm == "tspin"]; p.Reference != want || p.From != i {
						t.Errorf("%s: own pair %+v, want reference %d", iteration, p, want)
					}
				}
				for _, p := range preferred {
					if before, seen := first[p.Key]; seen && p != before {
						t.Errorf("%s: row %d had %+v and has %+v", iteration, p.Key, before, p)
					}
					first[p.Key] = p
					times[p.Key]++
					if p.Reference != 0 || p.From != -1 || p.RefChosen >= 0 || p.RefRejected >= 0 {
						t.Errorf("%s: preference pair %+v", iteration, p)
					}
				}
			}
			if len(times) != 16 {
				t.Errorf("20 of 16 preference pairs are %d rows: %v", len(times), times)
			}
			checkMixedMetrics(t, c)
		})
	}
}

// checkMixedMetrics: both kinds are logged apart, a step without preference pairs has none of their numbers, and the iteration starts
// on its own pairs at the reference, the preference pairs after the first iteration away from it.
func checkMixedMetrics(t *testing.T, c *config.Config) {
	t.Helper()
	records, err := metrics.Read(fsys.OS, c.OutputDir)
	must(t, err)
	steps := map[int]int{}
	for _, r := range records {
		v := r.Values
		if _, training := v["loss"]; !training {
			continue
		}
		own, preferred := v["self/pairs"], v["preference/pairs"]
		if n := own + preferred; math.Abs(v["loss"]-(own*v["self/loss"]+preferred*v["preference/loss"])/n) > 1e-12*math.Abs(v["loss"])+1e-12 {
			t.Errorf("step %d: loss %v of %v own pairs at %v and %v preference pairs at %v", r.Step, v["loss"], own, v["self/loss"], preferred, v["preference/loss"])
		}
		for _, name := range []string{"rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected", "rewards/chosen", "length/rejected"} {
			if _, ok := v["preference/"+name]; ok != (preferred > 0) {
				t.Errorf("step %d: preference/%s logged: %v, with %v preference pairs", r.Step, name, ok, preferred)
			}
		}
		steps[r.Iteration]++
		if steps[r.Iteration] > 1 {
			continue
		}
		if c.Algorithm == "spin" && (v["self/loss"] != math.Ln2 || v["rewards/margins"] != 0) {
			t.Errorf("iteration %d starts at self/loss %v and margin %v, want exactly ln 2 and 0", r.Iteration, v["self/loss"], v["rewards/margins"])
		}
		if atStart := v["preference/rewards/margins"] == 0; preferred == 0 || atStart != (r.Iteration == 0) {
			t.Errorf("iteration %d starts at the preference margin %v of %v pairs", r.Iteration, v["preference/rewards/margins"], preferred)
		}
	}
}

// TestPreferencesWithGivenReference takes the reference from the rows and scores nothing.
func TestPreferencesWithGivenReference(t *testing.T) {
	b := newBench(t)
	c := b.mixed("spin", "given")
	c.Preferences.Data = b.path("given.jsonl")
	row := `{"prompt_ids":[1,5,6],"chosen_ids":[7,2],"rejected_ids":[8,9,2],"ref_chosen_logps":-3,"ref_rejected_logps":-20}` + "\n"
	must(t, os.WriteFile(c.Preferences.Data, []byte(strings.Repeat(row, 2)), 0o600))
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
	_, preferred := readPairs(t, c, "iter-001")
	for _, p := range preferred {
		if p.Reference != -1 || p.RefChosen != -3 || p.RefRejected != -20 {
			t.Errorf("got %+v", p)
		}
	}
	if _, err := os.Stat(filepath.Join(c.OutputDir, "preferences.shard")); len(preferred) != 5 || err == nil {
		t.Errorf("%d preference pairs; %v", len(preferred), err)
	}
}

// TestHeldPairs: pairs whose chosen response is what the run learns and whose rejected one is another dialect are told apart better and
// better, with the share of 0 too; the numbers are those of the log-probs in the shards, and the first policy has none.
func TestHeldPairs(t *testing.T) {
	b := newBench(t)
	for _, share := range []float64{0, 0.25} {
		c := b.config("spin", fmt.Sprintf("held-%v", share))
		c.Preferences.Eval, c.Preferences.Beta, c.MaxSteps = b.path("pairs.jsonl"), 0.2, 20
		if share > 0 {
			c.Preferences.Data, c.Preferences.Share = b.path("pairs.jsonl"), share
		}
		runTwice(t, c)
		margins, accuracies := seriesOf(t, c, "eval_preference/rewards/margins"), seriesOf(t, c, "eval_preference/rewards/accuracies")
		if len(margins) != 2 || len(accuracies) != 2 || margins[1] <= 0 || accuracies[1] <= 0.5 {
			t.Errorf("share %v: margins %v and accuracies %v, want two of each and above chance in the end", share, margins, accuracies)
		}
		want, right := 0.0, 0.0
		first, now := logpsOf(t, c, "baseline/eval-preferences.shard"), logpsOf(t, c, "iter-001/eval-preferences.shard")
		for _, key := range slices.Sorted(maps.Keys(now)) {
			margin := 0.2 * (now[key][0] - first[key][0] - now[key][1] + first[key][1])
			want += margin / float64(len(now))
			if margin > 0 {
				right += 1 / float64(len(now))
			}
		}
		if len(now) != 16 || math.Abs(margins[1]-want) > 1e-12 || math.Abs(accuracies[1]-right) > 1e-12 {
			t.Errorf("share %v: margin %v and accuracy %v of %d pairs, want %v and %v of 16", share, margins[1], accuracies[1], len(now), want, right)
		}
	}
}

// logpsOf are the sums of a shard's log-probs, by row and sample.
func logpsOf(t *testing.T, c *config.Config, name string) map[int]map[int]float64 {
	t.Helper()
	out := map[int]map[int]float64{}
	for _, rec := range recordsOf(t, c, name) {
		if out[rec.Group] == nil {
			out[rec.Group] = map[int]float64{}
		}
		out[rec.Group][rec.Sample] = policy.Sum(rec.Logp)
	}
	return out
}

// TestPlanCountsPreferences: the memory of a mixed run covers a micro-batch of preference pairs, also when few rows are used many times.
func TestPlanCountsPreferences(t *testing.T) {
	b := newBench(t)
	c := b.mixed("spin", "planned")
	c.Preferences.Data, c.Preferences.Share = b.path("long.jsonl"), 0.75
	long := strings.TrimSuffix(strings.Repeat("7,", 50), ",")
	must(t, os.WriteFile(c.Preferences.Data, []byte(`{"prompt_ids":[1,5],"chosen_ids":[`+long+`],"rejected_ids":[`+long+`]}`+"\n"), 0o600))
	q, err := trainer.Plan(c, trainer.RunOptions{})
	must(t, err)
	if want := c.BatchSize * 100; q.Workload.Train.Targets < want || q.Workload.Score.Targets < 100 {
		t.Errorf("planned for %+v, a micro-batch of preference pairs has %d targets", q.Workload, want)
	}
	must(t, trainer.Run(context.Background(), c, trainer.RunOptions{}))
}

// TestStepsWithPreferences lays mixed steps open against the closed form: at the reference every loss is ln 2 and a coefficient is its
// own objective's beta over twice the number of pairs; one step later, on the same pairs, losses and coefficients follow from
// the reported log-probs.
func TestStepsWithPreferences(t *testing.T) {
	b := newBench(t)
	c := b.mixed("spin", "steps")
	c.Iterations, c.Data.Train, c.Data.Eval = 1, b.path("pairs.jsonl"), ""
	c.BatchSize, c.AccumulationSteps, c.MaxSteps, c.WarmupRatio, c.MaxGradNorm, c.Shuffle = 32, 1, 2, 0, 0, false
	c.Beta, c.Preferences.Share, c.Preferences.Beta = config.PerIteration{0.5}, 0.5, 0.2
	got := steps(t, c, 2)
	first, second := got[0], got[1]
	if first.Loss != math.Ln2 || len(first.Preference) != 32 || len(first.Coef) != 64 {
		t.Fatalf("first step: loss %v of %d pairs, %d coefficients", first.Loss, len(first.Preference), len(first.Coef))
	}
	loss := 0.0
	for i, preference := range first.Preference {
		if preference != (i%2 == 1) || first.Rows[i] != i/2+1 {
			t.Fatalf("pair %d is row %d, preference %v: a half must come in turns", i, first.Rows[i], preference)
		}
		beta := map[bool]float64{false: 0.5, true: 0.2}[preference]
		z := beta * ((second.Logp[2*i] - first.Logp[2*i]) - (second.Logp[2*i+1] - first.Logp[2*i+1]))
		loss += math.Log1p(math.Exp(-z)) / 32
		for _, x := range []struct{ got, want float64 }{
			{first.Coef[2*i], -beta / 64}, {first.Coef[2*i+1], beta / 64},
			{second.Coef[2*i], -beta / 32 / (1 + math.Exp(z))}, {second.Coef[2*i+1], beta / 32 / (1 + math.Exp(z))},
		} {
			if math.Abs(x.got-x.want) > 1e-15 {
				t.Errorf("pair %d: coefficient %v, want %v", i, x.got, x.want)
			}
		}
	}
	if math.Abs(second.Loss-loss) > 1e-12 || second.Loss >= math.Ln2 {
		t.Errorf("second loss %v, want %v below ln 2", second.Loss, loss)
	}
}

// TestPreferencesRefused lists what a mixed run must not begin with.
func TestPreferencesRefused(t *testing.T) {
	b := newBench(t)
	begun := b.mixed("spin", "begun")
	must(t, trainer.Run(context.Background(), begun, trainer.RunOptions{}))
	write := func(name, text string) string {
		must(t, os.WriteFile(b.path(name), []byte(text), 0o600))
		return b.path(name)
	}
	for _, x := range []struct {
		name   string
		change func(c *config.Config)
		want   []string
	}{
		{"no rejected", func(c *config.Config) { c.Preferences.Data = b.path("train.jsonl") }, []string{"train.jsonl:1", "needs a chosen and a rejected response"}},
		{"absent", func(c *config.Config) { c.Preferences.Data = b.path("absent.jsonl") }, []string{"absent.jsonl"}},
		{"empty", func(c *config.Config) { c.Preferences.Data = write("empty.jsonl", "") }, []string{"empty.jsonl", "no rows"}},
		{"share 0", func(c *config.Config) { c.Preferences.Share = 0 }, []string{"preferences.share: 0 takes no pair of"}},
		{"no data", func(c *config.Config) { c.Preferences.Data = "" }, []string{"there is no preferences.data"}},
		{"held out alone", func(c *config.Config) { c.Preferences.Eval, c.Data.Eval = b.path("pairs.jsonl"), "" }, []string{"preferences.eval", "data.eval is empty"}},
		{"held out without pairs", func(c *config.Config) { c.Preferences.Eval = b.path("held.jsonl") }, []string{"held.jsonl:1", "needs a chosen and a rejected response"}},
		{"too small a share", func(c *config.Config) { c.Preferences.Share = 0.01 }, []string{"0.01 beside 16 pairs of self-play is less than half a pair"}},
		{"sft", func(c *config.Config) { c.Algorithm, c.Iterations = "sft", 1 }, []string{"sft makes no pairs of its own"}},
		{"another share", func(c *config.Config) { c.OutputDir, c.Preferences.Share = begun.OutputDir, 0.5 }, []string{"preferences.share was 0.25 and is 0.5"}},
		{"other rows", func(c *config.Config) {
			data, err := os.ReadFile(b.path("pairs.jsonl"))
			must(t, err)
			must(t, os.WriteFile(b.path("pairs.jsonl"), data[:strings.IndexByte(string(data), '\n')+1], 0o600))
			c.OutputDir = begun.OutputDir
		}, []string{"the content of preferences.data changed"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := b.mixed("spin", "refused-"+strings.ReplaceAll(x.name, " ", "-"))
			x.change(c)
			err := trainer.Run(context.Background(), c, trainer.RunOptions{})
			if trainer.ExitCode(err) != 3 {
				t.Fatalf("got %v (exit code %d), want class Input", err, trainer.ExitCode(err))
			}
			for _, part := range x.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error %q lacks %q", err, part)
				}
			}
		})
	}
}

// TestSpinThenDPO chains two runs: the second begins with the first's policy and says so in its run.json.
func TestSpinThenDPO(t *testing.T) {
	b := newBench(t)
	spin := b.config("spin", "first")
	must(t, trainer.Run(context.Background(), spin, trainer.RunOptions{}))
	dpo := b.config("dpo", "second")
	dpo.Model = filepath.Join(spin.OutputDir, "policy")
	must(t, trainer.Run(context.Background(), dpo, trainer.RunOptions{}))
	l, ok, err := journal.ReadLineage(fsys.OS, filepath.Join(dpo.OutputDir, "run.json"))
	must(t, err)
	if !ok || l.ParentRun == nil || l.ParentRun.Path != spin.OutputDir {
		t.Errorf("parent run %+v, want %s", l.ParentRun, spin.OutputDir)
	}
}
