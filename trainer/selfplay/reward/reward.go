// Package reward holds what a proposer is paid for a task, by name, and baselines by role and type of task.
//
//	rule, err := reward.New("azr_paper")
//	rule.Evaluate(proposals, rewards)
//	advantages := reward.Whiten(rewards, roles)
//
// Papers and their released code differ in places; where they do, both stand here under names of their own. In all formulas p is
// the share of the solver's draws that passed. Everything is a pure function and safe to call from any goroutine.
package reward

import (
	"math"
	"slices"
	"strings"

	"spar/internal/fault"
)

// Form says how far a proposal came.
type Form uint8

const (
	Valid     Form = iota // it runs, is deterministic, and was put to the solver
	Invalid               // it could be read, but failed a check
	Malformed             // no task could be read from the response
)

// Proposal is a proposed task with what became of it. Only a Valid one has outcomes.
type Proposal struct {
	Form         Form
	Successes    int     // of the solver's draws; r_zero: draws that gave the majority's answer
	Group        int     // the solver's draws, at least 1 for a Valid proposal
	ClusterShare float64 // r_zero: share of the batch in the cluster of tasks like this one, itself included
	Guide        float64 // sgs: the guide's score of the task, in [0, 1]
}

// rate is p.
func (p Proposal) rate() float64 { return float64(p.Successes) / float64(p.Group) }

// Rule is a proposer's reward.
type Rule struct {
	name, source       string
	invalid, malformed float64
	value              func(p Proposal) float64 // of a Valid proposal
	batch              func(batch []Proposal, out []float64)
	clusters           bool // reads ClusterShare
	guided             bool // reads Guide
	clusterPenalty     bool // malformed proposals pay for their cluster too
}

// Name is the name that New takes.
func (r Rule) Name() string { return r.name }

// Source says where the formula comes from.
func (r Rule) Source() string { return r.source }

// Clusters reports whether the reward reads ClusterShare.
func (r Rule) Clusters() bool { return r.clusters }

// Guided reports whether it reads Guide.
func (r Rule) Guided() bool { return r.guided }

// sgsEasy is the share of the easiest tasks of a batch that SGS does not pay for.
const sgsEasy = 0.3

// gaussianWidth is 2 sigma^2 of the Gaussian over the variance.
const gaussianWidth = 2 * 0.01

func rules() []Rule {
	return []Rule{
		{name: "one_minus_p", source: "1 - p, also for tasks that nobody solved",
			value: func(p Proposal) float64 { return 1 - p.rate() }},
		{name: "p_one_minus_p", source: "p (1 - p), the variance of one outcome",
			value: func(p Proposal) float64 { return p.rate() * (1 - p.rate()) }},
		{name: "azr_paper", source: "arXiv 2505.03335: 1 - p, 0 at p = 0; -0.5 invalid, -1 malformed",
			value: azrPaper, invalid: -0.5, malformed: -1},
		{name: "azr_code", source: "LeapLabTHU/Absolute-Zero-Reasoner: as azr_paper, but a reward of 0 becomes -0.5",
			value: azrCode, invalid: -0.5, malformed: -1},
		{name: "r_zero_paper", source: "arXiv 2508.05004: max(0, 1 - |2p - 1| - cluster share); 0 otherwise",
			value: rZeroPaper, clusters: true},
		{name: "r_zero_code", source: "Chengsong-Huang/R-Zero: min(p, 1 - p) - cluster share; -1 - cluster share otherwise",
			value: func(p Proposal) float64 { return min(p.rate(), 1-p.rate()) - p.ClusterShare }, invalid: -1, malformed: -1, clusters: true, clusterPenalty: true},
		{name: "variance", source: "p (1 - p) G / (G - 1), the unbiased variance of the outcomes",
			value: sampleVariance},
		{name: "gaussian", source: "SPICE, arXiv 2510.24684: exp(-(p (1 - p) - 1/4)^2 / 0.02); -0.1 otherwise, where the paper says a small penalty",
			value: gaussian, invalid: -0.1, malformed: -0.1},
		{name: "gasp_lemma", source: "GASP, arXiv 2603.15957: (4 p (1 - p))^5",
			value: func(p Proposal) float64 { return math.Pow(4*p.rate()*(1-p.rate()), 5) }},
		{name: "gasp_lift", source: "GASP, arXiv 2603.15957: 10 p ((1 - p) / 0.9)^9",
			value: func(p Proposal) float64 { return 10 * p.rate() * math.Pow((1-p.rate())/0.9, 9) }},
		{name: "sgs", source: "arXiv 2604.20209: (1 - p) times the guide's score, 0 at p = 0 and for the easiest 30 % of the batch",
			batch: sgs, guided: true},
	}
}

// Names lists what New takes.
func Names() []string {
	var names []string
	for _, r := range rules() {
		names = append(names, r.name)
	}
	return names
}

// New returns the rule of a name; an unknown one is a usage error.
func New(name string) (Rule, error) {
	all := rules()
	if i := slices.IndexFunc(all, func(r Rule) bool { return r.name == name }); i >= 0 {
		return all[i], nil
	}
	return Rule{}, fault.Usagef("proposer reward: %q is not one of %s", name, strings.Join(Names(), ", "))
}

// Evaluate writes the reward of each proposal. Only sgs looks at more than one at a time.
func (r Rule) Evaluate(batch []Proposal, out []float64) {
	if r.batch != nil {
		r.batch(batch, out)
		return
	}
	for i, p := range batch {
		out[i] = r.one(p)
	}
}

func (r Rule) one(p Proposal) float64 {
	penalty := 0.0
	if r.clusterPenalty {
		penalty = p.ClusterShare
	}
	switch p.Form {
	case Invalid:
		return r.invalid - penalty
	case Malformed:
		return r.malformed - penalty
	}
	return r.value(p)
}

func azrPaper(p Proposal) float64 {
	if p.Successes == 0 {
		return 0
	}
	return 1 - p.rate()
}

func azrCode(p Proposal) float64 {
	if v := azrPaper(p); v != 0 {
		return v
	}
	return -0.5
}

func rZeroPaper(p Proposal) float64 {
	return max(0, 1-2*math.Abs(p.rate()-0.5)-p.ClusterShare)
}

// sampleVariance of a single draw is 0.
func sampleVariance(p Proposal) float64 {
	if p.Group < 2 {
		return 0
	}
	n := float64(p.Group)
	return p.rate() * (1 - p.rate()) * n / (n - 1)
}

func gaussian(p Proposal) float64 {
	off := p.rate()*(1-p.rate()) - 0.25
	return math.Exp(-off * off / gaussianWidth)
}

// sgs leaves out the easiest share of the valid proposals. Where several stand at the border with the same rate, all
// of them are paid, so that a batch of equal tasks is not split by its order.
func sgs(batch []Proposal, out []float64) {
	var rates []float64
	for _, p := range batch {
		if p.Form == Valid {
			rates = append(rates, p.rate())
		}
	}
	slices.Sort(rates)
	border := math.Inf(1)
	if n := len(rates); n > 0 {
		border = rates[n-1-int(sgsEasy*float64(n))]
	}
	for i, p := range batch {
		out[i] = 0
		if p.Form == Valid && p.Successes > 0 && p.rate() <= border {
			out[i] = (1 - p.rate()) * p.Guide
		}
	}
}
