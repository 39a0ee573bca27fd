package trainer

import (
	"context"
	"fmt"
	"slices"

	"spar/loader/pack"
	"spar/loader/shard"
	"spar/native"
	"spar/trainer/journal"
	"spar/trainer/metrics"
	"spar/trainer/objective"
	"spar/trainer/policy"
	"spar/trainer/selfplay/family"
	"spar/trainer/selfplay/reward"
	"spar/trainer/verify"
)

// payment is a line of payments.jsonl: what a response was worth, and the advantage that it has in the update.
type payment struct {
	Role      string  `json:"role"` // proposer, solver
	Kind      string  `json:"kind"` // type of task
	Level     int     `json:"level"`
	Key       int     `json:"key"`    // of the task: number of the proposal, or row of the data set
	Sample    int     `json:"sample"` // of the rollouts
	Reward    float64 `json:"reward"`
	Advantage float64 `json:"advantage"`
	Left      bool    `json:"left_out"` // not learnt from: the other role's turn, or the task's solve rate is outside of keep_low..keep_high
}

const (
	proposerRole = "proposer"
	solverRole   = "solver"
)

// pay turns verdicts into rewards and advantages for both roles.
func (r *run) pay(ctx context.Context, t int) error {
	p := r.c.Play
	s := stage{iteration: t, name: "pay", books: true, outputs: []string{paidName(t)}, inputs: map[string]string{
		"proposals": r.output(t, "propose", proposalsName(t)), "rollouts": r.output(t, "sample", rolloutsName(t)), "train": r.train.hash,
		"settings": hashText(p.ProposerReward, p.Objective, p.Roles, p.KeepLow, p.KeepHigh, r.c.TruncatedSamples, r.verifierSettings()),
	}}
	if r.guided() {
		s.inputs["guide"] = r.output(t, "guide", guideName(t))
	}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		c, err := r.tasks(t)
		if err != nil {
			return err
		}
		rollouts, err := r.readRollouts(t)
		if err != nil {
			return err
		}
		values, err := r.drawnValues(ctx, t, c, rollouts)
		if err != nil {
			return err
		}
		defer r.counted()()
		solver := r.paySolver(c, rollouts)
		var proposer []payment
		if r.c.Proposes() {
			if proposer, err = r.payProposals(t, c, rollouts, values); err != nil {
				return err
			}
		}
		r.takeTurns(t, solver, proposer)
		addPaid(values, solver, proposer)
		r.logf("%s: %s", r.heading, played(values))
		if err := r.writePayments(t, append(solver, proposer...)); err != nil {
			return err
		}
		return r.metrics.Append(metrics.Record{Iteration: t, Step: r.stepsBefore(t), Values: values})
	}
	return r.do(ctx, s)
}

// payProposals pays for the proposals of iteration t and adds what became of them.
func (r *run) payProposals(t int, c *corpus, rollouts records, v map[string]float64) ([]payment, error) {
	proposals, _, err := r.readProposals(t)
	if err != nil {
		return nil, err
	}
	rule, err := reward.New(r.c.Play.ProposerReward)
	if err != nil {
		return nil, err
	}
	standings, err := r.standings(t, rule, proposals)
	if err != nil {
		return nil, err
	}
	standings.add(v)
	addFunnel(v, proposals)
	if rate, solved := v["verify/pass_rate"]; solved {
		v["proposer/solve_rate"] = rate
	}
	return r.payProposer(rule, standings, proposals, c, rollouts), nil
}

func played(v map[string]float64) string {
	text := fmt.Sprintf("%.1f %% of responses solved, signal in %.0f %% of the groups", 100*v["verify/pass_rate"], 100*v["groups/signal_fraction"])
	if rate, has := v["proposer/valid_rate"]; has {
		text += fmt.Sprintf("; %.1f %% of proposals valid, reward %.3f", 100*rate, v["proposer/reward"])
		if rate == 0 {
			text += "; ALARM: the proposer set no valid task"
		}
	}
	return text
}

