package objective

func tspinFamily() family {
	return family{"tspin", []kind{{lossType: "tspin", loss: tspin, needs: Needs{Generated: true, Proto: true}, reads: []string{"beta", "anchor_weight"}}}}
}

// tspin is T-SPIN (arXiv 2601.08198): no reference, but a third response, sampled from the first policy,
// that the generated one should stay above. Here a = beta and b = anchor_weight. Rewards are beta lp.
//
//	loss = softplus(-a (lp_real - lp_gen)) + b softplus(-a (lp_gen - lp_proto))
func tspin(p Params, e Example) Result {
	a, b := p.Beta, p.AnchorWeight
	z, zAnchor := a*(e.LpReal-e.LpGen), a*(e.LpGen-e.LpProto)
	pull, anchor := a*sigmoid(-z), a*b*sigmoid(-zAnchor)
	return Result{
		Loss:  softplus(-z) + b*softplus(-zAnchor),
		DReal: -pull, DGen: pull - anchor, DProto: anchor,
		Logged: logged(a*e.LpReal, a*e.LpGen),
	}
}
