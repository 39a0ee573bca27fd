package diagnose

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spar/trainer/config"
	"spar/trainer/metrics"
)

// history is a run's numbers: each list is one value an iteration from 0, or from -1 for names with the prefix eval_.
type history map[string][]float64

func (h history) records(algorithm, precision string) Records {
	byIteration := map[int]map[string]float64{}
	for name, list := range h {
		first := 0
		if strings.HasPrefix(name, "eval_") {
			first = -1
		}
		for i, v := range list {
			if byIteration[first+i] == nil {
				byIteration[first+i] = map[string]float64{}
			}
			byIteration[first+i][name] = v
		}
	}
	r := Records{Config: map[string]string{"algorithm": algorithm}, Precision: precision}
	for _, t := range slices.Sorted(maps.Keys(byIteration)) {
		r.Metrics = append(r.Metrics, metrics.Record{Iteration: t, Step: int64(20 * max(0, t)), Values: byIteration[t]})
	}
	return r
}

func (h history) with(other history) history {
	out := maps.Clone(h)
	maps.Copy(out, other)
	return out
}

// The numbers of healthy runs: of SPIN on quickstart's language, of verified self-training, and of a loop of proposer and solver.
var (
	healthySpin = history{
		"eval_loss": {0.353, 0.311, 0.286}, "eval_loss_first": {1.75, 1.66, 1.58}, "eval_loss_last": {1.14, 0.85, 0.54},
		"eval_logps/generated": {-6.1, -6.5, -6.7}, "eval_length/generated": {24.8, 24.7, 24.6},
		"sample/distinct_2": {0.049, 0.049}, "sample/entropy": {0.260, 0.286}, "sample/surprise": {0.250, 0.276}, "sample/truncated_rate": {0, 0},
		"data/duplicate_rate": {0, 0}, "pair/length_auc": {0.752, 0.717}, "pair/ending_auc": {0.5, 0.5}, "update/start_gap": {0, 0},
		"update/moved_share": {0.999, 0.999}, "update/visible_share": {0.896, 0.927}, "logps/chosen": {-7.5, -6.7}, "length/chosen": {23.6, 23.6},
	}
	healthyRestEM = history{
		"eval_accuracy": {0.21, 0.34, 0.41, 0.44}, "eval_loss": {1.1, 1.3, 1.6, 1.7}, "eval_loss_first": {1.9, 1.9, 2, 2}, "eval_loss_last": {0.4, 0.3, 0.3, 0.3},
		"verify/pass_rate": {0.24, 0.36, 0.43}, "verify/timeout_rate": {0, 0, 0}, "verify/crash_rate": {0.01, 0, 0}, "select/duplicate_rate": {0.2, 0.25, 0.3},
		"groups/edge_mass": {0.55, 0.5, 0.52}, "groups/signal_fraction": {0.45, 0.5, 0.48}, "groups/expected_signal": {0.12, 0.14, 0.13},
		"sample/truncated_rate": {0.02, 0.01, 0.01}, "sample/distinct_2": {0.32, 0.29, 0.27}, "sample/entropy": {0.9, 0.8, 0.7},
		"pass_at_1": {0.24, 0.36, 0.43}, "pass_at_k": {0.61, 0.66, 0.68}, "audit/youden_j": {0.97, 0.98, 0.97}, "data/duplicate_rate": {0, 0, 0},
		"update/visible_share": {0.4, 0.4, 0.4}, "logps/chosen": {-30, -24, -20}, "length/chosen": {40, 38, 36},
	}
	healthyPlay = history{
		"eval_accuracy": {0.1, 0.15, 0.22, 0.3, 0.33}, "proposer/valid_rate": {0.7, 0.8, 0.85, 0.86}, "proposer/trivial_rate": {0.06, 0.05, 0.03, 0.04},
		"proposer/duplicate_rate": {0.05, 0.08, 0.1, 0.12}, "proposer/solve_rate": {0.45, 0.5, 0.48, 0.52}, "verify/pass_rate": {0.45, 0.5, 0.48, 0.52},
		"groups/edge_mass": {0.4, 0.35, 0.38, 0.36}, "groups/signal_fraction": {0.6, 0.65, 0.62, 0.64}, "groups/expected_signal": {0.15, 0.16, 0.15, 0.16},
		"sample/truncated_rate": {0.01, 0, 0, 0}, "sample/entropy": {1.2, 1.1, 1, 0.95}, "sample/distinct_2": {0.4, 0.38, 0.37, 0.37},
		"audit/youden_j": {0.98, 0.97, 0.98, 0.98}, "majority/agreement": {0.6, 0.63, 0.66, 0.7}, "majority/audited_accuracy": {0.7, 0.72, 0.71, 0.74},
		"update/start_gap": {0, 0, 0, 0}, "update/visible_share": {0.3, 0.3, 0.3, 0.3}, "info/holds": {1, 0, 1, 1},
		"pass_at_1": {0.45, 0.5, 0.48, 0.52}, "pass_at_k": {0.8, 0.83, 0.82, 0.85},
	}
)

