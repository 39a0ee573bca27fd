package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Verifier is the judge of sampled responses; trainer/verify says what each does.
type Verifier struct {
	Name       string   `yaml:"name" oneof:"none exact numeric maths choice regex starlark python smt command majority process" default:"none" doc:"of rows that name none themselves"`
	Pattern    string   `yaml:"pattern" doc:"regex: whose last match, or its first group, must be the answer; empty: the answer is the pattern"`
	Command    []string `yaml:"command" doc:"command: program and arguments; JSON lines in and out"`
	Timeout    float64  `yaml:"timeout" default:"10" range:"(0,86400]" doc:"seconds for one response"`
	MemoryMB   int      `yaml:"memory_mb" default:"512" range:"[16,1048576]" doc:"for one response, where a program runs"`
	Tolerance  float64  `yaml:"tolerance" default:"0" range:"[0,1)" doc:"numeric: relative to the answer"`
	Threshold  float64  `yaml:"threshold" default:"0.5" range:"(0,1]" doc:"command and process: the score that passes"`
	Splitter   string   `yaml:"splitter" doc:"process: regular expression between the steps of a response; empty: line ends"`
	Aggregate  string   `yaml:"aggregate" oneof:"min prod last mean" default:"min" doc:"process: from scores of steps to the score"`
	Audit      string   `yaml:"audit" doc:"a second verifier, which looks again at a fixed share of the responses; empty: none"`
	AuditShare float64  `yaml:"audit_share" default:"0.1" range:"(0,1]" doc:"of responses"`

	Correction    string  `yaml:"correction" oneof:"none backward forward" default:"none" doc:"play: of rewards for the verifier's errors (arXiv 2510.00915)"`
	FalsePositive float64 `yaml:"false_positive" default:"0" range:"[0,1]" doc:"correction: share of wrong responses that pass, as audits found it"`
	FalseNegative float64 `yaml:"false_negative" default:"0" range:"[0,1]" doc:"correction: share of right responses that fail"`
}

// Selection says which verified responses are learnt from, and from where the learning starts.
type Selection struct {
	Start        string       `yaml:"start" oneof:"base previous" default:"previous" doc:"weights that each update begins with"`
	Threshold    PerIteration `yaml:"threshold" default:"0.5" range:"[0,1]" doc:"scores above it are kept: one number, one per iteration or one per improve step"`
	ImproveSteps int          `yaml:"improve_steps" default:"1" range:"[1,1000]" doc:"iterations that share one set of samples"`
	Hint         string       `yaml:"hint" doc:"text after the problem in a second try where no response passed, with {answer}; stripped before learning; empty: no second try"`
	Dedupe       string       `yaml:"dedupe" oneof:"none text answer path" default:"text" doc:"responses to a problem that are the same by this key are kept once"`
	MaxPerPrompt int          `yaml:"max_per_prompt" default:"0" range:"[0,1000000]" doc:"responses kept for a problem; 0: all"`
	HumanShare   float64      `yaml:"human_share" default:"0" range:"[0,1)" doc:"share of the examples that are the rows' own solutions"`
	StepsGrowth  float64      `yaml:"steps_growth" default:"1" range:"[1,10]" doc:"max_steps is multiplied by this in each iteration"`
	Pool         string       `yaml:"pool" oneof:"iteration all" default:"iteration" doc:"whose responses are learnt from: this iteration's, or those of all up to it"`
}

// Selects reports whether the algorithm learns from its own responses that a verifier let pass.
func (c *Config) Selects() bool {
	switch c.Algorithm {
	case "star", "rest", "rest_em", "rft", "vstar":
		return true
	}
	return false
}

// Draws reports whether the algorithm trains on responses of its own.
func (c *Config) Draws() bool { return c.SelfPlay() || c.Verified() }

// ThresholdAt is the score that a response must pass in an iteration.
func (c *Config) ThresholdAt(iteration int) float64 {
	list := c.Selection.Threshold
	if len(list) == c.Iterations {
		return list.At(iteration)
	}
	return list[iteration%len(list)]
}

// preset is a value that a key takes in an algorithm when it is not given.
type preset struct{ key, value string }

// presets are the constants of each method's paper or code, where they differ from the defaults.
var presets = map[string][]preset{
	// Zelikman et al., arXiv 2203.14465 and its code: from the base model every time, one greedy response, a second try with the
	// answer as a hint, 40 steps growing by a fifth, 8 x 10 sequences a step.
	"star": {
		{"selection.start", "base"}, {"selection.hint", "\nThe answer is {answer}.\n"}, {"selection.steps_growth", "1.2"}, {"selection.dedupe", "none"},
		{"sampling.temperature", "0"}, {"max_steps", "40"}, {"per_device_train_batch_size", "10"}, {"gradient_accumulation_steps", "8"},
		{"iterations", "16"}, {"lr_scheduler_type", "constant"},
	},
	// Gulcehre et al., arXiv 2308.08998: a large set drawn once (Grow), then passes over it with a rising threshold, each from the
	// one before (Improve). The thresholds are for scores in [0, 1]; the paper's are quantiles of its reward model.
	"rest": {
		{"selection.start", "previous"}, {"selection.improve_steps", "3"}, {"sampling.samples_per_prompt", "16"}, {"iterations", "3"},
	},
	// Singh et al., arXiv 2312.06585: 32 responses to a problem, temperature 0.7, the 40 likeliest tokens, at most 10 kept, always from the
	// base model, no solutions by people.
	"rest_em": {
		{"selection.start", "base"}, {"selection.max_per_prompt", "10"},
		{"sampling.samples_per_prompt", "32"}, {"sampling.temperature", "0.7"}, {"sampling.top_k", "40"}, {"iterations", "3"},
	},
	// Yuan et al., arXiv 2308.01825: one round, 100 responses to a problem, those with a new reasoning path, three epochs.
	"rft": {
		{"selection.start", "base"}, {"selection.dedupe", "path"},
		{"sampling.samples_per_prompt", "100"}, {"sampling.temperature", "0.7"}, {"num_train_epochs", "3"},
	},
	// Hosseini et al., arXiv 2402.06457: three rounds, 16 responses to a problem, responses of all rounds, and a verifier trained by DPO,
	// the best of 64 by its likelihood at test time.
	"vstar": {
		{"selection.start", "base"}, {"selection.pool", "all"}, {"sampling.samples_per_prompt", "16"}, {"sampling.temperature", "0.7"}, {"iterations", "3"},
		{"eval.samples", "64"},
	},
}

