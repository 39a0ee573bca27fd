package trainer

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"spar/internal/fsys"
	"spar/loader/pack"
	"spar/loader/shard"
	"spar/trainer/journal"
	"spar/trainer/metrics"
	"spar/trainer/policy"
)

// Judge looks at an evaluation and returns values of its own, which join the others under their names. real holds the
// held-out responses, fresh what the policy drew for the same prompts; both are in the same order. Iteration -1 is the policy before
// the first iteration.
type Judge func(iteration int, real, fresh []Judged) (map[string]float64, error)

// Judged is one response with its log-prob under the policy that is evaluated.
type Judged struct {
	Key      int // row of the data set
	Prompt   []int32
	Response []int32
	Logp     float64 // nats, summed
	Finish   string  // stop, length, or data for a real response
}

// Policies are counted: 0 is the one the run began with, t+1 the outcome of iteration t.

// evalDir is where a policy's evaluation is kept.
func evalDir(index int) string {
	if index == 0 {
		return "baseline"
	}
	return iterationDir(index - 1)
}

func evalReal(index int) string    { return evalDir(index) + "/eval-real.shard" }
func evalSamples(index int) string { return evalDir(index) + "/eval-samples.shard" }
func evalFile(index int) string    { return evalDir(index) + "/eval.json" }

// baseline evaluates the policy that the run began with.
func (r *run) baseline(ctx context.Context) error { return r.evaluateIndex(ctx, 0, 0, "baseline") }

// evaluate measures the outcome of iteration t on held-out prompts, with fresh samples.
func (r *run) evaluate(ctx context.Context, t int) error {
	if r.held == nil {
		return nil
	}
	return r.evaluateIndex(ctx, t+1, t, "evaluate")
}

// evalStage is the iteration and stage under which a policy's evaluation is sealed.
func evalStage(index int) (int, string) {
	if index == 0 {
		return 0, "baseline"
	}
	return index - 1, "evaluate"
}

func (r *run) evaluateIndex(ctx context.Context, index, iteration int, name string) error {
	policyHash, path := r.start(index)
	d := draw{corpus: r.held, samples: r.c.Eval.Samples, iteration: index, lane: evalLane, file: evalSamples(index), policyHash: policyHash, judge: r.byVerifier()}
	s := stage{
		iteration: iteration, name: name, outputs: []string{evalSamples(index), evalReal(index), evalFile(index)},
		inputs: map[string]string{"policy": policyHash, "eval": r.held.hash, "sampling": r.settings(d), "numerics": r.numerics()},
	}
	if r.c.Verified() {
		s.inputs["verifier"] = r.verifierSettings()
	}
	if r.trainsVerifier() && index > 0 {
		s.inputs["likelihood"] = r.output(index-1, "verifier", verifierName(index-1))
	}
	if r.heldPairs != nil {
		s.outputs = append(s.outputs, evalPreferences(index))
		s.inputs["preferences"] = r.heldPairs.hash
	}
	if index > 0 {
		before, stage := evalStage(index - 1)
		s.inputs["before"] = r.output(before, stage, evalReal(index-1)) + r.output(before, stage, evalSamples(index-1))
	}
	s.work = func(ctx context.Context, e *journal.Entry) error {
		if err := r.drawAll(ctx, d, path, e); err != nil {
			return err
		}
		groups, err := r.evalGroups(index)
		if err != nil {
			return err
		}
		if err := r.scoreInto(ctx, evalReal(index), index, groups, e); err != nil {
			return err
		}
		if r.heldPairs != nil {
			if err := r.scoreInto(ctx, evalPreferences(index), index, dataGroups(r.heldPairs), e); err != nil {
				return err
			}
		}
		return r.measure(ctx, index, e)
	}
	return r.do(ctx, s)
}

