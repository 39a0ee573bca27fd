package objective

import "math"

func chi2Family() family {
	return family{"chi2", []kind{{lossType: "chi2_lsq", loss: chi2, needs: Needs{Reference: true, Generated: true},
		reads: []string{"beta", "c", "alpha", "tau"}}}}
}

// chi2 is a chi-squared form of self-play with bounded rewards. It is derived in this project, in the way
// of LS-IQ (Al-Hafez et al., arXiv 2303.00599), from what the abstract of arXiv 2602.01357 says; it is not
// that paper's own text.
//
// With s = beta r the regularised game max E_p[s] - E_q[s] - c E[s^2 under alpha p + (1-alpha) q] gives
//
//	loss = -(s_real - s_gen) + c (alpha s_real^2 + (1-alpha) s_gen^2)
//
// At alpha = 1/2 the targets are s = +1/c and -1/c, that is tau = 1/(beta c) nats of log-ratio, and the gradient
// changes sign beyond them. At the start of an iteration the loss is 0 and the gradients are -beta and
// +beta. Huber makes each square linear beyond twice its side's target (|s| = 2/c at alpha = 1/2), so that
// one far-off pair cannot own a step, and it keeps pulling back. An alpha of 0 or 1 leaves one side without target.
func chi2(p Params, e Example) Result {
	c := p.C
	if p.Tau > 0 {
		c = 1 / (p.Beta * p.Tau)
	}
	real, gen := logRatios(e)
	real, gen = p.Beta*real, p.Beta*gen
	square, slopeReal := chi2Square(real, c*p.Alpha, p.Huber)
	squareGen, slopeGen := chi2Square(gen, c*(1-p.Alpha), p.Huber)
	return Result{
		Loss:   -(real - gen) + square + squareGen,
		DReal:  p.Beta * (slopeReal - 1),
		DGen:   p.Beta * (slopeGen + 1),
		Logged: logged(real, gen),
	}
}

// chi2Square is w s^2 and its slope; with a tail, linear where |s| > 1/w, which is twice the target
// 1/(2w) of the side with weight w.
func chi2Square(s, w float64, tail bool) (value, slope float64) {
	if tail && w*math.Abs(s) > 1 {
		return 2*math.Abs(s) - 1/w, math.Copysign(2, s)
	}
	return w * s * s, 2 * w * s
}
