package trainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"spar/internal/fault"
	"spar/internal/rng"
	"spar/loader/dataset"
	"spar/loader/shard"
	"spar/loader/template"
	"spar/trainer/journal"
	"spar/trainer/selfplay/family"
)

func proposalsName(t int) string { return iterationDir(t) + "/rollouts/proposals.shard" }

// proposal is what the metadata of a record of proposals.shard holds: the task, or why there is none.
type proposal struct {
	Pose   family.Pose   `json:"pose"`
	Task   *family.Task  `json:"task,omitempty"`
	Reason family.Reason `json:"reason,omitempty"`
	own    string        // what was written as the task, also of a repetition; "" where there is none
}

// openFamily opens the family of tasks, and for corpus its documents.
func (r *run) openFamily() error {
	p := r.c.Play
	o := family.Options{Levels: p.Levels, Pose: p.Pose, Spaced: p.Spaced}
	r.train = newCorpus(r.c.Data.Train)
	if r.c.Data.Train != "" {
		rows, err := dataset.ReadAll(r.c.Data.Train, dataset.Options{SkipBad: r.c.Data.SkipBad})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Shape != dataset.ShapeText {
				return fault.Inputf("%s:%d: the family %s reads documents, rows with the key text; this row has %s", r.c.Data.Train, row.Line, p.Family, row.Shape)
			}
			o.Documents = append(o.Documents, row.Text)
		}
		if r.train.fileHash, err = dataset.HashFile(r.c.Data.Train); err != nil {
			return err
		}
		r.train.hash = r.train.fileHash
	}
	if p.Family == "program" {
		if _, err := r.jail(); err != nil { // known before anything runs
			return err
		}
		o.Run = r.runStarlark
	}
	var err error
	r.family, err = family.Open(p.Family, o)
	return err
}

// familyVerifiers are the verifiers that the family's tasks name.
func (r *run) familyVerifiers() []string {
	switch {
	case r.family == nil:
		return nil
	case r.c.Play.Verifier != "family":
		return []string{r.c.Play.Verifier}
	}
	return r.family.Verifiers()
}

// proposals is the draw of iteration t's tasks.
func (r *run) proposals(t int, c *corpus) draw {
	policyHash, _ := r.proposerStart(t)
	return draw{corpus: c, samples: 1, iteration: t, lane: poseLane, file: proposalsName(t), policyHash: policyHash, judge: r.judgeProposal}
}

// propose has the proposer set the tasks of iteration t.
func (r *run) propose(ctx context.Context, t int) error {
	if !r.c.Proposes() {
		return nil
	}
	c, err := r.poses(t)
	if err != nil {
		return err
	}
	d := r.proposals(t, c)
	_, path := r.proposerStart(t)
	inputs := r.drawInputs(d)
	if t > 0 && r.steers() {
		inputs["ledger"] = r.output(t-1, "remember", ledgerName(t-1))
	}
	return r.do(ctx, stage{
		iteration: t, name: "propose", outputs: []string{d.file}, inputs: inputs,
		work: func(ctx context.Context, e *journal.Entry) error {
			return r.drawAll(ctx, d, path, e)
		},
	})
}

// poses are the proposer's prompts, of the difficulties that the curriculum asks for.
func (r *run) poses(t int) (*corpus, error) {
	weights, err := r.levelWeights(t)
	if err != nil {
		return nil, err
	}
	c := newCorpus("")
	enc := encoder{c: r.c, m: r.model, counts: c.counts}
	for i, pose := range r.family.Poses(r.c.Play.Proposals, weights, rng.NewStream(r.c.Seed, poseLane, uint32(t))) {
		x, err := enc.posed(&task{problem: r.asked(pose.Text)}, "", "")
		if err != nil {
			return nil, err
		}
		if len(x.prompt) >= r.c.MaxLength {
			return nil, fault.Inputf("the proposer's prompt has %d tokens and max_length %d leaves no room for a task; raise max_length or shorten play.pose", len(x.prompt), r.c.MaxLength)
		}
		x.key, x.pose = i, &pose
		c.add(x)
	}
	c.hash = hashExamples(c.examples)
	return c, nil
}

// asked is a text as the model is asked: through its chat template when it has one.
func (r *run) asked(text string) dataset.Text {
	if r.model.Template == nil {
		return dataset.Text{String: text, Present: true}
	}
	return dataset.Text{Messages: []template.Message{{Role: "user", Content: text}}, IsMessages: true, Present: true}
}

// judgeProposal reads a proposal as a task.
func (r *run) judgeProposal(ctx context.Context, x example, records []shard.Record) error {
	for i, rec := range records {
		p := proposal{Pose: *x.pose}
		set, reason, err := r.family.Read(ctx, p.Pose, r.text(rec.Response))
		if err != nil {
			return fmt.Errorf("proposal %d: %w", x.key, err)
		}
		records[i].Verdict = shard.VerdictFail
		if p.Reason = reason; reason == "" {
			p.Task, records[i].Verdict, records[i].Reward = &set, shard.VerdictPass, 1
		}
		if records[i].Meta, err = json.Marshal(p); err != nil {
			return err
		}
	}
	return nil
}

// readProposals is what was proposed, by number; it is read once.
func (r *run) readProposals(t int) ([]proposal, records, error) {
	if sealed := r.output(t, "propose", proposalsName(t)); sealed == "" || r.posed.sealed != sealed {
		proposals, m, err := r.openProposals(t)
		if err != nil {
			return nil, nil, err
		}
		r.posed = posed{sealed: sealed, proposals: proposals, records: m}
	}
	return r.posed.proposals, r.posed.records, nil
}

// openProposals reads the file of proposals. The second of two tasks with the same problem is repeated.
func (r *run) openProposals(t int) ([]proposal, records, error) {
	d := r.proposals(t, nil)
	m, err := r.readShard(d.file, r.header(d.policyHash, r.settings(d)))
	if err != nil {
		return nil, nil, err
	}
	out := make([]proposal, r.c.Play.Proposals)
	seen := map[string]bool{}
	for i := range out {
		rec, err := m.get(d.file, i, 0)
		if err != nil {
			return nil, nil, err
		}
		if err := json.Unmarshal(rec.Meta, &out[i]); err != nil {
			return nil, nil, errors.Join(fault.Inputf("%s: the metadata of proposal %d", d.file, i), err)
		}
		if p := &out[i]; p.Task != nil {
			p.own = p.Task.Own()
			if seen[p.Task.Problem] {
				p.Task, p.Reason = nil, family.Repeated
				continue
			}
			seen[p.Task.Problem] = true
		}
	}
	return out, m, nil
}

// levelWidth is how far off the target rate a level may be and still be asked for often.
const levelWidth = 0.15

// levelWeights is how often each level is to be asked for: by a Gaussian in the distance of its solve rate from the target, which is the mean
// of the ledger's posterior before the iteration; nil asks for all levels evenly.
func (r *run) levelWeights(t int) ([]float64, error) {
	if !r.steers() {
		return nil, nil
	}
	defer r.counted()()
	l, err := r.ledgerBefore(t)
	if err != nil {
		return nil, err
	}
	weights := make([]float64, r.family.Levels())
	for i := range weights {
		off := (l.Posterior(l.Level(i+1), t).Mean() - r.c.Play.TargetRate) / levelWidth
		weights[i] = math.Exp(-off * off / 2)
	}
	return weights, nil
}

func (r *run) steers() bool { return r.c.Play.Curriculum == "steer" }