// evalGroups are the held-out responses and, beside each, what it is told apart from: the data's rejected response, or the
// sample that the policy before drew.
func (r *run) evalGroups(index int) ([]pack.Group, error) {
	groups := dataGroups(r.held)
	if index == 0 || r.c.Verified() {
		return groups, nil
	}
	before, err := r.readEvalSamples(index - 1)
	if err != nil {
		return nil, err
	}
	for i := range groups {
		if len(groups[i].Responses) == 1 {
			rec, err := before.get(evalSamples(index-1), groups[i].Key, 0)
			if err != nil {
				return nil, err
			}
			groups[i].Responses = append(groups[i].Responses, rec.Response)
		}
	}
	return groups, nil
}

func (r *run) readEvalSamples(index int) (records, error) {
	policyHash, _ := r.start(index)
	d := draw{samples: r.c.Eval.Samples, iteration: index, lane: evalLane}
	return r.readShard(evalSamples(index), r.header(policyHash, r.settings(d)))
}

func (r *run) readEvalReal(index int) (records, error) {
	policyHash, _ := r.start(index)
	return r.readShard(evalReal(index), r.header(policyHash, hashText("score")))
}

// measure turns the two shards of an evaluation, and those of the policy before, into eval.json and a line of metrics.
func (r *run) measure(ctx context.Context, index int, e *journal.Entry) error {
	real, err := r.readEvalReal(index)
	if err != nil {
		return err
	}
	fresh, err := r.readEvalSamples(index)
	if err != nil {
		return err
	}
	values := r.lengths(real, fresh)
	r.addEnds(real, values)
	if r.c.Verified() {
		r.addAccuracy(fresh, values)
	}
	if r.trainsVerifier() && index > 0 {
		if err := r.rankByVerifier(ctx, index, fresh, values); err != nil {
			return err
		}
	}
	if index > 0 && !r.c.Verified() {
		if err := r.discriminate(index, real, values); err != nil {
			return err
		}
	}
	if r.heldPairs != nil && index > 0 {
		if err := r.addPreferred(index, values); err != nil {
			return err
		}
	}
	if err := r.judge(index, real, fresh, values); err != nil {
		return err
	}
	maps.Copy(e.Values, values)
	r.logf("%s: %s", r.heading, evaluated(values))
	out := metrics.Evaluation{Iteration: index - 1, Prompts: len(r.held.examples), Samples: len(fresh), Values: values, Examples: r.show(real, fresh)}
	if err := fsys.MakeDir(r.fs, filepath.Dir(r.path(evalFile(index)))); err != nil {
		return err
	}
	if err := metrics.WriteEvaluation(r.fs, r.path(evalFile(index)), out); err != nil {
		return err
	}
	return r.metrics.Append(metrics.Record{Iteration: index - 1, Step: r.stepsBefore(index), Values: prefixed("eval_", values)})
}

// evaluated is an evaluation in one line.
func evaluated(v map[string]float64) string {
	text := fmt.Sprintf("held-out samples of %.1f tokens, %.0f %% cut off", v["length/generated"], 100*v["truncated"])
	if loss, known := v["loss"]; known {
		text = fmt.Sprintf("held-out loss %.4f nats a token; samples of %.1f tokens (real %.1f), %.0f %% cut off", loss, v["length/generated"], v["length/real"], 100*v["truncated"])
	}
	if accuracy, verified := v["accuracy"]; verified {
		text += fmt.Sprintf("; %.1f %% solved", 100*accuracy)
	}
	if margin, compared := v["rewards/margins"]; compared {
		text += fmt.Sprintf("; margin %.4f, accuracy %.3f against the policy before", margin, v["rewards/accuracies"])
	}
	if accuracy, preferred := v["preference/rewards/accuracies"]; preferred {
		text += fmt.Sprintf("; %.1f %% of preference pairs told apart, margin %.4f against the first policy", 100*accuracy, v["preference/rewards/margins"])
	}
	return text
}

func prefixed(prefix string, values map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for name, v := range values {
		out[prefix+name] = v
	}
	return out
}

