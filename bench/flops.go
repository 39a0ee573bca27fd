package bench

import (
	"spar/loader/checkpoint"
	"spar/loader/pack"
)

// rowFlops is the floating-point operations (a multiply-add is two) of one row at position in the
// forward pass, without the head: the linear layers and the attention over what the row sees.
func rowFlops(c *checkpoint.Config, position int) float64 {
	q, kv := c.NumHeads*c.HeadDim, c.NumKVHeads*c.HeadDim
	linear := 2 * float64(c.HiddenSize*(2*q+2*kv)+3*c.HiddenSize*c.IntermediateSize)
	sum := 0.0
	for layer := range c.NumLayers {
		seen := position + 1
		if c.SlidingWindow > 0 && layer >= c.WindowFirstLayer {
			seen = min(seen, c.SlidingWindow)
		}
		sum += linear + 4*float64(q)*float64(seen)
	}
	return sum
}

// headFlops is the operations of one scored or sampled row in the head.
func headFlops(c *checkpoint.Config) float64 { return 2 * float64(c.HiddenSize) * float64(c.VocabSize) }

// forwardFlops is the operations of scoring groups, prompts computed once.
func forwardFlops(c *checkpoint.Config, gs []pack.Group) float64 {
	sum := 0.0
	for _, g := range gs {
		for i := range len(g.Prompt) - 1 {
			sum += rowFlops(c, i)
		}
		for _, r := range g.Responses {
			sum += responseFlops(c, len(g.Prompt), len(r))
		}
	}
	return sum
}

// responseFlops is the operations of n tokens after a prompt, scored or sampled: n rows, the first
// of which is the prompt's last token.
func responseFlops(c *checkpoint.Config, prompt, n int) float64 {
	sum := float64(n) * headFlops(c)
	for i := range n {
		sum += rowFlops(c, prompt-1+i)
	}
	return sum
}
