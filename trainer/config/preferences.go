package config

import "fmt"

// Preferences are pairs by people that are trained on beside self-play's own, under DPO with the run's first policy as reference.
type Preferences struct {
	Data  string  `yaml:"data" doc:"rows with a chosen and a rejected response"`
	Eval  string  `yaml:"eval" doc:"held-out rows of the same kind, evaluated with data.eval; may be given without data"`
	Share float64 `yaml:"share" default:"0" range:"[0,1)" doc:"of the pairs of an epoch, and of each step to the nearest pair"`
	Beta  float64 `yaml:"beta" default:"0.1" range:"(0,1000]" doc:"dpo: scale of the log-ratio"`
}

// MixesPreferences reports whether preference pairs are trained on beside the algorithm's own.
func (c *Config) MixesPreferences() bool { return c.Preferences.Data != "" }

// preferenceConflicts lists what is wrong about preferences together with the rest.
func (c *Config) preferenceConflicts() []string {
	var out []string
	add := func(key, format string, args ...any) {
		out = append(out, fmt.Sprintf("%s%s: %s", c.place(key), key, fmt.Sprintf(format, args...)))
	}
	p := c.Preferences
	switch {
	case !c.SelfPlay() && (c.given("preferences") || p != Preferences{Beta: p.Beta}):
		add("preferences", "%s makes no pairs of its own to mix them with; remove the key, or use spin, chi2, space or tspin", c.Algorithm)
	case p.Eval != "" && c.Data.Eval == "":
		add("preferences.eval", "it is evaluated beside the held-out rows, and data.eval is empty; name a file or remove the key")
	case p.Data == "" && (c.given("preferences") && p.Eval == "" || p.Share > 0):
		add("preferences", "there is no preferences.data to take pairs from; give it or remove the key")
	case p.Data != "" && p.Share == 0:
		add("preferences.share", "0 takes no pair of %s; give a share above 0, such as 0.05, or remove preferences", p.Data)
	}
	return out
}
