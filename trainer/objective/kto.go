package objective

// kto is KTO (Ethayarajh et al., arXiv 2402.01306): each response is judged alone, against a reference
// point z0 that counts as a constant.
//
//	desirable    loss = w (1 - sigma(beta (r - z0)))
//	undesirable  loss = w (1 - sigma(beta (z0 - r)))
//
// Single examples take z0 = max(0, mean of LogRatioMismatched) over the single examples of the batch. In
// pairs, as TRL's kto_pair has it, a real response takes the mean log-ratio of the batch's generated
// ones, and the reverse, and a pair's loss is the mean of its two.
type kto struct {
	name   string
	params Params
}

func newKTO(name string, p Params) Objective { return kto{name, p} }

func (k kto) Name() string { return k.name }

func (k kto) Needs() Needs {
	return Needs{Reference: true, Generated: true, Mismatched: true, Lengths: k.params.SFTWeight > 0}
}

func (k kto) Weight(Example) float64 { return 1 }

func (k kto) Evaluate(batch []Example, out []Result) {
	points := referencePoints(batch)
	for i, e := range batch {
		out[i] = k.one(e, points)
		if !e.Single || e.Label {
			addSFT(k.params.SFTWeight, e, &out[i])
		}
	}
}

func (k kto) one(e Example, points ktoPoints) Result {
	real, gen := logRatios(e)
	if e.Single {
		loss, slope := k.judge(real, points.single, e.Label)
		return Result{Loss: loss, DReal: slope, Logged: logged(k.params.Beta*real, 0)}
	}
	lossReal, slopeReal := k.judge(real, points.gen, true)
	lossGen, slopeGen := k.judge(gen, points.real, false)
	return Result{
		Loss:  (lossReal + lossGen) / 2,
		DReal: slopeReal / 2, DGen: slopeGen / 2,
		Logged: logged(k.params.Beta*real, k.params.Beta*gen),
	}
}

// judge returns the loss of one response with log-ratio r, and its slope.
func (k kto) judge(r, z0 float64, desirable bool) (loss, slope float64) {
	sign, weight := 1.0, k.params.DesirableWeight
	if !desirable {
		sign, weight = -1, k.params.UndesirableWeight
	}
	x := sign * k.params.Beta * (r - z0)
	miss := sigmoid(-x)
	return weight * miss, -sign * weight * k.params.Beta * miss * sigmoid(x)
}

// ktoPoints are reference points, each at least 0.
type ktoPoints struct{ single, real, gen float64 }

func referencePoints(batch []Example) ktoPoints {
	var sum ktoPoints
	var singles, pairs float64
	for _, e := range batch {
		if e.Single {
			sum.single += e.LogRatioMismatched
			singles++
			continue
		}
		real, gen := logRatios(e)
		sum.real += real
		sum.gen += gen
		pairs++
	}
	return ktoPoints{
		single: max(0, sum.single/max(singles, 1)),
		real:   max(0, sum.real/max(pairs, 1)),
		gen:    max(0, sum.gen/max(pairs, 1)),
	}
}
