package objective

import "math"

// softplus is log(1 + exp(x)) without overflow, accurate in both tails.
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// sigmoid is 1/(1 + exp(-x)), accurate in both tails: for 1 - sigmoid(x) use sigmoid(-x).
func sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// logged forms the logged values from the two rewards.
func logged(real, gen float64) Logged {
	l := Logged{RewardReal: real, RewardGen: gen, Margin: real - gen}
	if real > gen {
		l.Accuracy = 1
	}
	return l
}

// logRatios are lp - ref of the two responses.
func logRatios(e Example) (real, gen float64) { return e.LpReal - e.RefReal, e.LpGen - e.RefGen }
