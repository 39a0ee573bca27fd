package config

// Limits end a run by what the held-out evaluation shows. All are off by default.
type Limits struct {
	Gap          float64 `yaml:"gap" default:"0" range:"[0,1e6]" doc:"end when real and fresh responses differ by less, in units of the reward; 0: off"`
	RealLogpDrop float64 `yaml:"real_logp_drop" default:"0" range:"[0,1e6]" doc:"refuse an iteration that loses more log-prob of real responses, nats a token; 0: off"`
	LengthRatio  float64 `yaml:"length_ratio" default:"0" range:"[0,1e6]" doc:"refuse one whose samples are longer or shorter by more than this factor; 0: off"`
	EntropyLoss  float64 `yaml:"entropy_loss" default:"0" range:"[0,1]" doc:"refuse one that loses a larger share of its samples' entropy; 0: off"`
}

// Any reports whether a limit is set.
func (l Limits) Any() bool { return l != Limits{} }

// Observer is the budget of the small model that measures what there is to learn in an iteration's data; see trainer/learn/observer.
type Observer struct {
	Examples int `yaml:"examples" default:"0" range:"[0,16777216]" doc:"of an iteration shown to it; 0: no observer"`
	Epochs   int `yaml:"epochs" default:"20" range:"[1,1000]" doc:"at most"`
	Controls int `yaml:"controls" default:"3" range:"[2,100]" doc:"fits with shuffled answers, which set the threshold"`
}

// limitConflicts lists limits that the run could not judge.
func (c *Config) limitConflicts(add func(key, format string, args ...any)) {
	if c.Limits.Any() && c.Data.Eval == "" {
		add("limits", "they are judged on held-out rows, and data.eval is empty; name a file or remove the key")
	}
	if c.Limits.Gap > 0 && !c.SelfPlay() {
		add("limits.gap", "%s draws no samples to tell from the data; remove the key", c.Algorithm)
	}
	if r := c.Limits.LengthRatio; r > 0 && r <= 1 {
		add("limits.length_ratio", "a factor of %v would refuse every iteration; give one above 1, or 0", r)
	}
}
