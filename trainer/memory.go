package trainer

import (
	"errors"
	"slices"

	"spar/internal/fsys"
	"spar/loader/pack"
	"spar/native"
	"spar/trainer/policy"
)

// Requirement is the memory that a run needs in the engine, at most.
type Requirement struct {
	policy.Memory
	Workload  policy.Workload
	Available int64 // bytes that this process may still allocate
}

// Plan computes what the run that c describes needs. It reads the data, not the weights. When that is more than there is,
// the requirement comes with an error of class fault.Memory that names the cheapest change that fits.
func Plan(c *Config, o RunOptions) (q Requirement, err error) {
	r := &run{c: c, o: o, fs: fsys.OS, lib: o.Library}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := c.Validate(); err != nil {
		return q, err
	}
	if err := r.openInputs(); err != nil {
		return q, r.classify(err)
	}
	return r.requirement()
}

// requirement is Plan for inputs that are open.
func (r *run) requirement() (q Requirement, err error) {
	if q.Available, err = policy.Available(); err != nil {
		return q, err
	}
	q.Workload = r.workload()
	q.Memory, err = policy.CheckMemory(r.lib, r.model.Config, r.policyOptions(), q.Workload, q.Available)
	return q, err
}

// workload bounds what the stages will ask of the engine: generated responses are as long as they may become.
func (r *run) workload() policy.Workload {
	if r.c.Plays() {
		return r.playWorkload()
	}
	training := r.longestGroups(r.train, true)
	if r.c.Selects() { // several responses to one task, each a group of its own
		training = slices.Repeat(training, min(r.c.Sampling.Samples, r.microBatch()))
	}
	scoring := r.longestGroups(r.train, false)
	if r.preferences != nil {
		preferred := dataGroups(r.preferences)
		scoring = append(scoring, preferred...)
		training = append(training, slices.Repeat(preferred, 1+r.microBatch()/len(preferred))...) // few rows are used more than once
	}
	if r.heldPairs != nil {
		scoring = append(scoring, dataGroups(r.heldPairs)...)
	}
	w := policy.Workload{Optimizer: optimizerConfig(r.c).Kind, Train: r.largest(training, r.microBatch()), Score: r.largest(scoring, scoreChunk)}
	if r.held != nil {
		held := r.largest(r.longestGroups(r.held, true), scoreChunk)
		w.Score = pack.Limits{Rows: max(w.Score.Rows, held.Rows), Segments: max(w.Score.Segments, held.Segments), Targets: max(w.Score.Targets, held.Targets)}
	}
	if r.c.Draws() || r.held != nil {
		w.Sampler = native.SamplerConfig{MaxRows: policy.DefaultSampleRows, KVTokens: policy.DefaultKVTokens}
	}
	return w
}

// microBatch is how many groups a micro-batch may hold.
func (r *run) microBatch() int {
	if r.c.TokensPerBatch > 0 {
		return len(r.train.examples) * (1 + r.c.Sampling.Samples)
	}
	return r.c.BatchSize
}

// longestGroups are the groups of a stage at their longest. With pairs every group holds its second response, and its
// third where the loss needs one.
func (r *run) longestGroups(c *corpus, pairs bool) []pack.Group {
	groups := dataGroups(c)
	if !pairs || !r.c.Draws() {
		return groups
	}
	for i, g := range groups {
		longest := make([]int32, max(0, min(r.c.Sampling.MaxNewTokens, r.c.MaxLength-len(g.Prompt))))
		if r.c.Selects() { // each response is a group of its own
			if len(longest) > len(g.Responses[0]) {
				groups[i].Responses[0] = longest
			}
			continue
		}
		groups[i].Responses = append(groups[i].Responses, longest)
		if r.objective.Needs().Proto {
			groups[i].Responses = append(groups[i].Responses, longest)
		}
	}
	return groups
}

// largest bounds a batch of up to n of the groups within the token budget.
func (r *run) largest(groups []pack.Group, n int) pack.Limits {
	slices.SortFunc(groups, func(a, b pack.Group) int { return pack.Rows(b) - pack.Rows(a) })
	need := pack.Need(groups[:min(n, len(groups))])
	budget := r.c.TokensPerBatch
	if budget == 0 {
		budget = max(policy.DefaultTokensPerBatch, pack.Rows(groups[0]))
	}
	return pack.Limits{Rows: min(need.Rows, budget), Segments: need.Segments, Targets: min(need.Targets, budget)}
}

// Program is the text of the forward or backward program of c's training batch, one op a line with arena offsets. It opens
// the model.
func Program(c *Config, o RunOptions, backward bool) (text string, err error) {
	r := &run{c: c, o: o, fs: fsys.OS, lib: o.Library}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.openInputs(); err != nil {
		return "", r.classify(err)
	}
	p, err := policy.Open(r.lib, r.model, r.policyOptions())
	if err != nil {
		return "", r.classify(err)
	}
	r.loaded.policy = p
	return p.Program(r.workload().Train, backward)
}
