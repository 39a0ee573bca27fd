package trainer

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/loader/pack"
	"spar/trainer/config"
	"spar/trainer/objective"
	"spar/trainer/policy"
)

func numbered(n, length int) []pack.Group {
	out := make([]pack.Group, n)
	for i := range out {
		out[i] = pack.Group{Key: i, Prompt: []int32{1, 2}, Responses: [][]int32{make([]int32, length)}}
	}
	return out
}

// TestPlanSteps checks step counts, that an epoch takes every example once, and that the plan is a pure function.
func TestPlanSteps(t *testing.T) {
	for _, x := range []struct {
		name   string
		change func(*config.Config)
		steps  int
	}{
		{"one epoch", func(*config.Config) {}, 3},
		{"drop last", func(c *config.Config) { c.DropLast = true }, 2},
		{"accumulation", func(c *config.Config) { c.AccumulationSteps = 2 }, 2},
		{"two and a half epochs", func(c *config.Config) { c.Epochs = 2.5 }, 8},
		{"half an epoch", func(c *config.Config) { c.Epochs = 0.5 }, 2},
		{"max steps", func(c *config.Config) { c.MaxSteps = 7 }, 7},
		{"tokens", func(c *config.Config) { c.TokensPerBatch = 22 }, 5}, // a group takes 11 rows
	} {
		c := config.Default("m", "sft", "t")
		c.BatchSize = 4
		x.change(c)
		plan, err := planSteps(c, 1, material{groups: numbered(10, 10)})
		if err != nil || len(plan) != x.steps {
			t.Errorf("%s: %d steps, want %d; %v", x.name, len(plan), x.steps, err)
		}
		again, _ := planSteps(c, 1, material{groups: numbered(10, 10)})
		if !reflect.DeepEqual(plan, again) {
			t.Errorf("%s: planned twice, two plans", x.name)
		}
		if x.name != "one epoch" {
			continue
		}
		var all []int
		for _, s := range plan {
			all = append(all, s.examples()...)
		}
		other, _ := planSteps(c, 2, material{groups: numbered(10, 10)})
		if reflect.DeepEqual(plan, other) {
			t.Error("two iterations have the same order")
		}
		slices.Sort(all)
		if !reflect.DeepEqual(all, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) || plan[2].epoch != 1 {
			t.Errorf("an epoch takes %v and ends at %v", all, plan[2].epoch)
		}
	}
	c := config.Default("m", "sft", "t")
	c.TokensPerBatch = 5
	if _, err := planSteps(c, 0, material{groups: numbered(1, 10)}); fault.ExitCode(err) != 3 || !strings.Contains(err.Error(), "raise tokens_per_batch") {
		t.Errorf("a group larger than the batch: got %v", err)
	}
}

// TestSpread checks the share over all small sets: every example once, both kinds in their order, and in every stretch of w places w k / n
// preference pairs, rounded down or up.
func TestSpread(t *testing.T) {
	for n := 1; n <= 40; n++ {
		for k := 0; k <= n; k++ {
			order := make([]int, n)
			for i := range order {
				order[i] = i
			}
			own := n - k
			got := spread(slices.Clone(order), own)
			var kinds [2][]int
			before := make([]int, n+1) // preference pairs among the first i
			for i, x := range got {
				kind := 0
				if x >= own {
					kind = 1
				}
				kinds[kind] = append(kinds[kind], x)
				before[i+1] = before[i] + kind
			}
			if !slices.Equal(slices.Concat(kinds[0], kinds[1]), order) {
				t.Fatalf("n %d, k %d: %v", n, k, got)
			}
			for i := range n {
				for j := i + 1; j <= n; j++ {
					if have, low := before[j]-before[i], (j-i)*k/n; have < low || have > low+1 || (j-i)*k%n == 0 && have != low {
						t.Fatalf("n %d, k %d: places %d to %d hold %d preference pairs of %v", n, k, i, j, have, got)
					}
				}
			}
		}
	}
}

