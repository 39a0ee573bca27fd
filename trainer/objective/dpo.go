package objective

func dpoFamily() family {
	pair := Needs{Reference: true, Generated: true}
	withLengths := Needs{Reference: true, Generated: true, Lengths: true}
	return family{"dpo", []kind{
		{lossType: "sigmoid", loss: dpoSmoothed, needs: pair, reads: []string{"beta", "label_smoothing"}},
		{lossType: "hinge", loss: pairwise(hingeLink), needs: pair, reads: []string{"beta"}},
		{lossType: "ipo", loss: ipoPerToken, needs: withLengths, reads: []string{"beta"}},
		{lossType: "ipo_sum", loss: ipoSum, needs: pair, reads: []string{"beta"}},
		{lossType: "cdpo", loss: dpoSmoothed, needs: pair, reads: []string{"beta", "label_smoothing"}},
		{lossType: "robust", loss: dpoRobust, needs: pair, reads: []string{"beta", "label_smoothing"}},
		{lossType: "simpo", loss: simpo, needs: Needs{Generated: true, Lengths: true}, reads: []string{"beta", "gamma"}},
		{lossType: "sppo_hard", loss: sppoHard, needs: pair, reads: []string{"beta"}},
		{lossType: "kto", build: newKTO, reads: []string{"beta", "desirable_weight", "undesirable_weight"}},
	}}
}

// dpoSmoothed is DPO (Rafailov et al., arXiv 2305.18290) with conservative label smoothing e
// (Mitchell, "A note on DPO with noisy preferences", 2023); e = 0 is plain DPO.
//
//	z = beta (r_real - r_gen)    loss = (1-e) softplus(-z) + e softplus(z)
func dpoSmoothed(p Params, e Example) Result {
	real, gen := logRatios(e)
	z, flip := p.Beta*(real-gen), p.LabelSmoothing
	loss, slope := softplus(-z), -sigmoid(-z)
	if flip > 0 {
		loss = (1-flip)*loss + flip*softplus(z)
		slope = (1-flip)*slope + flip*sigmoid(z)
	}
	return Result{Loss: loss, DReal: p.Beta * slope, DGen: -p.Beta * slope, Logged: logged(p.Beta*real, p.Beta*gen)}
}

// dpoRobust is unbiased under labels flipped at rate e (Chowdhury et al., arXiv 2403.00409).
//
//	loss = ((1-e) softplus(-z) - e softplus(z)) / (1-2e)
func dpoRobust(p Params, e Example) Result {
	real, gen := logRatios(e)
	z, flip := p.Beta*(real-gen), p.LabelSmoothing
	scale := 1 / (1 - 2*flip)
	slope := -p.Beta * scale * ((1-flip)*sigmoid(-z) + flip*sigmoid(z))
	return Result{
		Loss:  scale * ((1-flip)*softplus(-z) - flip*softplus(z)),
		DReal: slope, DGen: -slope, Logged: logged(p.Beta*real, p.Beta*gen),
	}
}

// ipoSum is IPO (Azar et al., arXiv 2310.12036) on sums: loss = (r_real - r_gen - 1/(2 beta))^2.
func ipoSum(p Params, e Example) Result { return ipo(p, e, 1, 1) }

// ipoPerToken is IPO with each log-ratio divided by its response's length, the form that the
// authors confirmed for language models and that TRL calls ipo.
func ipoPerToken(p Params, e Example) Result {
	return ipo(p, e, float64(max(e.LenReal, 1)), float64(max(e.LenGen, 1)))
}

func ipo(p Params, e Example, lenReal, lenGen float64) Result {
	real, gen := logRatios(e)
	d := real/lenReal - gen/lenGen - 1/(2*p.Beta)
	return Result{Loss: d * d, DReal: 2 * d / lenReal, DGen: -2 * d / lenGen, Logged: logged(p.Beta*real, p.Beta*gen)}
}

// simpo is SimPO (Meng et al., arXiv 2405.14734), which has no reference.
//
//	z = beta (lp_real/len_real - lp_gen/len_gen) - gamma    loss = softplus(-z)
func simpo(p Params, e Example) Result {
	lenReal, lenGen := float64(max(e.LenReal, 1)), float64(max(e.LenGen, 1))
	real, gen := p.Beta*e.LpReal/lenReal, p.Beta*e.LpGen/lenGen
	z := real - gen - p.Gamma
	slope := p.Beta * sigmoid(-z)
	return Result{Loss: softplus(-z), DReal: -slope / lenReal, DGen: slope / lenGen, Logged: logged(real, gen)}
}

// sppoHard is the square loss of SPPO with hard labels (Wu et al., arXiv 2405.00675). Its rewards are
// the log-ratios themselves.
//
//	loss = (r_real - 1/(2 beta))^2 + (r_gen + 1/(2 beta))^2
func sppoHard(p Params, e Example) Result {
	real, gen := logRatios(e)
	target := 1 / (2 * p.Beta)
	dReal, dGen := real-target, gen+target
	return Result{Loss: dReal*dReal + dGen*dGen, DReal: 2 * dReal, DGen: 2 * dGen, Logged: logged(real, gen)}
}
