package config

import (
	"fmt"
	"strings"
)

// Play is self-play between a proposer of tasks and their solver.
type Play struct {
	Family         string  `yaml:"family" oneof:"data arithmetic program open corpus game" default:"data" doc:"what the proposer sets; data: no proposer, the tasks are the rows; game: no tasks, a game against itself"`
	Game           string  `yaml:"game" default:"nim:3,5" doc:"game: nim:HEAPS,MOST or tictactoe"`
	Proposals      int     `yaml:"proposals" default:"64" range:"[1,1048576]" doc:"tasks asked of the proposer, or games played, in an iteration"`
	Levels         int     `yaml:"levels" default:"3" range:"[1,9]" doc:"arithmetic: most digits of an operand"`
	Pose           string  `yaml:"pose" doc:"what the proposer is asked, with {level} and {example}, {inputs}, {document} or {rules} and {position}; empty: the family's own"`
	Spaced         bool    `yaml:"spaced" default:"false" doc:"arithmetic: digits are words of their own"`
	Verifier       string  `yaml:"verifier" oneof:"family exact numeric maths choice regex starlark python smt command majority process" default:"family" doc:"of the proposer's tasks; family: its own"`
	Roles          string  `yaml:"roles" oneof:"shared alternating frozen separate" default:"shared" doc:"one policy in both roles; the same, trained on one role at a time; the first policy proposes; or the proposer is a policy of its own"`
	ProposerReward string  `yaml:"proposer_reward" oneof:"one_minus_p p_one_minus_p azr_paper azr_code r_zero_paper r_zero_code variance gaussian gasp_lemma gasp_lift sgs" default:"azr_paper" doc:"what a task is worth by its solve rate p"`
	Guide          string  `yaml:"guide" doc:"sgs: what the policy is asked about a task, with {task}; its chance of saying yes is the guide's score; empty: whether it is clear and natural"`
	Objective      string  `yaml:"objective" oneof:"grpo dr_grpo reinforce rft" default:"grpo" doc:"how rewards train the policy"`
	ClipLow        float64 `yaml:"clip_low" default:"0.2" range:"(0,1]" doc:"grpo and dr_grpo: smallest ratio is 1 minus this"`
	ClipHigh       float64 `yaml:"clip_high" default:"0.2" range:"(0,1e6]" doc:"grpo and dr_grpo: largest ratio is 1 plus this"`
	KLWeight       float64 `yaml:"kl_weight" default:"0" range:"[0,1e6]" doc:"all but rft: weight of the KL to the policy that the run began with, by k3; 0: none"`
	KeepLow        float64 `yaml:"keep_low" default:"0" range:"[0,1]" doc:"tasks solved less often are not learnt from"`
	KeepHigh       float64 `yaml:"keep_high" default:"1" range:"[0,1]" doc:"tasks solved more often are not learnt from"`
	Curriculum     string  `yaml:"curriculum" oneof:"off steer" default:"off" doc:"steer: ask for the difficulty whose solve rate is nearest to target_rate"`
	TargetRate     float64 `yaml:"target_rate" default:"0.5" range:"(0,1)" doc:"steer: solve rate that is aimed at"`
}

// maxClustered is how many proposals are compared with each other: half a minute's work and 512 MB for the distances.
const maxClustered = 8192

// Plays reports whether the algorithm is a play of proposer and solver.
func (c *Config) Plays() bool { return c.Algorithm == "play" }

// Proposes reports whether there is a proposer.
func (c *Config) Proposes() bool { return c.Plays() && c.Play.Family != "data" && !c.Competes() }

// SeparateRoles reports whether the proposer is a policy of its own.
func (c *Config) SeparateRoles() bool { return c.Plays() && c.Play.Roles == "separate" }

// Competes reports whether the policy plays a game against itself.
func (c *Config) Competes() bool { return c.Plays() && c.Play.Family == "game" }

// Verified reports whether drawn responses are judged by a verifier.
func (c *Config) Verified() bool { return c.Selects() || c.Plays() }

// playConflicts lists what is wrong about play together with the rest.
func (c *Config) playConflicts() []string {
	var out []string
	add := func(key, format string, args ...any) {
		out = append(out, fmt.Sprintf("%s%s: %s", c.place(key), key, fmt.Sprintf(format, args...)))
	}
	if !c.Plays() {
		if c.given("play") {
			add("play", "%s does not use it; remove the key", c.Algorithm)
		}
		if c.Data.Train == "" {
			add("data.train", "%s needs rows to train on", c.Algorithm)
		}
		return out
	}
	p := c.Play
	if c.Sampling.Temperature == 0 {
		add("sampling.temperature", "play needs drawn samples; use a temperature above 0, usually 1")
	}
	if c.Sampling.Samples < 2 && p.Objective != "reinforce" && !c.Competes() {
		add("sampling.samples_per_prompt", "%s compares the responses to one task, so it needs at least 2", p.Objective)
	}
	if p.Roles == "separate" && !c.Proposes() {
		add("play.roles", "the family %s has no proposer to train apart; use shared", p.Family)
	}
	if strings.HasPrefix(p.ProposerReward, "r_zero_") && p.Proposals > maxClustered {
		add("play.proposals", "%s compares every two of the tasks, and %d are too many for that; ask for at most %d", p.ProposerReward, p.Proposals, maxClustered)
	}
	if p.Guide != "" && p.ProposerReward != "sgs" {
		add("play.guide", "the proposer_reward %s asks no guide; remove the key", p.ProposerReward)
	} else if p.Guide != "" && !strings.Contains(p.Guide, "{task}") {
		add("play.guide", "has no {task} in it, so the guide does not see what it judges")
	}
	if p.Curriculum == "steer" && p.Family != "arithmetic" {
		add("play.curriculum", "the family %s has no levels to steer; use off", p.Family)
	}
	if v := c.Verifier; v.Correction == "backward" && 1-v.FalsePositive-v.FalseNegative < 0.01 {
		add("verifier.correction", "rates of %v and %v leave no signal to correct (J = %.3g); use a better verifier", v.FalsePositive, v.FalseNegative, 1-v.FalsePositive-v.FalseNegative)
	}
	if p.KLWeight > 0 && p.Objective == "rft" {
		add("play.kl_weight", "rft is maximum likelihood and has no KL term; remove the key")
	}
	if p.KeepLow > p.KeepHigh {
		add("play.keep_low", "%v is above keep_high %v", p.KeepLow, p.KeepHigh)
	}
	if needs := p.Family == "data" || p.Family == "corpus"; needs && c.Data.Train == "" {
		add("data.train", "the family %s needs rows", p.Family)
	} else if !needs && c.Data.Train != "" {
		add("data.train", "the family %s makes its own tasks; remove the key", p.Family)
	}
	if c.Verifier.Name == "none" && (p.Family == "data" || c.Data.Eval != "") {
		add("verifier", "the rows' responses need a judge; give verifier: {name: exact}, or another")
	}
	if c.Competes() && p.Pose != "" && !strings.Contains(p.Pose, "{position}") {
		add("play.pose", "has no {position} in it, so the player does not see the board")
	}
	if strings.TrimSpace(p.Pose) == "" && p.Pose != "" {
		add("play.pose", "is blank")
	}
	return out
}