// TestMixedPlan: an epoch of a mixed plan takes every pair once, whatever the batch, and each step its share.
func TestMixedPlan(t *testing.T) {
	for _, share := range []float64{0.05, 0.2, 0.75} {
		k, err := preferenceCount(300, share)
		if got := float64(k) / float64(300+k); err != nil || math.Abs(got-share) > 0.5/300 {
			t.Fatalf("share %v: %d beside 300 is %v; %v", share, k, got, err)
		}
		m := material{groups: numbered(300+k, 3), pairs: slices.Concat(make([]pair, 300), slices.Repeat([]pair{{Preference: true}}, k))}
		for _, change := range []func(*config.Config){
			func(*config.Config) {},
			func(c *config.Config) { c.AccumulationSteps, c.Shuffle = 3, false },
			func(c *config.Config) { c.TokensPerBatch = 100 },
		} {
			c := config.Default("m", "spin", "t")
			change(c)
			plan, err := planSteps(c, 1, m)
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for i, s := range plan {
				have := 0
				for _, x := range s.examples() {
					if x >= 300 {
						have++
					}
				}
				if want := float64(len(s.examples())*k) / float64(300+k); math.Abs(float64(have)-want) >= 1 {
					t.Errorf("share %v: step %d has %d preference pairs, want %.2f", share, i, have, want)
				}
				total += have
			}
			if total != k {
				t.Errorf("share %v: the epoch has %d preference pairs, want %d", share, total, k)
			}
		}
	}
}

// TestExactMean: equal losses have exactly that mean, which a plain sum divided by n does not give.
func TestExactMean(t *testing.T) {
	naive := 0
	for n := 1; n <= 200; n++ {
		values := slices.Repeat([]float64{math.Ln2}, n)
		total := 0.0
		for _, x := range values {
			total += x
		}
		if total/float64(n) != math.Ln2 {
			naive++
		}
		if got := exactMean(values); got != math.Ln2 {
			t.Fatalf("%d times ln 2 has mean %v", n, got)
		}
	}
	if naive == 0 {
		t.Error("the plain mean is exact for all n up to 200: the test shows nothing")
	}
}

// planted is a first step of SPIN whose checks are to catch what is planted.
func planted(t *testing.T, lossType string) *batch {
	t.Helper()
	c := config.Default("m", "spin", "t")
	c.LossType = lossType
	o, err := objective.New("spin", lossType, objectiveParams(c, 0))
	if err != nil {
		t.Fatal(err)
	}
	u := &updating{r: &run{c: c, train: &corpus{}}, t: 2, start: 2, objective: o, material: material{
		groups:   numbered(2, 1),
		examples: []objective.Example{{RefReal: -1, RefGen: -2, LenReal: 1, LenGen: 1}, {RefReal: -1, RefGen: -2, LenReal: 1, LenGen: 1}},
		pairs:    []pair{{Key: 5, Reference: 2}, {Key: 8, Reference: 2}},
	}}
	return &batch{updating: u, divisor: 2, members: []int{0, 1}}
}

// TestFirstStepIsChecked plants a last-bit difference between policy and reference, and a NaN.
func TestFirstStepIsChecked(t *testing.T) {
	scored := func(real, gen float32) policy.Scored { return policy.Scored{Logp: [][]float32{{real}, {gen}}} }
	good := scored(-1, -2)
	b := planted(t, "sigmoid")
	if _, err := b.weigh(0, []policy.Scored{good, good}); err != nil || b.loss() != math.Ln2 {
		t.Fatalf("equal log-probs: loss %v, %v", b.loss(), err)
	}
	for _, x := range []struct {
		bad  policy.Scored
		kind fault.Kind
		want []string
	}{
		{scored(math.Nextafter32(-1, 0), -2), fault.Failed, []string{"row 8", "iteration 2", "the real response"}},
		{scored(-1, math.Nextafter32(-2, 0)), fault.Failed, []string{"row 8", "the generated response"}},
		{scored(float32(math.NaN()), -2), fault.NonFinite, []string{"row 1, response 0, token 0", "NaN"}},
	} {
		_, err := planted(t, "sigmoid").weigh(0, []policy.Scored{good, x.bad})
		if fault.ExitCode(err) != int(x.kind) {
			t.Fatalf("got %v, want class %d", err, x.kind)
		}
		for _, part := range x.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error %q lacks %q", err, part)
			}
		}
	}
	b = planted(t, "sigmoid")
	b.seen = []weighed{{result: objective.Result{Loss: math.Ln2}}, {result: objective.Result{Loss: math.Nextafter(math.Ln2, 1)}}}
	if err := b.checkFirst(); err == nil || !strings.Contains(err.Error(), "ln 2") {
		t.Errorf("a first loss off by one bit: got %v", err)
	}
}
