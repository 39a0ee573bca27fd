package prove

import (
	"cmp"
	"math"
	"slices"

	"spar/internal/rng"
	"spar/trainer/objective"
	"spar/trainer/selfplay/reward"
)

// The world of claims 12 and 13 is R-Zero's loop in small (arXiv 2508.05004). A question is of a topic and of a difficulty; its answers
// have features, and the truth is the answer that a hidden judge of the topic scores highest, by a margin that the difficulty
// sets. A solver sees the first features only, as many as its size; its label is what most of its draws say. A challenger chooses
// topic and difficulty and is paid for uncertainty, less the share of its topic.
const (
	topics       = 6
	difficulties = 5
	answers      = 4
	features     = 12 // of an answer in its topic, and as many shared by all topics
	asked        = 240
	labelDraws   = 10
	tuneDraws    = 5
	rounds       = 15
	solverRate   = 6
	askRate      = 1.0
	examSize     = 600
)

// challenge is a run's state.
type challenge struct {
	r          *rng.Stream
	judges     [topics][]float64 // over shared and own features
	solver     linear
	challenger []float64 // logits over topic and difficulty
	gradient   objective.PolicyGradient
	rule       reward.Rule
	teacher    learner
	exam       []puzzle
	rules      challengeRules
}

// challengeRules are what the ablations leave out.
type challengeRules struct {
	size       int  // features that the solver sees of each kind
	filter     bool // keep questions with a share of agreement in [0.3, 0.8]
	repetition bool // charge the share of the topic
}

// puzzle is a question with its truth.
type puzzle struct {
	question
	truth  int
	margin float64 // by which the judge prefers the truth
	kind   int     // topic times difficulties plus difficulty
}

func newChallenge(rules challengeRules, seed uint64) (*challenge, error) {
	c := &challenge{r: rng.NewStream(seed, 12), rules: rules, challenger: make([]float64, topics*difficulties)}
	var err error
	if c.gradient, err = objective.NewPolicyGradient("reinforce", objective.DefaultGradient()); err != nil {
		return nil, err
	}
	if c.teacher, err = newLearner(askRate); err != nil {
		return nil, err
	}
	if c.rule, err = reward.New("r_zero_paper"); err != nil {
		return nil, err
	}
	shared := gaussians(features, 0.7, c.r)
	for t := range c.judges {
		c.judges[t] = append(append([]float64(nil), shared...), gaussians(features, 0.7, c.r)...)
	}
	c.solver = linear{make([]float64, features*(topics+1))}
	for i := range c.solver.theta { // what pretraining left: labels as good as R-Zero starts with
		truth := shared[i%features]
		if t := i/features - 1; t >= 0 {
			truth = c.judges[t][features+i%features]
		}
		c.solver.theta[i] = 1.0*truth + 0.2*normal(c.r)
	}
	for i := range examSize {
		c.exam = append(c.exam, c.pose(i%(topics*difficulties)))
	}
	return c, nil
}

// pose draws a question of a kind: of as many draws as there are difficulties the one of that rank, by the margin.
func (c *challenge) pose(kind int) puzzle {
	drawn := make([]puzzle, difficulties)
	for i := range drawn {
		drawn[i] = c.draw(kind / difficulties)
	}
	slices.SortFunc(drawn, func(a, b puzzle) int { return cmp.Compare(b.margin, a.margin) })
	chosen := drawn[kind%difficulties]
	chosen.kind = kind
	return chosen
}

func (c *challenge) draw(topic int) (p puzzle) {
	scores := make([]float64, answers)
	p.question = make(question, answers)
	for a := range answers {
		x := gaussians(2*features, 1, c.r)
		scores[a] = dot(c.judges[topic], x)
		p.question[a] = make([]float64, features*(topics+1))
		for j := range c.rules.size {
			p.question[a][j] = x[j]
			p.question[a][features*(topic+1)+j] = x[features+j]
		}
	}
	p.truth = peak(scores)
	sorted := slices.Sorted(slices.Values(scores))
	p.margin = sorted[answers-1] - sorted[answers-2]
	return p
}

// accuracy is the exact probability of the truth over the exam.
func (c *challenge) accuracy() (sum float64) {
	for _, p := range c.exam {
		sum += math.Exp(c.solver.policy(p.question)[p.truth]) / examSize
	}
	return sum
}

// majority is the most frequent of n draws, and its count.
func majority(policy tabular, n int, r *rng.Stream) (label, count int) {
	counts := make([]int, len(policy))
	for range n {
		counts[policy.draw(r)]++
	}
	label = slices.Index(counts, slices.Max(counts))
	return label, counts[label]
}

// roundResult is what a round shows.
type roundResult struct {
	accuracy  float64 // of the solver, after it
	labels    float64 // share of kept labels that are true
	agreement float64 // mean share of the majority over all that was asked
}

// round is one turn of challenger and solver.
func (c *challenge) round() (out roundResult) {
	policy := normalized(c.challenger)
	var posed []puzzle
	var batch []reward.Proposal
	var share [topics]float64
	labels := make([]int, asked)
	for i := range asked {
		p := c.pose(policy.draw(c.r))
		label, count := majority(c.solver.policy(p.question), labelDraws, c.r)
		posed, labels[i] = append(posed, p), label
		batch = append(batch, reward.Proposal{Successes: count, Group: labelDraws})
		share[p.kind/difficulties] += 1.0 / asked
		out.agreement += float64(count) / labelDraws / asked
	}
	if c.rules.repetition {
		for i, p := range posed {
			batch[i].ClusterShare = share[p.kind/difficulties]
		}
	}
	c.teach(posed, batch)
	out.labels = c.learn(posed, labels, batch)
	out.accuracy = c.accuracy()
	return out
}

// teach updates the challenger by R-Zero's reward.
func (c *challenge) teach(posed []puzzle, batch []reward.Proposal) {
	rewards := make([]float64, len(batch))
	c.rule.Evaluate(batch, rewards)
	var choices []choice
	for i, a := range reward.Whiten(rewards, make([]reward.Role, len(rewards))) {
		choices = append(choices, single(0, posed[i].kind, a))
	}
	c.teacher.step([][]float64{c.challenger}, choices)
}

// learn updates the solver on the labels that it keeps and returns the share of them that are true.
func (c *challenge) learn(posed []puzzle, labels []int, batch []reward.Proposal) (truth float64) {
	kept := 0
	var picks []pick
	for i, p := range posed {
		agreement := float64(batch[i].Successes) / float64(batch[i].Group)
		if c.rules.filter && (agreement < 0.3 || agreement > 0.8) {
			continue
		}
		kept++
		if labels[i] == p.truth {
			truth++
		}
		policy := c.solver.policy(p.question)
		drawn, rewards := make([]int, tuneDraws), make([]float64, tuneDraws)
		for k := range drawn {
			if drawn[k] = policy.draw(c.r); drawn[k] == labels[i] {
				rewards[k] = 1
			}
		}
		for k, a := range objective.Advantages(objective.AdvantageGroupStd, rewards) {
			picks = append(picks, pick{p.question, drawn[k], a})
		}
	}
	if kept == 0 {
		return 0
	}
	c.solver.step(c.gradient, solverRate, picks)
	return truth / float64(kept)
}