// paySolver gives each response its verdict's score and its advantage: within its task for grpo and dr_grpo, within its type of task
// for reinforce (TRR++), and none for rft, which weighs by the score itself.
func (r *run) paySolver(c *corpus, rollouts records) []payment {
	n := r.c.Sampling.Samples * len(c.examples)
	out, rewards, roles := make([]payment, 0, n), make([]float64, 0, n), make([]reward.Role, 0, n)
	for _, x := range c.examples {
		group := make([]float64, len(rollouts[x.key]))
		passed := 0.0
		for j, rec := range rollouts[x.key] {
			group[j] = float64(rec.Reward)
			if rec.Verdict == shard.VerdictPass {
				passed++
			}
		}
		rate := passed / float64(len(group))
		seen := r.corrected(group)
		advantages := objective.Advantages(withinTask[r.c.Play.Objective], seen)
		for j := range group {
			p := payment{Role: solverRole, Kind: x.task.kind, Level: x.task.level, Key: x.key, Sample: j, Reward: group[j], Advantage: advantages[j],
				Left: rate < r.c.Play.KeepLow || rate > r.c.Play.KeepHigh}
			out, rewards, roles = append(out, p), append(rewards, seen[j]), append(roles, reward.Role{Name: solverRole, Task: p.Kind})
		}
	}
	if r.c.Play.Objective == "reinforce" {
		for i, a := range reward.Whiten(rewards, roles) {
			out[i].Advantage = a
		}
	}
	return out
}

// corrected are rewards with the verifier's known errors undone.
func (r *run) corrected(rewards []float64) []float64 {
	v := r.c.Verifier
	if v.Correction == "none" {
		return rewards
	}
	out := make([]float64, len(rewards))
	for i, reward := range rewards {
		var err error
		if out[i], err = verify.Corrected(reward, v.FalsePositive, v.FalseNegative, verify.Correction(v.Correction)); err != nil {
			panic(err) // the config was checked
		}
	}
	return out
}

// withinTask is the kind of advantage of each objective among the responses to one task.
var withinTask = map[string]string{
	"grpo": objective.AdvantageGroupStd, "dr_grpo": objective.AdvantageGroup, "reinforce": objective.AdvantageNone, "rft": objective.AdvantageNone,
}

// payProposer rewards each proposal by its solve rate and standing. Advantages are relative to the other proposals of its type.
func (r *run) payProposer(rule reward.Rule, s standing, proposals []proposal, c *corpus, rollouts records) []payment {
	batch, rewards := make([]reward.Proposal, len(proposals)), make([]float64, len(proposals))
	roles := make([]reward.Role, len(proposals))
	for i, p := range proposals {
		batch[i] = reward.Proposal{Form: formOf(p), Group: r.c.Sampling.Samples}
		s.of(i, &batch[i])
		if _, posed := c.index[i]; !posed && p.Task != nil {
			batch[i].Form = reward.Invalid // its prompt leaves no room for an answer
		}
		if drawn := len(rollouts[i]); drawn > 0 {
			batch[i].Group = drawn
		}
		for _, rec := range rollouts[i] {
			if rec.Verdict == shard.VerdictPass {
				batch[i].Successes++
			}
		}
		roles[i] = reward.Role{Name: proposerRole, Task: p.Pose.Kind}
	}
	rule.Evaluate(batch, rewards)
	advantages := reward.Whiten(rewards, roles)
	switch r.c.Play.Objective {
	case "dr_grpo":
		advantages = reward.Centre(rewards, roles)
	case "rft":
		advantages = rewards
	}
	out := make([]payment, len(proposals))
	for i, p := range proposals {
		out[i] = payment{Role: proposerRole, Kind: p.Pose.Kind, Level: p.Pose.Level, Key: i, Reward: rewards[i], Advantage: advantages[i]}
	}
	return out
}

func formOf(p proposal) reward.Form {
	switch {
	case p.Task != nil:
		return reward.Valid
	case p.Reason.Malformed():
		return reward.Malformed
	}
	return reward.Invalid
}

// takeTurns leaves out a role: the proposer when the first policy proposes; with alternating roles the solver in even and the proposer in
// odd iterations, so that the proposer learns first, as in R-Zero.
func (r *run) takeTurns(t int, solver, proposer []payment) {
	roles := r.c.Play.Roles
	leave := func(payments []payment) {
		for i := range payments {
			payments[i].Left = true
		}
	}
	if roles == "frozen" || roles == "alternating" && t%2 == 1 {
		leave(proposer)
	}
	if roles == "alternating" && t%2 == 0 {
		leave(solver)
	}
}

