package checkpoint

import (
	"math"

	"spar/internal/fault"
)

// InvFreq returns the D/2 rotary frequencies, in radians per position, and the factor on cosine and
// sine, for sequences of up to maxLength positions. Only the dynamic type depends on maxLength.
// Everything is computed in float64. The definitions are those of transformers' rope types:
//
//	default   theta^(-2i/D), Su et al. 2021 (RoFormer), equation 15
//	linear    the default divided by Factor (position interpolation, Chen et al. 2023)
//	dynamic   the default with a theta that grows with the length (NTK-aware scaling)
//	yarn      a ramp between default and linear over the dimensions, Peng et al. 2023, section 3
//	llama3    a ramp between default and linear over the wavelength, as in Llama 3.1
func (c *Config) InvFreq(maxLength int) (inv []float64, scale float64, err error) {
	if maxLength < 1 {
		return nil, 0, fault.Inputf("rotary frequencies for %d positions: the length must be at least 1", maxLength)
	}
	if key, err := c.Rope.check(); err != nil {
		return nil, 0, fault.Inputf("rotary embedding, %s: %w", key, err)
	}
	r := c.Rope
	switch r.Type {
	case "default":
		return frequencies(r.Theta, c.HeadDim), 1, nil
	case "linear":
		inv = frequencies(r.Theta, c.HeadDim)
		for i := range inv {
			inv[i] /= r.Factor
		}
		return inv, 1, nil
	case "dynamic":
		return c.dynamic(maxLength)
	case "yarn":
		return r.yarn(c.HeadDim), r.yarnScale(), nil
	case "llama3":
		return r.llama3(c.HeadDim), 1, nil
	}
	return nil, 0, fault.Inputf("rotary embedding type %q is not supported; supported are %s", r.Type, ropeTypes)
}

const ropeTypes = "default, linear, dynamic, yarn and llama3"

func frequencies(theta float64, dim int) []float64 {
	inv := make([]float64, dim/2)
	for i := range inv {
		inv[i] = 1 / math.Pow(theta, float64(2*i)/float64(dim))
	}
	return inv
}

func (c *Config) dynamic(maxLength int) ([]float64, float64, error) {
	if c.HeadDim <= 2 {
		return nil, 0, fault.Inputf("rotary embedding type dynamic needs a head_dim above 2, not %d; use another type", c.HeadDim)
	}
	length, dim := float64(max(maxLength, c.MaxPositions)), float64(c.HeadDim)
	stretch := c.Rope.Factor*length/float64(c.MaxPositions) - (c.Rope.Factor - 1)
	return frequencies(c.Rope.Theta*math.Pow(stretch, dim/(dim-2)), c.HeadDim), 1, nil
}

func (r *Rope) betas() (fast, slow float64) {
	fast, slow = r.BetaFast, r.BetaSlow
	if fast == 0 {
		fast = 32
	}
	if slow == 0 {
		slow = 1
	}
	return fast, slow
}

// yarn blends interpolated frequencies into the dimensions that turn less than beta_slow times
// over the original context, and leaves those that turn more than beta_fast times as they are.
func (r *Rope) yarn(dim int) []float64 {
	fast, slow := r.betas()
	turnsAt := func(turns float64) float64 { // the dimension that turns so often over the context
		return float64(dim) * math.Log(float64(r.OriginalMaxPositions)/(turns*2*math.Pi)) / (2 * math.Log(r.Theta))
	}
	low, high := turnsAt(fast), turnsAt(slow)
	if r.Truncate {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(dim-1))
	if low == high {
		high += 0.001
	}
	inv := frequencies(r.Theta, dim)
	for i := range inv {
		interpolated := min(max((float64(i)-low)/(high-low), 0), 1)
		inv[i] = inv[i]/r.Factor*interpolated + inv[i]*(1-interpolated)
	}
	return inv
}

// yarnScale is the factor on cosine and sine: given, or derived from the stretch of the context.
func (r *Rope) yarnScale() float64 {
	temperature := func(m float64) float64 {
		if r.Factor <= 1 {
			return 1
		}
		return 0.1*m*math.Log(r.Factor) + 1
	}
	switch {
	case r.AttentionFactor > 0:
		return r.AttentionFactor
	case r.MScale != 0 && r.MScaleAllDim != 0:
		return temperature(r.MScale) / temperature(r.MScaleAllDim)
	}
	return temperature(1)
}

func (r *Rope) llama3(dim int) []float64 {
	context := float64(r.OriginalMaxPositions)
	inv := frequencies(r.Theta, dim)
	for i, f := range inv {
		turns := context * f / (2 * math.Pi) // over the original context
		switch {
		case turns > r.HighFreqFactor:
		case turns < r.LowFreqFactor:
			inv[i] = f / r.Factor
		default:
			smooth := (turns - r.LowFreqFactor) / (r.HighFreqFactor - r.LowFreqFactor)
			inv[i] = (1-smooth)*f/r.Factor + smooth*f
		}
	}
	return inv
}
