package trainer

import (
	"math"
	"slices"
	"testing"

	"spar/loader/shard"
	"spar/trainer/config"
	"spar/trainer/selfplay/family"
	"spar/trainer/selfplay/reward"
)

// paid makes a run of play whose first task was solved by two of four responses and whose second by none.
func paid(objective string) (*run, *corpus, records) {
	c := config.Default("m", "play", "")
	c.Play.Objective, c.Play.Family, c.Sampling.Samples = objective, "arithmetic", 4
	tasks := &corpus{index: map[int]int{}}
	m := records{}
	for key, passed := range []int{2, 0} {
		tasks.index[key] = key
		tasks.examples = append(tasks.examples, example{key: key, task: &task{kind: "arithmetic", level: 1}})
		for j := range 4 {
			rec := shard.Record{Group: key, Sample: j, Verdict: shard.VerdictFail}
			if j < passed {
				rec.Verdict, rec.Reward = shard.VerdictPass, 1
			}
			m.put(rec)
		}
	}
	return &run{c: c}, tasks, m
}

func advantages(payments []payment) []float64 {
	var out []float64
	for _, p := range payments {
		out = append(out, math.Round(1e4*p.Advantage)/1e4)
	}
	return out
}

func TestSolverAdvantages(t *testing.T) {
	for objective, want := range map[string][]float64{
		"grpo":      {0.8659, 0.8659, -0.8659, -0.8659, 0, 0, 0, 0}, // 0.5 / (0.57735 + 1e-4)
		"dr_grpo":   {0.5, 0.5, -0.5, -0.5, 0, 0, 0, 0},
		"reinforce": {1.6202, 1.6202, -0.5401, -0.5401, -0.5401, -0.5401, -0.5401, -0.5401}, // mean 1/4, deviation sqrt(3/14)
		"rft":       {1, 1, 0, 0, 0, 0, 0, 0},
	} {
		r, tasks, m := paid(objective)
		if got := advantages(r.paySolver(tasks, m)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", objective, got, want)
		}
	}
}

// TestCorrectedAdvantages: backward divides differences by J, forward leaves them.
func TestCorrectedAdvantages(t *testing.T) {
	for correction, want := range map[string]float64{"none": 0.5, "forward": 0.5, "backward": 1} {
		r, tasks, m := paid("dr_grpo")
		v := &r.c.Verifier
		v.Correction, v.FalsePositive, v.FalseNegative = correction, 0.2, 0.3 // J = 0.5
		if got := r.paySolver(tasks, m)[0].Advantage; math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: advantage %v, want %v", correction, got, want)
		}
	}
}

func TestKeptTasks(t *testing.T) {
	r, tasks, m := paid("grpo")
	r.c.Play.KeepLow, r.c.Play.KeepHigh = 0.3, 0.8
	for _, p := range r.paySolver(tasks, m) {
		if p.Left != (p.Key == 1) {
			t.Errorf("task %d with solve rate %v: left out is %v", p.Key, []float64{0.5, 0}[p.Key], p.Left)
		}
	}
}

// TestProposerIsPaid: half solved, unsolved, broken and unreadable proposals under azr_paper are worth 0.5, 0, -0.5 and -1.
func TestProposerIsPaid(t *testing.T) {
	r, tasks, m := paid("dr_grpo")
	set := &family.Task{}
	proposals := []proposal{{Task: set}, {Task: set}, {Reason: family.Broken}, {Reason: family.Unreadable}}
	var rewards []float64
	sum := 0.0
	rule, err := reward.New("azr_paper")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.payProposer(rule, standing{}, proposals, tasks, m) {
		rewards, sum = append(rewards, p.Reward), sum+p.Advantage
	}
	if want := []float64{0.5, 0, -0.5, -1}; !slices.Equal(rewards, want) || math.Abs(sum) > 1e-12 {
		t.Errorf("rewards %v, want %v; advantages add up to %v, want 0", rewards, want, sum)
	}
}

// TestRepetitionIsPaid: four tasks that say the same with other words at the end, a copy of one of them, a task of its own, one that breaks a
// rule and one that cannot be read. All but the copy stand before the solver, who solves half of the first and none of the others.
func TestRepetitionIsPaid(t *testing.T) {
	r, tasks, m := paid("dr_grpo")
	var proposals []proposal
	for _, end := range []string{"even", "odd", "prime", "whole", "whole"} {
		proposals = append(proposals, proposal{Task: &family.Task{}, own: "what is the sum of the first ten numbers that are " + end})
	}
	proposals[4].Task, proposals[4].Reason = nil, family.Repeated
	proposals = append(proposals, proposal{Task: &family.Task{}, own: "name a triangle"}, proposal{Reason: family.Broken}, proposal{Reason: family.Unreadable})
	for i := range proposals {
		if _, posed := tasks.index[i]; !posed && proposals[i].Task != nil {
			tasks.index[i] = len(tasks.index)
		}
	}
	for name, want := range map[string][]float64{
		"r_zero_paper": {1 - 5./8, 0, 0, 0, 0, 0, 0, 0},
		"r_zero_code":  {0.5 - 5./8, -5. / 8, -5. / 8, -5. / 8, -1 - 5./8, -1. / 8, -1 - 1./8, -1 - 1./8},
	} {
		rule, err := reward.New(name)
		if err != nil {
			t.Fatal(err)
		}
		var rewards []float64
		s, err := r.standings(0, rule, proposals)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.payProposer(rule, s, proposals, tasks, m) {
			rewards = append(rewards, p.Reward)
		}
		values := map[string]float64{}
		s.add(values)
		if mean := (25. + 3) / 64; !slices.Equal(rewards, want) || math.Abs(values["proposer/cluster_share"]-mean) > 1e-12 {
			t.Errorf("%s: rewards %v, want %v; mean share %v, want %v", name, rewards, want, values["proposer/cluster_share"], mean)
		}
	}
	rule, err := reward.New("azr_paper")
	if s, _ := r.standings(0, rule, proposals); err != nil || s.cluster != nil {
		t.Errorf("azr_paper reads no cluster, and %v were made; %v", s.cluster, err)
	}
}

func TestTurns(t *testing.T) {
	for _, c := range []struct {
		roles            string
		t                int
		solver, proposer bool // left out
	}{
		{"shared", 0, false, false}, {"frozen", 0, false, true}, {"frozen", 1, false, true},
		{"alternating", 0, true, false}, {"alternating", 1, false, true},
	} {
		r, _, _ := paid("grpo")
		r.c.Play.Roles = c.roles
		solver, proposer := []payment{{}}, []payment{{}}
		r.takeTurns(c.t, solver, proposer)
		if solver[0].Left != c.solver || proposer[0].Left != c.proposer {
			t.Errorf("%s, iteration %d: solver left out %v, proposer %v", c.roles, c.t, solver[0].Left, proposer[0].Left)
		}
	}
}
