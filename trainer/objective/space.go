package objective

import "math"

func spaceFamily() family {
	return family{"space", []kind{{lossType: "nce", loss: space, needs: Needs{Reference: true, Generated: true}, reads: []string{"mu"}}}}
}

// space is SPACE (arXiv 2512.07175): noise-contrastive estimation with the opponent as noise and mu
// generated responses for a real one. Its log-ratios carry no beta, so beta is not read.
//
//	loss = softplus(log mu - r_real) + mu softplus(r_gen - log mu)
func space(p Params, e Example) Result {
	real, gen := logRatios(e)
	log := math.Log(p.Mu)
	return Result{
		Loss:   softplus(log-real) + p.Mu*softplus(gen-log),
		DReal:  -sigmoid(log - real),
		DGen:   p.Mu * sigmoid(gen-log),
		Logged: logged(real, gen),
	}
}
