package trainer

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"spar/internal/fault"
	"spar/loader/dataset"
	"spar/loader/template"
	"spar/trainer/journal"
	"spar/trainer/policy"
	"spar/trainer/selfplay/reward"
)

// The guide of SGS (arXiv 2604.20209) is the model in a third role: it says which of the proposer's tasks are worth posing. Here the policy that solves is
// asked about each task, and the guide's score is its probability of answering yes, of yes and no.

// guidePose is what the guide is asked.
const guidePose = "Is this a clear and natural problem, without needless complication? Answer yes or no.\n{task}\n"

// The guide's answers, in the order of their samples in the shard.
const (
	guideYes = "yes"
	guideNo  = "no"
)

func guideName(t int) string { return iterationDir(t) + "/guide.shard" }

// guided reports whether the proposer's reward reads the guide.
func (r *run) guided() bool {
	if !r.c.Proposes() {
		return false
	}
	rule, err := reward.New(r.c.Play.ProposerReward)
	return err == nil && rule.Guided()
}

// guide scores both answers to what the guide is asked about each task of iteration t.
func (r *run) guide(ctx context.Context, t int) error {
	if !r.guided() {
		return nil
	}
	c, err := r.guideQuestions(t)
	if err != nil {
		return err
	}
	policyHash, _ := r.start(t)
	return r.do(ctx, stage{
		iteration: t, name: "guide", outputs: []string{guideName(t)},
		inputs: map[string]string{"policy": policyHash, "questions": c.hash, "numerics": r.numerics()},
		work: func(ctx context.Context, e *journal.Entry) error {
			e.Counts["tasks"], e.Counts["tasks too long"] = int64(len(c.examples)), c.counts["long prompts left out"]
			return r.scoreInto(ctx, guideName(t), t, dataGroups(c), e)
		},
	})
}

// guideQuestions are what the guide is asked about the tasks of iteration t, with yes in the place of the chosen response and no of the
// rejected one. A task that leaves no room for them is left out.
func (r *run) guideQuestions(t int) (*corpus, error) {
	tasks, err := r.tasks(t)
	if err != nil {
		return nil, err
	}
	pose := r.c.Play.Guide
	if pose == "" {
		pose = guidePose
	}
	c := newCorpus("")
	enc := encoder{c: r.c, m: r.model, counts: c.counts}
	for _, x := range tasks.examples {
		question := r.asked(strings.ReplaceAll(pose, "{task}", r.problemText(x.task)))
		q, err := enc.texts(question, answered(guideYes), answered(guideNo))
		if err != nil {
			return nil, fmt.Errorf("play.guide, proposal %d: %w", x.key, err)
		}
		if slices.Equal(q.chosen, q.rejected) {
			return nil, fault.Inputf("play.proposer_reward: sgs has the policy answer %s or %s, and the tokenizer of %s writes both alike; choose another reward", guideYes, guideNo, r.c.Model)
		}
		if len(q.prompt)+max(len(q.chosen), len(q.rejected)) > r.c.MaxLength {
			c.counts["long prompts left out"]++
			continue
		}
		q.key = x.key
		c.add(q)
	}
	c.hash = hashExamples(c.examples)
	return c, nil
}

// answered is an answer, as a text and as a turn.
func answered(text string) dataset.Text {
	return dataset.Text{String: text, Messages: []template.Message{{Role: "assistant", Content: text}}, Present: true}
}

// readGuide returns the guide's scores of iteration t's tasks, in [0, 1], by number of the proposal. One that it could not be asked about has none.
func (r *run) readGuide(t int) (map[int]float64, error) {
	policyHash, _ := r.start(t)
	m, err := r.readShard(guideName(t), r.header(policyHash, hashText("score")))
	if err != nil {
		return nil, err
	}
	scores := map[int]float64{}
	for key := range m {
		yes, err := m.get(guideName(t), key, 0)
		if err != nil {
			return nil, err
		}
		no, err := m.get(guideName(t), key, 1)
		if err != nil {
			return nil, err
		}
		scores[key] = 1 / (1 + math.Exp(policy.Sum(no.Logp)-policy.Sum(yes.Logp)))
	}
	return scores, nil
}
