package trainer

import (
	"math"

	"spar/internal/fault"
	"spar/loader/pack"
	"spar/trainer/config"
)

// stepPlan lists, for one optimizer step, the examples of each micro-batch.
type stepPlan struct {
	micro [][]int
	epoch float64 // passes over the data when the step is done
}

// examples are all examples of the step.
func (s stepPlan) examples() []int {
	var out []int
	for _, m := range s.micro {
		out = append(out, m...)
	}
	return out
}

// planSteps lays out all optimizer steps of an iteration: a pure function of its arguments, so that a resumed update sees the same
// batches.
func planSteps(c *config.Config, iteration int, m material) ([]stepPlan, error) {
	var out []stepPlan
	whole, fraction := math.Modf(c.Epochs)
	most := c.StepsAt(iteration)
	for epoch := 0; ; epoch++ {
		steps, err := epochSteps(c, iteration, epoch, m)
		if err != nil {
			return nil, err
		}
		if len(steps) == 0 {
			return nil, fault.Inputf("%s: %d examples are fewer than one step's, and dataloader_drop_last leaves them out; lower the batch size or set it to false", c.Data.Train, len(m.groups))
		}
		switch {
		case most > 0 && len(out)+len(steps) >= most:
			return append(out, steps[:most-len(out)]...), nil
		case most == 0 && epoch == int(whole):
			// what is left of the last, partial epoch
			return append(out, steps[:int(math.Ceil(fraction*float64(len(steps))))]...), nil
		}
		out = append(out, steps...)
	}
}

// epochSteps are the steps of one pass.
func epochSteps(c *config.Config, iteration, epoch int, m material) ([]stepPlan, error) {
	order := spread(pack.Order(len(m.groups), orderSeed(c.Seed, iteration), epoch, c.Shuffle), m.own())
	micro, err := microBatches(c, order, m.groups)
	if err != nil {
		return nil, err
	}
	var out []stepPlan
	done := 0
	for len(micro) > 0 {
		n := min(c.AccumulationSteps, len(micro))
		s := stepPlan{micro: micro[:n]}
		micro = micro[n:]
		if c.DropLast && len(micro) == 0 && !full(c, s) {
			break
		}
		done += len(s.examples())
		s.epoch = float64(epoch) + float64(done)/float64(len(order))
		out = append(out, s)
	}
	return out, nil
}

// spread moves the examples from number own on, k of n, to places that lie evenly among the others: the first i places hold
// floor(i k / n) of them, so that every stretch of w places, be it a micro-batch or a step, holds w k / n rounded down or up. Both kinds keep
// their order.
func spread(order []int, own int) []int {
	var kinds [2][]int // own, others
	for _, x := range order {
		kind := 0
		if x >= own {
			kind = 1
		}
		kinds[kind] = append(kinds[kind], x)
	}
	n, k := len(order), len(kinds[1])
	for i := range order {
		kind := (i+1)*k/n - i*k/n
		order[i], kinds[kind] = kinds[kind][0], kinds[kind][1:]
	}
	return order
}

// full reports whether a step has all the examples it can have. By tokens a step is full when it has all its micro-batches.
func full(c *config.Config, s stepPlan) bool {
	if c.TokensPerBatch > 0 {
		return len(s.micro) == c.AccumulationSteps
	}
	return len(s.examples()) == c.AccumulationSteps*c.BatchSize
}

// microBatches cuts an order into micro-batches by pairs or by tokens.
func microBatches(c *config.Config, order []int, groups []pack.Group) ([][]int, error) {
	if c.TokensPerBatch == 0 {
		var out [][]int
		for len(order) > 0 {
			n := min(c.BatchSize, len(order))
			out, order = append(out, order[:n]), order[n:]
		}
		return out, nil
	}
	ordered := make([]pack.Group, len(order))
	for i, k := range order {
		ordered[i] = groups[k]
	}
	batches, err := pack.Split(ordered, pack.Limits{Rows: c.TokensPerBatch})
	if err != nil {
		return nil, fault.Inputf("%w; raise tokens_per_batch", err)
	}
	for _, b := range batches {
		for i, at := range b {
			b[i] = order[at]
		}
	}
	return batches, nil
}

// orderSeed gives each iteration its own orders.
func orderSeed(seed uint64, iteration int) uint64 {
	return seed + uint64(iteration)*0x9e3779b97f4a7c15
}
