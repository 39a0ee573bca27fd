package trainer

import (
	"context"
	"errors"
	"slices"
	"time"

	"spar/internal/fault"
	"spar/loader/shard"
	"spar/trainer/journal"
	"spar/trainer/policy"
	"spar/trainer/progress"
)

// Lanes of the sampler's random numbers: evaluation and second tries must not repeat the draws of training.
const (
	trainLane = 0
	poseLane  = 1 << 28
	hintLane  = 1 << 29
	evalLane  = 1 << 30
)

// samplesOf is how many responses an iteration draws for each prompt. T-SPIN's first iteration draws
// one more: the response of the first policy that all later iterations are anchored to.
func (r *run) samplesOf(t int) int {
	if r.objective.Needs().Proto && t == 0 {
		return r.c.Sampling.Samples + 1
	}
	return r.c.Sampling.Samples
}

func rolloutsName(t int) string { return iterationDir(t) + "/rollouts/train.shard" }

// sample draws the opponent's responses to the training prompts.
func (r *run) sample(ctx context.Context, t int) error {
	if !r.c.Draws() || r.grown(t) != t {
		return nil
	}
	policyHash, path := r.start(t)
	d := draw{corpus: r.train, samples: r.samplesOf(t), iteration: t, lane: trainLane, file: rolloutsName(t), policyHash: policyHash, judge: r.byVerifier(), decided: r.decided(t)}
	return r.do(ctx, stage{
		iteration: t, name: "sample", outputs: []string{d.file}, inputs: r.drawInputs(d),
		work: func(ctx context.Context, e *journal.Entry) error {
			return r.drawAll(ctx, d, path, e)
		},
	})
}

// drawInputs are the hashes of everything that a draw's records depend on.
func (r *run) drawInputs(d draw) map[string]string {
	inputs := map[string]string{"policy": d.policyHash, "train": d.corpus.hash, "sampling": r.settings(d), "numerics": r.numerics()}
	if d.judge != nil {
		inputs["verifier"] = r.verifierSettings()
	}
	return inputs
}

// draw is a set of responses to be drawn into one shard.
type draw struct {
	corpus     *corpus
	samples    int // for each prompt
	iteration  int // of the policy, which is the iteration of the random numbers
	lane       int
	file       string
	policyHash string
	judge      judge                     // nil: nothing is judged
	decided    func([]shard.Record) bool // a task needs no more responses than these; nil: all are drawn
}

// settings is the hash of everything about sampling that changes what is drawn.
func (r *run) settings(d draw) string {
	s := r.c.Sampling
	parts := []any{s.Temperature, s.TopP, s.TopK, s.MinP, s.MaxNewTokens, s.Stop, r.c.MaxLength, r.c.Seed, d.samples, d.iteration, d.lane}
	if d.decided != nil {
		parts = append(parts, "stop decided", waves, r.c.Algorithm, r.c.Selection.Threshold, r.c.Selection.Dedupe, r.c.Selection.MaxPerPrompt, r.c.TruncatedSamples)
	}
	return hashText(parts...)
}

// numerics is the hash of what fixes the bits of a computation besides its inputs.
func (r *run) numerics() string { return hashText(r.lineage.Kernels, r.lineage.Precision) }

// drawAll draws what the shard lacks with the draw's policy, which is at the given place, and seals the shard.
func (r *run) drawAll(ctx context.Context, d draw, path string, e *journal.Entry) (err error) {
	w, err := r.createShard(d.file, r.header(d.policyHash, r.settings(d)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.abandon()) }()
	p, err := r.loadFrom(d.policyHash, path)
	if err != nil {
		return err
	}
	line := r.progress(len(d.corpus.examples)*d.samples, w.count, "responses drawn")
	defer line.Close()
	o := ordered{shard: w, draw: d, entry: e, waiting: map[id]shard.Record{}, line: line, keeps: d.judge != nil && d.file == rolloutsName(d.iteration)}
	if d.decided != nil {
		o.seen = records{}
	}
	total := 0
	for o.wave = d.firstWave(); o.wave.records() > 0; o.wave = d.after(o.wave, o.seen) {
		if err := r.drawWave(ctx, p, &o); err != nil {
			return err
		}
		total += o.wave.records()
	}
	if err := checkWhole(d.file, w.count, total); err != nil {
		return err
	}
	line.Done("")
	if o.keeps && len(o.kept) == total {
		r.drawn = drawn{d.iteration, grouped(o.kept)}
	}
	return w.seal()
}