// addFunnel adds how far the proposals came.
func addFunnel(v map[string]float64, proposals []proposal) {
	n := float64(len(proposals))
	for _, p := range proposals {
		switch p.Reason {
		case "":
			v["proposer/valid_rate"] += 1 / n
		case family.Trivial:
			v["proposer/trivial_rate"] += 1 / n
		case family.Repeated:
			v["proposer/duplicate_rate"] += 1 / n
		case family.Nondeterministic:
			v["proposer/nondeterministic_rate"] += 1 / n
		}
		if p.Reason != family.Unreadable {
			v["proposer/parsed_rate"] += 1 / n
		}
		v["proposer/level"] += float64(p.Pose.Level) / n
	}
	for _, name := range []string{"valid_rate", "trivial_rate", "duplicate_rate", "nondeterministic_rate", "parsed_rate"} {
		v["proposer/"+name] += 0 // a rate of zero is told too
	}
}

func addPaid(v map[string]float64, solver, proposer []payment) {
	for role, payments := range map[string][]payment{"solver": solver, "proposer": proposer} {
		if len(payments) == 0 {
			continue
		}
		for _, p := range payments {
			v[role+"/reward"] += p.Reward / float64(len(payments))
		}
	}
}

// readPaid joins payments.jsonl with the rollouts that it names. Draws without an advantage teach nothing but the KL term and are left out
// without one, and so are those that ran out of tokens, unless the config keeps them.
func (r *run) readPaid(t int) (material, error) {
	payments, err := r.readPayments(t)
	if err != nil {
		return material{}, err
	}
	rollouts, err := r.readRollouts(t)
	if err != nil {
		return material{}, err
	}
	var proposals records
	if r.c.Proposes() {
		if _, proposals, err = r.readProposals(t); err != nil {
			return material{}, err
		}
	}
	n := len(payments)
	m := material{pairs: make([]pair, 0, n), groups: make([]pack.Group, 0, n), examples: make([]objective.Example, 0, n), draws: make([]objective.Draw, 0, n)}
	for _, p := range payments {
		if p.Left || p.Advantage == 0 && r.c.Play.KLWeight == 0 {
			continue
		}
		from, file := rollouts, rolloutsName(t)
		if p.Role == proposerRole {
			from, file = proposals, proposalsName(t)
		}
		rec, err := from.get(file, p.Key, p.Sample)
		if err != nil {
			return material{}, err
		}
		if rec.Finish == shard.FinishLength && r.c.TruncatedSamples == "exclude" {
			continue
		}
		m.pairs = append(m.pairs, pair{Key: p.Key, From: t, Sample: p.Sample, Reference: -1})
		m.groups = append(m.groups, pack.Group{Key: p.Key, Prompt: rec.Prompt, Responses: [][]int32{rec.Response}})
		m.examples = append(m.examples, objective.Example{LenReal: len(rec.Response)})
		m.draws = append(m.draws, objective.Draw{Old: float64s(rec.Logp), Advantage: p.Advantage, Group: p.Key})
		m.roles = append(m.roles, p.Role)
	}
	return m, nil
}

// playWorkload bounds what play asks of the engine: prompts and responses are as long as max_length lets them be.
func (r *run) playWorkload() policy.Workload {
	longest := pack.Group{Prompt: make([]int32, 1), Responses: [][]int32{make([]int32, r.c.MaxLength-1)}}
	w := policy.Workload{
		Optimizer: optimizerConfig(r.c).Kind, Train: r.largest(slices.Repeat([]pack.Group{longest}, r.c.BatchSize), r.c.BatchSize),
		Sampler: native.SamplerConfig{MaxRows: policy.DefaultSampleRows, KVTokens: policy.DefaultKVTokens},
	}
	var scoring []pack.Group
	if r.held != nil {
		scoring = r.longestGroups(r.held, false)
	}
	if r.c.Play.KLWeight > 0 || r.guided() {
		scoring = append(scoring, slices.Repeat([]pack.Group{longest}, scoreChunk)...)
	}
	if len(scoring) > 0 {
		w.Score = r.largest(scoring, scoreChunk)
	}
	return w
}
