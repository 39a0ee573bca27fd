package diagnose

// rules is the table, in the order of precedence. The limits are starting points of our own where docs/diagnose.md names no source.
var rules = []rule{
	{
		name: "turn_end_unexpected", blames: Template, signal: "eval_loss_last, eval_loss", limit: 3,
		value:  beforeTraining(difference("eval_loss_last", "eval_loss")),
		advice: "the model does not expect real responses to end as they do here: give messages, so that the model's own chat template lays them out, or the end token that it was trained with",
	},
	{
		name: "text_foreign_to_the_model", blames: Template, signal: "eval_loss, eval_logps/generated, eval_length/generated", limit: 2.5,
		value: beforeTraining(func(s *signals, t int) (float64, bool) {
			loss, ok1 := s.at("eval_loss", t)
			own, ok2 := s.surprise(t)
			return loss - own, ok1 && ok2
		}),
		advice: "real responses surprise the model far more than its own: look at the prompts' layout first (spar tokenize), give messages instead of strings, or train by sft before self-play",
	},
	{
		name: "duplicated_data", blames: Data, signal: "data/duplicate_rate", limit: 0.1, setting: "data.train",
		value:  named("data/duplicate_rate"),
		advice: "rows repeat: remove the copies from data.train; to see the data more often, raise num_train_epochs",
	},
	{
		name: "stale_reference", blames: Data, signal: "update/start_gap", limit: 1e-3, setting: "data.train",
		value:  named("update/start_gap"),
		advice: "the reference is not the policy that the update began with: its log-probs come from other weights; remove the reference columns from data.train to have them computed, or set model to the one that they were made by",
	},
	{
		name: "greedy_negatives", blames: Data, signal: "sample/surprise, sample/entropy", limit: 0.8, below: true, setting: "sampling.temperature",
		value: func(s *signals, t int) (float64, bool) {
			surprise, ok1 := s.at("sample/surprise", t)
			entropy, ok2 := s.at("sample/entropy", t)
			return surprise / entropy, ok1 && ok2 && entropy > 0
		},
		only:   func(s *signals) bool { return s.imitates() },
		advice: "responses are not drawn from the policy but near its mode, which moves the fixed point away from the data: set sampling.temperature: 1, top_p: 1, top_k: 0, min_p: 0",
	},
	{
		name: "truncated_samples", blames: Truncation, signal: "sample/truncated_rate", limit: 0.05, setting: "sampling.max_new_tokens",
		value:  named("sample/truncated_rate"),
		advice: "responses are cut off before they end, which biases every sum over a sequence: raise sampling.max_new_tokens, and max_length with it",
	},
	{
		name: "ending_shortcut", blames: Truncation, signal: "pair/ending_auc", limit: 0.8, setting: "truncated_samples",
		value:  named("pair/ending_auc"),
		advice: "whether a response ends with a stop token tells real from generated: set truncated_samples: exclude and raise sampling.max_new_tokens",
	},
	{
		name: "verifier_inverted", blames: Verifier, signal: "audit/youden_j", limit: 0, below: true, setting: "verifier.name",
		value:  named("audit/youden_j"),
		advice: "wrong responses pass more often than right ones, so that the loop learns to be wrong: stop it and mend or replace verifier.name",
	},
	{
		name: "verifier_noisy", blames: Verifier, signal: "audit/youden_j", limit: 0.5, below: true, setting: "verifier.name",
		value: func(s *signals, t int) (float64, bool) {
			j, ok := s.at("audit/youden_j", t)
			return j, ok && j >= 0
		},
		advice: "verdicts say little, and learning slows down with Youden's J: use a stricter verifier.name, or correct rewards for the audited rates",
	},
	{
		name: "majority_collapse", blames: Verifier, signal: "majority/agreement, majority/audited_accuracy", limit: 0.3, setting: "verifier.name",
		value:  difference("majority/agreement", "majority/audited_accuracy"),
		advice: "samples agree on wrong labels: check labels with another verifier, keep tasks of middling agreement only, or draw more samples_per_prompt",
	},
	{
		name: "verifier_breaks", blames: Verifier, signal: "verify/timeout_rate, verify/crash_rate", limit: 0.1, setting: "verifier.timeout",
		value: func(s *signals, t int) (float64, bool) {
			timeouts, ok1 := s.at("verify/timeout_rate", t)
			crashes, ok2 := s.at("verify/crash_rate", t)
			return timeouts + crashes, ok1 || ok2
		},
		advice: "responses end in a timeout or a crash of the checked program, not in a verdict: raise verifier.timeout and verifier.memory_mb, or see verdict and detail with spar verify",
	},
	{
		name: "tasks_malformed", blames: Proposer, signal: "proposer/valid_rate, proposer/trivial_rate, proposer/duplicate_rate", limit: 0.5, setting: "play.pose",
		value: func(s *signals, t int) (float64, bool) {
			valid, known := s.at("proposer/valid_rate", t)
			trivial, _ := s.at("proposer/trivial_rate", t)
			repeated, _ := s.at("proposer/duplicate_rate", t)
			return 1 - valid - trivial - repeated, known
		},
		advice: "most proposals cannot be read as tasks or break their rules: show an example of a valid one in play.pose, raise sampling.max_new_tokens, or train the proposer on valid tasks by sft first",
	},
	{
		name: "tasks_trivial", blames: Proposer, signal: "proposer/trivial_rate", limit: 0.1, setting: "play.proposer_reward",
		value:  named("proposer/trivial_rate"),
		advice: "the proposer offers identity and constant tasks: choose a play.proposer_reward that charges for them (azr_code pays -0.5), or ask for harder ones in play.pose",
	},
	{
		name: "tasks_repeated", blames: Proposer, signal: "proposer/duplicate_rate", limit: 0.3, setting: "sampling.temperature",
		value:  named("proposer/duplicate_rate"),
		advice: "the proposer repeats itself: raise sampling.temperature, ask for fewer play.proposals in an iteration, or give more levels or documents",
	},
	{
		name: "tasks_too_hard", blames: Proposer, signal: "proposer/solve_rate, verify/pass_rate", limit: 0.1, below: true, setting: "play.proposer_reward",
		value:  (*signals).solveRate,
		only:   (*signals).proposes,
		advice: "hardly any task is solved: set play.curriculum: steer or lower play.levels, or choose a play.proposer_reward with its maximum at one half",
	},
	{
		name: "tasks_grow_trivial", blames: Proposer, signal: "groups/expected_signal, verify/pass_rate", limit: 0.5, below: true,
		value: func(s *signals, t int) (float64, bool) {
			share, ok := shareOfFirst("groups/expected_signal")(s, t)
			before, first := s.solveRate(s.firstSolved())
			now, has := s.solveRate(t)
			return share, ok && first && has && now > before+0.1
		},
		only:   (*signals).proposes,
		streak: 2, setting: "play.target_rate",
		advice: "rewards rise while there is less to learn from the tasks: set play.curriculum: steer, lower play.target_rate or raise play.levels",
	},
	{
		name: "tasks_unsolvable", blames: Data, signal: "verify/pass_rate", limit: 0.02, below: true, setting: "data.train",
		value:  named("verify/pass_rate"),
		only:   func(s *signals) bool { return !s.proposes() },
		advice: "hardly any task is solved, so there is nothing to select: put easier tasks into data.train, train by sft first, raise sampling.samples_per_prompt, or set selection.hint",
	},
	{
		name: "solver_saturated", blames: Solver, signal: "proposer/solve_rate, verify/pass_rate, groups/edge_mass", limit: 0.9,
		value: func(s *signals, t int) (float64, bool) {
			rate, ok1 := s.solveRate(t)
			edge, ok2 := s.at("groups/edge_mass", t)
			return rate, ok1 && (!ok2 || edge > edgeMass)
		},
		setting: "data.train",
		advice:  "nearly every task is solved by every sample, and the solver has nothing to learn from them: give harder tasks in data.train, or raise play.levels and set play.curriculum: steer",
	},
	{
		name: "no_group_signal", blames: Solver, signal: "groups/signal_fraction", limit: 0.3, below: true, setting: "sampling.samples_per_prompt",
		value:  named("groups/signal_fraction"),
		only:   func(s *signals) bool { return !s.selects() },
		advice: "most groups end with equal rewards and give no gradient: raise sampling.samples_per_prompt, or set play.curriculum: steer for tasks of middling solve rate",
	},
	{
		name: "entropy_collapsed", blames: Solver, signal: "sample/entropy", limit: 0.5, below: true, setting: "learning_rate",
		value: shareOfFirst("sample/entropy"), streak: 2,
		only:   func(s *signals) bool { return !s.imitates() && !s.solvesMore() },
		advice: "the policy has lost half of its entropy: lower learning_rate, or start each update from the base",
	},
	{
		name: "diversity_lost", blames: Solver, signal: "sample/distinct_2", limit: 0.6, below: true, setting: "selection.dedupe",
		value: shareOfFirst("sample/distinct_2"), streak: 2,
		only:   func(s *signals) bool { return !s.imitates() },
		advice: "samples resemble each other more and more: keep distinct responses only (selection.dedupe, selection.max_per_prompt), or raise sampling.temperature",
	},
	{
		name: "sharpening_only", blames: Solver, signal: "pass_at_1, pass_at_k", limit: 0.05,
		value: func(s *signals, t int) (float64, bool) {
			one, at, ok1 := s.first("pass_at_1")
			many, _, ok2 := s.first("pass_at_k")
			nowOne, ok3 := s.at("pass_at_1", t)
			nowMany, ok4 := s.at("pass_at_k", t)
			return many - nowMany, ok1 && ok2 && ok3 && ok4 && t > at && nowOne > one
		},
		streak: 2, setting: "selection.max_per_prompt",
		advice: "the best of one sample improves while the best of many gets worse: lower selection.max_per_prompt, keep distinct responses, or stop here",
	},
	{
		name: "information_flat", blames: Solver, signal: "info/holds", limit: 0.5, below: true, streak: 2,
		value:  named("info/holds"),
		advice: "the data of two iterations in a row held no more to learn than what came before: bring in other tasks or a larger policy, or stop",
	},
	{
		name: "length_shortcut", blames: Data, signal: "pair/length_auc", limit: 0.95, setting: "data.train",
		value:  named("pair/length_auc"),
		advice: "length alone tells real from generated: make the lengths of data.train and of samples comparable, or the discriminator learns nothing else",
	},
	{
		name: "real_text_forgotten", blames: Numerics, signal: "eval_loss, or logps/chosen and length/chosen", limit: 0.3, setting: "learning_rate",
		value:  (*signals).realLogpDrop,
		only:   (*signals).imitates,
		advice: "real responses have become far less likely than before training: lower learning_rate first; then raise warmup_ratio, or add sft_weight",
	},
	{
		name: "accuracy_lost", blames: Numerics, signal: "eval_accuracy", limit: 0.5, below: true, setting: "learning_rate",
		value: func(s *signals, t int) (float64, bool) {
			before, ok1 := s.at("eval_accuracy", -1)
			now, ok2 := s.at("eval_accuracy", t)
			return now / before, ok1 && ok2 && t >= 0 && before > 0.02
		},
		advice: "held-out tasks that the first policy solved are no longer solved: lower learning_rate, or start each update from the base (selection.start)",
	},
	{
		name: "update_invisible", blames: Numerics, signal: "update/visible_share", limit: 0.01, below: true, setting: "learning_rate",
		value:  named("update/visible_share"),
		only:   func(s *signals) bool { return s.records.Precision == "bf16" },
		advice: "the update is smaller than the spacing of bf16, so the copies that compute have hardly changed: raise learning_rate or the number of steps, or set precision: fp32",
	},
}

// edgeMass is the share of groups with all or none solved above which the solve rate's histogram is at its edges.
const edgeMass = 0.6

// beforeTraining keeps a signal to the evaluation before the first update: later, training has changed what the model expects.
func beforeTraining(value func(*signals, int) (float64, bool)) func(*signals, int) (float64, bool) {
	return func(s *signals, t int) (float64, bool) {
		if t != -1 {
			return 0, false
		}
		return value(s, t)
	}
}