// lengths are the numbers that one policy has alone. Where no row brings a real response there is nothing to say of them.
func (r *run) lengths(real, fresh records) map[string]float64 {
	n, reals := float64(len(r.held.examples)), float64(r.held.reals())
	v := map[string]float64{}
	tokens := 0.0
	for _, x := range r.held.examples {
		a, b := real.at(x.key, 0), fresh.at(x.key, 0)
		if x.real() {
			v["logps/real"] += policy.Sum(a.Logp) / reals
			v["length/real"] += float64(len(a.Response)) / reals
			tokens += float64(len(a.Response))
		}
		v["logps/generated"] += policy.Sum(b.Logp) / n
		v["length/generated"] += float64(len(b.Response)) / n
		if b.Finish == shard.FinishLength {
			v["truncated"] += 1 / n
		}
	}
	if reals > 0 {
		v["loss"] = -v["logps/real"] * reals / tokens // mean over tokens
	}
	return v
}

// discriminate compares the policy with the one before: does it tell real responses from those that the one before drew?
func (r *run) discriminate(index int, real records, values map[string]float64) error {
	refs, err := r.readEvalReal(index - 1)
	if err != nil {
		return err
	}
	drawn, err := r.readEvalSamples(index - 1)
	if err != nil {
		return err
	}
	beta, n := r.rewardScale(index-1), float64(len(r.held.examples))
	var reals, others []float64
	for _, x := range r.held.examples {
		refOther := policy.Sum(drawn.at(x.key, 0).Logp)
		if len(x.rejected) > 0 {
			refOther = policy.Sum(refs.at(x.key, 1).Logp)
		}
		chosen := beta * (policy.Sum(real.at(x.key, 0).Logp) - policy.Sum(refs.at(x.key, 0).Logp))
		rejected := beta * (policy.Sum(real.at(x.key, 1).Logp) - refOther)
		reals, others = append(reals, chosen), append(others, rejected)
		values["rewards/chosen"] += chosen / n
		values["rewards/rejected"] += rejected / n
		values["rewards/margins"] += (chosen - rejected) / n
		values["logps/rejected"] += policy.Sum(real.at(x.key, 1).Logp) / n
		if chosen > rejected {
			values["rewards/accuracies"] += 1 / n
		} else {
			values["rewards/accuracies"] += 0
		}
	}
	r.addGap(index-1, reals, others, values)
	return nil
}

// rewardScale is beta, or 1 for the loss that has none.
func (r *run) rewardScale(t int) float64 {
	if r.c.Algorithm == "space" {
		return 1
	}
	return r.c.Beta.At(t)
}

// judge adds the caller's values.
func (r *run) judge(index int, real, fresh records, values map[string]float64) error {
	if r.o.Judge == nil {
		return nil
	}
	var a, b []Judged
	for _, x := range r.held.examples {
		x1, x2 := real.at(x.key, 0), fresh.at(x.key, 0)
		a = append(a, Judged{Key: x.key, Prompt: x.prompt, Response: slices.Clone(x1.Response), Logp: policy.Sum(x1.Logp), Finish: "data"})
		b = append(b, Judged{Key: x.key, Prompt: x.prompt, Response: slices.Clone(x2.Response), Logp: policy.Sum(x2.Logp), Finish: finishName(x2.Finish)})
	}
	own, err := r.o.Judge(index-1, a, b)
	for name, v := range own {
		values[name] = v
	}
	return err
}

func finishName(f uint8) string {
	if f == shard.FinishLength {
		return "length"
	}
	return "stop"
}

// show picks the examples for the report, the same rows in every iteration.
func (r *run) show(real, fresh records) []metrics.Example {
	var out []metrics.Example
	for _, x := range r.held.examples[:min(len(r.held.examples), r.c.Eval.Examples)] {
		a, b := real.at(x.key, 0), fresh.at(x.key, 0)
		shown := metrics.Example{Prompt: r.text(x.prompt), Real: r.text(a.Response), Generated: r.text(b.Response),
			Finish: finishName(b.Finish), RealLogp: policy.Sum(a.Logp), GenLogp: policy.Sum(b.Logp)}
		if r.c.Verified() {
			shown.Verdict, shown.Extracted = verdictOf(b.Verdict).String(), string(b.Meta)
		}
		out = append(out, shown)
	}
	return out
}
