package quickstart

import (
	"spar/internal/rng"
	"spar/trainer/config"
)

// preferencesFile has pairs that prefer the data's way of speaking to the base's.
const preferencesFile = "preferences.jsonl"

// preferenceBeta makes p_data the optimum of DPO on these pairs from the base: with chosen from p, rejected from q and reference q it is
// proportional to q (p/q)^(1/beta).
const preferenceBeta = 1

// preference is a line of preferencesFile.
type preference struct {
	PromptIDs   []int32 `json:"prompt_ids"`
	ChosenIDs   []int32 `json:"chosen_ids"`
	RejectedIDs []int32 `json:"rejected_ids"`
}

// preferences draws pairs on prompts that are not held out.
func preferences(seed uint64, n int) []preference {
	sums, _ := splitSums()
	r := rng.NewStream(seed, 0x70726566)
	out := make([]preference, n)
	for i := range out {
		s := sums[r.IntN(len(sums))]
		out[i] = preference{s.Prompt(), Real().Sample(s, r), Dialect().Sample(s, r)}
	}
	return out
}

// preferenceArms mix preference pairs into SPIN, and set that against DPO on the same pairs after SPIN and alone.
func (o Options) preferenceArms() []arm {
	return []arm{
		{"SPIN, 5 % preferences", o.mixed(0.05, "spin-mixed-05")},
		{"SPIN, 20 % preferences", o.mixed(0.2, "spin-mixed-20")},
		{"SPIN, then DPO", o.dpo("spin", "spin-dpo")},
		{"DPO alone", o.dpo("base", "dpo")},
	}
}

func (o Options) mixed(share float64, out string) *config.Config {
	c := o.further("spin", out)
	c.Preferences = config.Preferences{Data: o.path("data", preferencesFile), Share: share, Beta: preferenceBeta}
	return c
}

// dpo is one iteration of updates on the preference pairs alone, from what an earlier run ended with.
func (o Options) dpo(from, out string) *config.Config {
	c := o.further("dpo", out)
	c.Model, c.Data.Train = o.path(from, "policy"), o.path("data", preferencesFile)
	c.Iterations, c.Beta = 1, config.PerIteration{preferenceBeta}
	return c
}
