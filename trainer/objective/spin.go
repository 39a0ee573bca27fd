package objective

import "math"

func spinFamily() family {
	needs, reads := Needs{Reference: true, Generated: true}, []string{"beta"}
	return family{"spin", []kind{
		{lossType: "sigmoid", loss: pairwise(sigmoidLink), needs: needs, reads: reads},
		{lossType: "hinge", loss: pairwise(hingeLink), needs: needs, reads: reads},
		{lossType: "exp", loss: pairwise(expLink), needs: needs, reads: reads},
		{lossType: "linear", loss: pairwise(linearLink), needs: needs, reads: reads},
	}}
}

// link is a convex, falling function of the margin z and its derivative.
type link func(z float64) (value, slope float64)

// pairwise is SPIN (Chen et al., arXiv 2401.01335, eq. 4.7): a link of the margin between the real
// response and the opponent's, where the reference is the opponent itself, frozen for the iteration. The
// paper's lambda is beta here, as in its code.
//
//	z = beta (r_real - r_gen)    loss = link(z)
func pairwise(l link) lossFunc {
	return func(p Params, e Example) Result {
		real, gen := logRatios(e)
		value, slope := l(p.Beta * (real - gen))
		return Result{Loss: value, DReal: p.Beta * slope, DGen: -p.Beta * slope, Logged: logged(p.Beta*real, p.Beta*gen)}
	}
}

// sigmoidLink is softplus(-z); ln 2 at z = 0.
func sigmoidLink(z float64) (value, slope float64) { return softplus(-z), -sigmoid(-z) }

// hingeLink is max(0, 1-z), with slope 0 at the kink.
func hingeLink(z float64) (value, slope float64) {
	if z >= 1 {
		return 0, 0
	}
	return 1 - z, -1
}

// expLink is exp(-z). It is infinite for margins below -709, where the step is not usable.
func expLink(z float64) (value, slope float64) { return math.Exp(-z), -math.Exp(-z) }

// linearLink is -z: the difference of means, which no finite policy minimises.
func linearLink(z float64) (value, slope float64) { return -z, -1 }