// TestTwelve is the issue of twelve bad runs and three healthy ones, by their records.
func TestTwelve(t *testing.T) {
	for _, x := range []struct {
		name      string
		records   Records
		want      Part
		alarm     string
		iteration int
	}{
		{"healthy spin", healthySpin.records("spin", "fp32"), None, "", 0},
		{"healthy rest_em", healthyRestEM.records("rest_em", "bf16"), None, "", 0},
		{"healthy play", healthyPlay.records("play", "bf16"), None, "", 0},
		{"identity tasks", healthyPlay.with(history{
			"proposer/trivial_rate": {0.06, 0.2, 0.5, 0.8}, "proposer/solve_rate": {0.45, 0.7, 0.9, 0.97}, "verify/pass_rate": {0.45, 0.7, 0.9, 0.97},
			"groups/edge_mass": {0.4, 0.6, 0.85, 0.95}, "groups/signal_fraction": {0.6, 0.4, 0.15, 0.05}, "groups/expected_signal": {0.15, 0.1, 0.05, 0.02},
		}).records("play", "bf16"), Proposer, "tasks_trivial", 1},
		{"too hard tasks", healthyPlay.with(history{
			"proposer/solve_rate": {0.3, 0.08, 0.04, 0.02}, "verify/pass_rate": {0.3, 0.08, 0.04, 0.02},
			"groups/edge_mass": {0.5, 0.8, 0.9, 0.95}, "groups/signal_fraction": {0.5, 0.2, 0.1, 0.05}, "groups/expected_signal": {0.12, 0.05, 0.03, 0.01},
		}).records("play", "bf16"), Proposer, "tasks_too_hard", 1},
		{"saturated solver", healthyPlay.with(history{
			"proposer/solve_rate": {0.7, 0.92, 0.95, 0.96}, "verify/pass_rate": {0.7, 0.92, 0.95, 0.96},
			"groups/edge_mass": {0.5, 0.75, 0.85, 0.9}, "groups/signal_fraction": {0.5, 0.25, 0.15, 0.1}, "groups/expected_signal": {0.1, 0.06, 0.05, 0.045},
		}).records("play", "bf16"), Solver, "solver_saturated", 1},
		{"saturated solver on fixed tasks", healthyRestEM.with(history{
			"verify/pass_rate": {0.85, 0.94, 0.97}, "groups/edge_mass": {0.55, 0.8, 0.9}, "groups/signal_fraction": {0.45, 0.2, 0.1},
		}).records("rest_em", "bf16"), Solver, "solver_saturated", 1},
		{"verifier of J 0.2", healthyPlay.with(history{"audit/youden_j": {0.21, 0.18, 0.22, 0.2}, "verify/pass_rate": {0.5, 0.5, 0.51, 0.5}}).records("play", "bf16"), Verifier, "verifier_noisy", 0},
		{"verifier of J -0.2", healthyPlay.with(history{"audit/youden_j": {-0.19, -0.22, -0.2, -0.2}, "eval_accuracy": {0.3, 0.2, 0.12, 0.1, 0.05}}).records("play", "bf16"), Verifier, "verifier_inverted", 0},
		{"majority collapse", healthyPlay.with(history{
			"majority/agreement": {0.6, 0.75, 0.9, 0.98}, "majority/audited_accuracy": {0.72, 0.63, 0.5, 0.42}, "proposer/solve_rate": {0.6, 0.75, 0.92, 0.98},
			"verify/pass_rate": {0.6, 0.75, 0.92, 0.98}, "groups/edge_mass": {0.4, 0.5, 0.8, 0.95}, "groups/signal_fraction": {0.6, 0.5, 0.2, 0.05}, "sample/entropy": {1.2, 0.8, 0.4, 0.2},
		}).records("play", "bf16"), Verifier, "majority_collapse", 2},
		{"greedy negatives", healthySpin.with(history{"sample/surprise": {0.148, 0.188}, "sample/entropy": {0.250, 0.280}, "pair/length_auc": {0.941, 0.934}}).records("spin", "fp32"), Data, "greedy_negatives", 0},
		{"truncated negatives", healthySpin.with(history{"sample/truncated_rate": {0.996, 0.996}, "pair/ending_auc": {0.998, 0.998}, "pair/length_auc": {1, 1}, "eval_truncated": {1, 1, 1}}).records("spin", "fp32"), Truncation, "truncated_samples", 0},
		{"wrong template", healthySpin.with(history{
			"eval_loss": {4.17, 2.81, 1.77}, "eval_loss_first": {9.22, 7.44, 8.56}, "eval_loss_last": {9.57, 9.31, 8.76}, "pair/ending_auc": {1, 1}, "pair/length_auc": {1, 0.996},
		}).records("spin", "fp32"), Template, "turn_end_unexpected", -1},
		{"rate too small for bf16", healthySpin.with(history{"eval_loss": {0.353, 0.353, 0.353}, "update/visible_share": {0.0009, 0.0016}}).records("spin", "bf16"), Numerics, "update_invisible", 0},
		{"rate too high", healthySpin.with(history{
			"eval_loss": {0.353, 5.55, 5.35}, "sample/truncated_rate": {0, 0.8}, "pair/ending_auc": {0.5, 0.9}, "sample/entropy": {0.26, 2.1}, "sample/surprise": {0.25, 2.14},
		}).records("spin", "fp32"), Numerics, "real_text_forgotten", 0},
		{"stale reference", healthySpin.with(history{"update/start_gap": {0.012}}).records("dpo", "fp32"), Data, "stale_reference", 0},
		{"stale reference of tokens", healthyPlay.with(history{"update/start_gap": {0, 0.01, 0.02, 0.05}}).records("play", "bf16"), Data, "stale_reference", 1},
		{"duplicated data", healthySpin.with(history{"data/duplicate_rate": {0.875, 0.875}}).records("spin", "fp32"), Data, "duplicated_data", 0},
	} {
		d := Of(x.records)
		if d.Bottleneck != x.want {
			t.Errorf("%s: %s, want %s: %+v", x.name, d.Bottleneck, x.want, d.Alarms)
			continue
		}
		if x.alarm == "" && len(d.Alarms) == 0 {
			continue
		}
		if len(d.Alarms) == 0 || d.Alarms[0].Name != x.alarm || d.Alarms[0].Iteration != x.iteration {
			t.Errorf("%s: want %s in iteration %d first, got %+v", x.name, x.alarm, x.iteration, d.Alarms)
		}
		if again := Of(x.records); !reflect.DeepEqual(d, again) {
			t.Errorf("%s: the same records give two diagnoses", x.name)
		}
	}
}

