package report

import (
	"html/template"
	"slices"
	"strings"

	"spar/trainer/metrics"
)

// chartSpec is one picture: the metrics that share it.
type chartSpec struct {
	title  string
	unit   string
	series []seriesSpec
}

type seriesSpec struct{ metric, label string }

// pictures are drawn in this order; one whose metrics do not occur is left out.
var pictures = []chartSpec{
	{"Loss", "", []seriesSpec{{"loss", "training"}, {"self/loss", "own pairs"}, {"preference/loss", "preference pairs"}, {"proposer/loss", "proposer"}}},
	{"Margin", "rewards/margins", []seriesSpec{{"rewards/margins", "training"}, {"eval_rewards/margins", "held-out, fresh samples"}, {"preference/rewards/margins", "preference pairs"}, {"eval_preference/rewards/margins", "preference pairs, held-out"}}},
	{"Accuracy of telling real from generated", "share of pairs", []seriesSpec{{"rewards/accuracies", "training"}, {"eval_rewards/accuracies", "held-out, fresh samples"}, {"preference/rewards/accuracies", "preference pairs: chosen from rejected"}, {"eval_preference/rewards/accuracies", "preference pairs, held-out"}}},
	{"Gap between the data and the policy", "held-out, with its 95 % interval", []seriesSpec{{"eval_gap", "mean"}, {"eval_gap_low", "lower end"}, {"eval_gap_high", "upper end"}}},
	{"Rewards", "beta x log-ratio", []seriesSpec{{"rewards/chosen", "real"}, {"rewards/rejected", "generated"}}},
	{"Log-prob of whole responses", "nats", []seriesSpec{{"logps/chosen", "real"}, {"logps/rejected", "generated"}, {"eval_logps/real", "real, held-out"}}},
	{"Rewards of preference pairs", "beta x log-ratio to the first policy", []seriesSpec{{"preference/rewards/chosen", "chosen"}, {"preference/rewards/rejected", "rejected"}}},
	{"Log-prob of preference responses", "nats", []seriesSpec{{"preference/logps/chosen", "chosen"}, {"preference/logps/rejected", "rejected"}}},
	{"Length of responses", "tokens", []seriesSpec{{"length/chosen", "real"}, {"length/rejected", "generated"}, {"eval_length/generated", "generated, held-out"}}},
	{"Solve rate", "share", []seriesSpec{{"verify/pass_rate", "samples that pass"}, {"proposer/solve_rate", "of proposed tasks"}, {"eval_accuracy", "held-out"}}},
	{"Groups of responses to one task", "share", []seriesSpec{{"groups/signal_fraction", "with signal"}, {"groups/zero_signal_expected", "without, expected"}, {"pass_at_k", "solved at least once"}}},
	{"What is kept", "share", []seriesSpec{{"select/kept_rate", "of samples"}, {"select/duplicate_rate", "duplicates"}, {"select/hinted_share", "after a hint"}}},
	{"Audit of the verifier", "share of what the second one looked at", []seriesSpec{{"audit/false_positive", "wrongly passed"}, {"audit/false_negative", "wrongly failed"}, {"audit/youden_j", "Youden's J"}}},
	{"Proposals", "share", []seriesSpec{{"proposer/parsed_rate", "readable"}, {"proposer/valid_rate", "valid"}, {"proposer/duplicate_rate", "repeated"}, {"proposer/trivial_rate", "trivial"}}},
	{"Rewards of the roles", "mean", []seriesSpec{{"solver/reward", "solver"}, {"proposer/reward", "proposer"}}},
	{"KL to the first policy", "nats a token, k3", []seriesSpec{{"objective/kl", "training"}}},
	{"Entropy of samples", "nats a token", []seriesSpec{{"sample/entropy", "of the next token"}, {"sample/surprise", "of the token drawn"}}},
	{"Learnable information", "bits", []seriesSpec{{"info/edl_bits", "EDL"}, {"info/edl_control_bits", "EDL, shuffled answers"}, {"info/gain_bits", "gain"}, {"info/threshold_bits", "threshold"}}},
	{"Weights that an update changed", "share", []seriesSpec{{"update/moved_share", "fp32 master"}, {"update/visible_share", "bf16 copy"}}},
	{"Gradient norm", "before clipping", []seriesSpec{{"grad_norm", "training"}}},
	{"Learning rate", "", []seriesSpec{{"learning_rate", "training"}}},
}

// charts draws all pictures, and one for each held-out value that only the caller knows.
func charts(steps []metrics.Record) []template.HTML {
	bounds := boundaries(steps)
	var out []template.HTML
	for _, p := range append(slices.Clone(pictures), ownPictures(steps)...) {
		var lines []line
		for _, s := range p.series {
			if l := pick(steps, s); len(l.points) > 0 {
				lines = append(lines, l)
			}
		}
		if len(lines) > 0 && len(lines[0].points)+len(lines[len(lines)-1].points) > 1 {
			out = append(out, draw(p.title, p.unit, lines, bounds))
		}
	}
	return out
}

// ownPictures are held-out values that no standard picture shows.
func ownPictures(steps []metrics.Record) []chartSpec {
	known := map[string]bool{"eval_rewards/chosen": true, "eval_rewards/rejected": true, "eval_logps/rejected": true, "eval_logps/generated": true, "eval_length/real": true, "eval_preference/rewards/chosen": true, "eval_preference/rewards/rejected": true}
	for _, p := range pictures {
		for _, s := range p.series {
			known[s.metric] = true
		}
	}
	names := map[string]bool{}
	for _, r := range steps {
		for name := range r.Values {
			if strings.HasPrefix(name, "eval_") && !known[name] {
				names[name] = true
			}
		}
	}
	var out []chartSpec
	for name := range names {
		out = append(out, chartSpec{title: "Held-out " + strings.TrimPrefix(name, "eval_"), series: []seriesSpec{{name, "after each iteration"}}})
	}
	slices.SortFunc(out, func(a, b chartSpec) int { return strings.Compare(a.title, b.title) })
	return out
}

func pick(steps []metrics.Record, s seriesSpec) line {
	l := line{label: s.label, marked: strings.HasPrefix(s.metric, "eval_")}
	for _, r := range steps {
		if v, ok := r.Values[s.metric]; ok {
			l.points = append(l.points, point{float64(r.Step), v})
		}
	}
	return l
}

// boundaries are the steps at which a new iteration begins.
func boundaries(steps []metrics.Record) []float64 {
	var out []float64
	last := 0
	for _, r := range steps {
		if _, training := r.Values["loss"]; training && r.Iteration > last {
			out = append(out, float64(r.Step)-0.5)
			last = r.Iteration
		}
	}
	return out
}