// instead maps a key to the other way of saying the same, which a preset must not contradict.
var instead = map[string]string{
	"max_steps": "num_train_epochs", "selection.steps_growth": "num_train_epochs", "per_device_train_batch_size": "tokens_per_batch",
}

// applyPreset sets the algorithm's values of keys that were not given.
func (c *Config) applyPreset() {
	for _, p := range presets[c.Algorithm] {
		if !c.given(p.key) && !c.given(instead[p.key]) {
			setText(fieldAt(reflect.ValueOf(c).Elem(), p.key), p.value)
		}
	}
}

// fieldAt finds a field by its dotted key, which must be one.
func fieldAt(s reflect.Value, key string) reflect.Value {
	for part := range strings.SplitSeq(key, ".") {
		i, ok := fieldByKey(s, part)
		if !ok {
			panic("config: no key " + key)
		}
		s = s.Field(i)
	}
	return s
}

// stopConflicts says what is wrong about sampling.stop_decided: something must decide a prompt, and verdicts must not depend on the
// prompt's other responses.
func (c *Config) stopConflicts() []string {
	if !c.Sampling.StopDecided {
		return nil
	}
	const key = "sampling.stop_decided"
	p, why := c.Play, ""
	switch {
	case c.Selects() && c.Selection.MaxPerPrompt == 0:
		why = "nothing decides a prompt of which all responses are kept; set selection.max_per_prompt or remove the key"
	case c.Competes() || !c.Selects() && !c.Plays():
		why = "only loops over tasks with a verifier decide prompts; remove the key"
	case c.Plays() && p.Objective != "grpo" && p.Objective != "dr_grpo":
		why = fmt.Sprintf("play.objective %s learns from every response; use grpo or dr_grpo, or remove the key", p.Objective)
	case c.Verifier.Name == "majority" || c.Plays() && (p.Verifier == "majority" || p.Family == "open"):
		why = "a majority needs all responses to a prompt; use another verifier or remove the key"
	default:
		return nil
	}
	return []string{c.place(key) + key + ": " + why}
}

// selectionConflicts lists what is wrong about verifier and selection together with the rest.
func (c *Config) selectionConflicts() []string {
	var out []string
	add := func(key, format string, args ...any) {
		out = append(out, fmt.Sprintf("%s%s: %s", c.place(key), key, fmt.Sprintf(format, args...)))
	}
	if !c.Selects() {
		if !c.Verified() && c.Eval.Samples > 1 {
			add("eval.samples", "%s evaluates one response to a prompt; remove the key", c.Algorithm)
		}
		for _, key := range []string{"selection", "verifier"} {
			if c.given(key) && (key == "selection" || !c.Plays()) {
				add(key, "%s does not use it; remove the key", c.Algorithm)
			}
		}
		return out
	}
	if c.Eval.Samples > 1 && c.Sampling.Temperature == 0 {
		add("eval.samples", "%d greedy responses to a prompt are all the same; use 1, or a temperature above 0", c.Eval.Samples)
	}
	if c.Verifier.Name == "none" {
		add("verifier", "%s learns from responses that a verifier lets pass; give verifier: {name: exact}, or another", c.Algorithm)
	}
	if n := len(c.Selection.Threshold); n != 1 && n != c.Iterations && n != c.Selection.ImproveSteps {
		add("selection.threshold", "the list has %d values; give one number, one per iteration (%d) or one per improve step (%d)", n, c.Iterations, c.Selection.ImproveSteps)
	}
	if c.Selection.StepsGrowth > 1 && c.MaxSteps == 0 {
		add("selection.steps_growth", "grows max_steps, which is not given; give it or remove the key")
	}
	if c.Sampling.Samples > 1 && c.Sampling.Temperature == 0 {
		add("sampling.samples_per_prompt", "%d greedy responses to a prompt are all the same; use 1, or a temperature above 0", c.Sampling.Samples)
	}
	if c.Selection.Hint != "" && !strings.Contains(c.Selection.Hint, "{answer}") {
		add("selection.hint", "has no {answer} in it, so it tells nothing")
	}
	return out
}

// unusedSections are the keys of whole mappings that the run does not read.
func (c *Config) unusedSections() []string {
	var out []string
	if !c.Selects() && !c.Plays() {
		out = append(out, "verifier")
	}
	if !c.Selects() {
		out = append(out, "selection")
	}
	if !c.Plays() {
		out = append(out, "play")
	}
	if !c.MixesPreferences() {
		out = append(out, "preferences")
	}
	return out
}