// raising has, for every rule, numbers just past its limit, and numbers just short of it.
var raising = map[string]struct {
	algorithm   string
	past, short history
}{
	"turn_end_unexpected": {"sft", history{"eval_loss": {1}, "eval_loss_last": {4.1}}, history{"eval_loss": {1}, "eval_loss_last": {3.9}}},
	"text_foreign_to_the_model": {"sft", history{"eval_loss": {3.6}, "eval_logps/generated": {-10}, "eval_length/generated": {10}},
		history{"eval_loss": {3.4}, "eval_logps/generated": {-10}, "eval_length/generated": {10}}},
	"duplicated_data":   {"sft", history{"data/duplicate_rate": {0.11}}, history{"data/duplicate_rate": {0.1}}},
	"stale_reference":   {"dpo", history{"update/start_gap": {0.0011}}, history{"update/start_gap": {0.0009}}},
	"greedy_negatives":  {"spin", history{"sample/surprise": {0.79}, "sample/entropy": {1}}, history{"sample/surprise": {0.81}, "sample/entropy": {1}}},
	"truncated_samples": {"spin", history{"sample/truncated_rate": {0.06}}, history{"sample/truncated_rate": {0.05}}},
	"ending_shortcut":   {"spin", history{"pair/ending_auc": {0.81}}, history{"pair/ending_auc": {0.79}}},
	"verifier_inverted": {"play", history{"audit/youden_j": {-0.01}}, history{"audit/youden_j": {0}}},
	"verifier_noisy":    {"play", history{"audit/youden_j": {0.49}}, history{"audit/youden_j": {0.5}}},
	"majority_collapse": {"play", history{"majority/agreement": {0.9}, "majority/audited_accuracy": {0.55}},
		history{"majority/agreement": {0.9}, "majority/audited_accuracy": {0.65}}},
	"verifier_breaks":    {"star", history{"verify/timeout_rate": {0.06}, "verify/crash_rate": {0.05}}, history{"verify/timeout_rate": {0.06}}},
	"tasks_malformed":    {"play", history{"proposer/valid_rate": {0.49}}, history{"proposer/valid_rate": {0.2}, "proposer/trivial_rate": {0.08}, "proposer/duplicate_rate": {0.25}}},
	"tasks_trivial":      {"play", history{"proposer/trivial_rate": {0.11}}, history{"proposer/trivial_rate": {0.09}}},
	"tasks_repeated":     {"play", history{"proposer/duplicate_rate": {0.31}}, history{"proposer/duplicate_rate": {0.29}}},
	"tasks_too_hard":     {"play", history{"proposer/solve_rate": {0.09}}, history{"proposer/solve_rate": {0.11}}},
	"tasks_grow_trivial": {"play", history{"groups/expected_signal": {0.2, 0.09, 0.08}, "proposer/solve_rate": {0.5, 0.7, 0.8}}, history{"groups/expected_signal": {0.2, 0.09, 0.08}, "proposer/solve_rate": {0.5, 0.55, 0.4}}},
	"tasks_unsolvable":   {"star", history{"verify/pass_rate": {0.01}}, history{"verify/pass_rate": {0.03}}},
	"solver_saturated":   {"star", history{"verify/pass_rate": {0.91}, "groups/edge_mass": {0.61}}, history{"verify/pass_rate": {0.91}, "groups/edge_mass": {0.59}}},
	"no_group_signal":    {"play", history{"groups/signal_fraction": {0.29}}, history{"groups/signal_fraction": {0.31}}},
	"entropy_collapsed":  {"play", history{"sample/entropy": {1, 0.49, 0.4}}, history{"sample/entropy": {1, 0.49, 0.51}}},
	"diversity_lost":     {"play", history{"sample/distinct_2": {1, 0.59, 0.5}}, history{"sample/distinct_2": {1, 0.8, 0.59}}},
	"sharpening_only": {"star", history{"pass_at_1": {0.2, 0.3, 0.4}, "pass_at_k": {0.8, 0.74, 0.7}},
		history{"pass_at_1": {0.2, 0.3, 0.4}, "pass_at_k": {0.8, 0.74, 0.79}}},
	"information_flat":    {"play", history{"info/holds": {1, 0, 0}}, history{"info/holds": {0, 1, 0}}},
	"length_shortcut":     {"spin", history{"pair/length_auc": {0.96}}, history{"pair/length_auc": {0.94}}},
	"real_text_forgotten": {"spin", history{"eval_loss": {1, 1.31}}, history{"eval_loss": {1, 1.29}}},
	"accuracy_lost":       {"star", history{"eval_accuracy": {0.4, 0.19}}, history{"eval_accuracy": {0.4, 0.21}}},
	"update_invisible":    {"spin", history{"update/visible_share": {0.009}}, history{"update/visible_share": {0.011}}},
}

