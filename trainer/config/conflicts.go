package config

import (
	"fmt"
	"slices"
	"strings"

	"spar/internal/fault"
)

// Validate checks a config that was made or changed in code: its values by rendering and reading it again, conflicts
// among the keys that were given by itself.
func (c *Config) Validate() error {
	if _, problems, err := decode([]byte(c.Render()), c.name); err != nil {
		return err
	} else if len(problems) > 0 {
		return fault.Inputf("%s", strings.Join(problems, "\n"))
	}
	if problems := c.conflicts(); len(problems) > 0 {
		return fault.Inputf("%s", strings.Join(problems, "\n"))
	}
	return nil
}

// conflicts lists keys that are fine alone and wrong together, one sentence each.
func (c *Config) conflicts() []string {
	var out []string
	add := func(key, format string, args ...any) {
		out = append(out, fmt.Sprintf("%s%s: %s", c.place(key), key, fmt.Sprintf(format, args...)))
	}
	for key, list := range map[string]PerIteration{"beta": c.Beta, "learning_rate": c.LearningRate} {
		if len(list) != 1 && len(list) != c.Iterations {
			add(key, "the list has %d values and iterations is %d; give one number or one per iteration", len(list), c.Iterations)
		}
	}
	if c.Backend != "cpu" {
		add("backend", "only cpu is built into this program, not %s; remove the key or write cpu", c.Backend)
	}
	if c.Algorithm == "dpo" && c.Iterations != 1 {
		add("iterations", "dpo compares with one fixed reference, so iterations must be 1, not %d; use num_train_epochs for more passes", c.Iterations)
	}
	if !c.SelfPlay() && c.MixPrevious {
		add("mix_previous", "%s makes no pairs of its own, so there is nothing to mix; remove the key", c.Algorithm)
	}
	if c.MaxSteps > 0 && c.given("num_train_epochs") {
		add("max_steps", "given together with num_train_epochs; keep one of them")
	}
	if c.TokensPerBatch > 0 && c.given("per_device_train_batch_size") {
		add("tokens_per_batch", "given together with per_device_train_batch_size; keep one of them")
	}
	if c.SelfPlay() && c.Sampling.Temperature == 0 {
		add("sampling.temperature", "%s needs drawn samples: greedy ones move the fixed point away from the data; use a temperature above 0, usually 1", c.Algorithm)
	}
	if c.Sampling.MaxNewTokens >= c.MaxLength && c.given("sampling.max_new_tokens") {
		add("sampling.max_new_tokens", "%d leaves no room for a prompt within max_length %d; lower it or raise max_length", c.Sampling.MaxNewTokens, c.MaxLength)
	}
	if c.Algorithm == "tspin" && c.MixPrevious {
		add("mix_previous", "tspin has no reference to re-score the older pairs with; remove the key")
	}
	c.limitConflicts(add)
	out = append(out, c.lossConflicts()...)
	out = append(out, c.selectionConflicts()...)
	out = append(out, c.stopConflicts()...)
	out = append(out, c.preferenceConflicts()...)
	out = append(out, c.playConflicts()...)
	slices.Sort(out)
	return out
}

// lossKeys says which keys an algorithm's loss reads, besides those that every run has.
var lossKeys = map[string][]string{
	"spin": {"loss_type", "sft_weight"}, "chi2": {"c", "alpha", "tau", "huber", "sft_weight"},
	"space": {"mu", "sft_weight"}, "tspin": {"anchor_weight", "sft_weight"}, "sft": {},
	"star": {}, "rest": {}, "rest_em": {}, "rft": {}, "vstar": {}, "play": {},
	"dpo": {"loss_type", "gamma", "label_smoothing", "desirable_weight", "undesirable_weight", "sft_weight"},
}

// optionalKeys are all keys of lossKeys, in the order of Config.
var optionalKeys = []string{"loss_type", "c", "alpha", "tau", "huber", "mu", "gamma", "anchor_weight", "label_smoothing",
	"sft_weight", "desirable_weight", "undesirable_weight"}

func (c *Config) lossConflicts() []string {
	var out []string
	for _, key := range optionalKeys {
		if c.given(key) && !slices.Contains(lossKeys[c.Algorithm], key) {
			out = append(out, fmt.Sprintf("%s%s: %s does not use it; remove the key", c.place(key), key, c.Algorithm))
		}
	}
	if c.given("c") && c.Tau > 0 {
		out = append(out, c.place("tau")+"tau: given together with c, which it replaces by 1/(tau*beta); keep one of them")
	}
	links := map[string]string{"spin": "sigmoid hinge exp linear", "dpo": "sigmoid hinge ipo robust cdpo simpo sppo_hard kto"}
	if words, has := links[c.Algorithm]; has && !slices.Contains(strings.Fields(words), c.LossType) {
		out = append(out, fmt.Sprintf("%sloss_type: got %q, want for %s one of %s", c.place("loss_type"), c.LossType, c.Algorithm, strings.ReplaceAll(words, " ", ", ")))
	}
	return out
}

func (c *Config) given(key string) bool { _, ok := c.keyAt[key]; return ok }

// place is "file:line:column: ", or the file alone for a key that was not given.
func (c *Config) place(key string) string {
	if at, ok := c.keyAt[key]; ok {
		return fmt.Sprintf("%s:%d:%d: ", c.name, at.line, at.column)
	}
	return c.name + ": "
}