// drawWave draws what the shard lacks of a wave, and waits for its verdicts.
func (r *run) drawWave(ctx context.Context, p *policy.Policy, o *ordered) error {
	if o.draw.judge != nil {
		o.judges, o.partial = startJudges(ctx, o.draw), map[int][]shard.Record{}
	}
	if err := p.Sample(ctx, r.requests(o.draw, o.wave, o.shard.count), policy.SampleOptions{}, o.add); err != nil {
		return stopOr(ctx, o.abandon(err))
	}
	if err := o.finish(); err != nil {
		return stopOr(ctx, err)
	}
	return nil
}

// requests asks for all samples of a wave but those among the first done records, which are in the shard already. A task whose responses are
// judged together is drawn again as a whole, and so are all tasks where verdicts decide what else is drawn.
func (r *run) requests(d draw, w wave, done int) []policy.SampleRequest {
	var out []policy.SampleRequest
	for rank, i := range w.tasks {
		x := d.corpus.examples[i]
		skip := min(w.samples, max(0, done-w.before-rank*w.samples))
		if skip == w.samples && d.decided == nil {
			continue
		}
		if d.judge != nil {
			skip = 0
		}
		s := r.c.Sampling
		out = append(out, policy.SampleRequest{
			ID: i, Prompt: x.prompt, FirstSample: w.first + skip, Samples: w.samples - skip,
			MaxNewTokens: min(s.MaxNewTokens, r.c.MaxLength-len(x.prompt)),
			Temperature:  s.Temperature, TopK: s.TopK, TopP: s.TopP, MinP: s.MinP,
			StopIDs: r.stopIDs(), StopStrings: s.Stop,
			Seed: r.c.Seed, Iteration: d.iteration, PromptKey: d.lane + x.key,
		})
	}
	return out
}

// ordered writes completions, which finish in any order, by row and sample, so that a shard's bytes do not depend
// on when it was interrupted.
type ordered struct {
	shard   *shardWriter
	draw    draw
	wave    wave // in hand
	entry   *journal.Entry
	waiting map[id]shard.Record
	line    *progress.Line
	judges  *judges                // nil: nothing is verified
	partial map[int][]shard.Record // by request: tasks that are not wholly drawn
	seen    records                // where verdicts decide what else is drawn: all so far
	keeps   bool
	kept    []shard.Record // what was verified and written, for the stages that come next
}

func (o *ordered) add(c policy.Completion) error {
	x := o.draw.corpus.examples[c.ID]
	finish := uint8(shard.FinishStop)
	if c.Finish == policy.FinishLength {
		finish = shard.FinishLength
	}
	if len(c.Tokens) == 0 {
		return fault.New(fault.Failed, "row %d, sample %d: an empty completion", x.key, c.Sample)
	}
	o.entry.Tokens += int64(len(c.Tokens))
	o.line.Tokens(int64(len(c.Tokens)))
	rec := shard.Record{Group: x.key, Sample: c.Sample, Prompt: x.prompt, Response: c.Tokens, Logp: c.Logp, Finish: finish}
	if o.judges == nil {
		return o.put([]shard.Record{rec})
	}
	return o.judge(c.ID, rec)
}

// judge hands a task to the judges once all of it is drawn, and takes those that they are through with.
func (o *ordered) judge(task int, rec shard.Record) error {
	o.partial[task] = append(o.partial[task], rec)
	if whole := o.partial[task]; len(whole) == o.wave.samples {
		slices.SortFunc(whole, func(a, b shard.Record) int { return a.Sample - b.Sample })
		o.judges.tasks <- whole
		delete(o.partial, task)
	}
	for {
		judged, err := o.judges.poll()
		if err != nil || judged == nil {
			return err
		}
		if err := o.put(judged); err != nil {
			return err
		}
	}
}

// finish waits for the verdicts that are still out. How long that took is on the entry: time that the engine stood still.
func (o *ordered) finish() error {
	if o.judges == nil {
		return nil
	}
	started := time.Now()
	err := o.judges.finish(o.put)
	o.entry.Values["verify_wait_seconds"] += time.Since(started).Seconds()
	return err
}

// abandon ends what runs beside the drawing, which failed with err.
func (o *ordered) abandon(err error) error {
	if o.judges == nil {
		return err
	}
	return o.judges.abandon(err)
}

// put writes records as far as those before them are there. What the shard has already is passed over.
func (o *ordered) put(records []shard.Record) error {
	for _, rec := range records {
		at := id{o.draw.corpus.index[rec.Group], rec.Sample}
		if o.wave.position(at) >= o.shard.count {
			o.waiting[at] = rec
		}
		if o.seen != nil {
			o.seen.put(rec)
		}
	}
	for {
		next, inside := o.wave.at(o.shard.count)
		rec, ok := o.waiting[next]
		if !inside || !ok {
			break
		}
		if err := o.shard.append(rec); err != nil {
			return err
		}
		if o.keeps {
			o.kept = append(o.kept, rec)
		}
		delete(o.waiting, next)
	}
	o.line.Set(o.shard.count, "")
	return nil
}