func alarms(d Diagnosis) (names []string) {
	for _, a := range d.Alarms {
		names = append(names, a.Name)
	}
	return names
}

func TestEveryRuleAtItsLimit(t *testing.T) {
	for _, r := range rules {
		x, ok := raising[r.name]
		if !ok {
			t.Errorf("rule %s has no case", r.name)
			continue
		}
		past, short := Of(x.past.records(x.algorithm, "bf16")), Of(x.short.records(x.algorithm, "bf16"))
		if !slices.Equal(alarms(past), []string{r.name}) || past.Bottleneck != r.blames {
			t.Errorf("%s: past the limit: %s by %v, want %s", r.name, past.Bottleneck, alarms(past), r.blames)
		}
		if slices.Contains(alarms(short), r.name) {
			t.Errorf("%s: raised short of the limit: %+v", r.name, short.Alarms)
		}
	}
	if len(raising) != len(rules) {
		t.Errorf("%d cases for %d rules", len(raising), len(rules))
	}
}

func TestHealed(t *testing.T) {
	d := Of(history{"proposer/valid_rate": {0.2, 0.4, 0.8}}.records("play", "fp32"))
	if len(d.Alarms) != 0 {
		t.Errorf("what has healed is an alarm: %+v", d.Alarms)
	}
	d = Of(history{"proposer/valid_rate": {0.4, 0.8, 0.3, 0.2}}.records("play", "fp32"))
	if len(d.Alarms) != 1 || d.Alarms[0].Iteration != 2 || d.Alarms[0].Value != 0.7 {
		t.Errorf("want the stretch that lasts, from iteration 2 at 0.7: %+v", d.Alarms)
	}
}

// TestPrecedence: faults upstream explain those after them, except that a broken update comes before what it spoiled later.
func TestPrecedence(t *testing.T) {
	wrong := history{"eval_loss": {4, 5}, "eval_loss_last": {9, 9}, "sample/truncated_rate": {0, 0.9}, "audit/youden_j": {0.1, 0.1}}
	if d := Of(wrong.records("spin", "fp32")); d.Bottleneck != Template {
		t.Errorf("everything at once: %s, want the template: %v", d.Bottleneck, alarms(d))
	}
	broken := history{"eval_loss": {1, 5, 5}, "sample/truncated_rate": {0, 0.9, 0.9}}
	if d := Of(broken.records("spin", "fp32")); d.Bottleneck != Numerics || d.Alarms[0].Name != "real_text_forgotten" {
		t.Errorf("a broken update and what follows: %s by %v", d.Bottleneck, alarms(d))
	}
	first := history{"eval_loss": {1, 5, 5}, "sample/truncated_rate": {0.9, 0.9, 0.9}}
	if d := Of(first.records("spin", "fp32")); d.Bottleneck != Truncation {
		t.Errorf("truncation before the update: %s by %v", d.Bottleneck, alarms(d))
	}
}

func TestEmptyRun(t *testing.T) {
	if d := Of(Records{}); d.Bottleneck != None || d.Alarms == nil || len(d.Alarms) != 0 {
		t.Errorf("%+v", d)
	}
	zero := history{"sample/surprise": {0}, "sample/entropy": {0}, "eval_logps/generated": {0}, "eval_length/generated": {0}, "eval_loss": {0}, "eval_accuracy": {0, 0}}
	if d := Of(zero.records("spin", "bf16")); d.Bottleneck != None {
		t.Errorf("zeros are an alarm: %+v", d.Alarms)
	}
}

// TestRulesAreDocumented: each rule stands in docs/diagnose.md with its limit, and its setting is a key of the config.
func TestRulesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/diagnose.md")
	if err != nil {
		t.Fatal(err)
	}
	keys := config.Default("m", "sft", "t").Values()
	for _, r := range rules {
		line := ""
		for l := range strings.Lines(string(page)) {
			if strings.HasPrefix(l, "| `"+r.name+"` |") {
				line = l
			}
		}
		if line == "" || !strings.Contains(line, "| "+string(r.blames)+" |") || !strings.Contains(line, "| "+r.limitText()+" |") {
			t.Errorf("docs/diagnose.md has no line for %s with %s and %q: %s", r.name, r.blames, r.limitText(), line)
		}
		if _, known := keys[r.setting]; r.setting != "" && !known {
			t.Errorf("%s: %s is no key of the config", r.name, r.setting)
		}
		if len(r.advice) < 40 || r.signal == "" {
			t.Errorf("%s: advice %q, signal %q", r.name, r.advice, r.signal)
		}
	}
}
