package prove

import (
	"context"
	"fmt"
	"math"
	"strings"

	"spar/internal/rng"
	"spar/trainer/learn/interval"
	"spar/trainer/objective"
	"spar/trainer/verify"
)

// checker is a verifier of binary outcomes that errs at constant rates.
type checker struct{ falsePositive, falseNegative float64 }

// youden is J.
func (c checker) youden() float64 { return 1 - c.falsePositive - c.falseNegative }

func (c checker) observe(right bool, r *rng.Stream) float64 {
	rate := c.falsePositive
	if right {
		rate = 1 - c.falseNegative
	}
	if chance(rate, r) {
		return 1
	}
	return 0
}

// corrected undoes the checker's errors in a reward.
func (c checker) corrected(kind verify.Correction) func(observed float64) float64 {
	return func(observed float64) float64 {
		reward, err := verify.Corrected(observed, c.falsePositive, c.falseNegative, kind)
		if err != nil {
			panic(err) // the rates here leave a signal
		}
		return reward
	}
}

const (
	modulus     = 7 // answers of a question; questions are a + b for all residues
	noiseSteps  = 60
	noiseDraws  = 16 // of a question in a step
	noiseSeeds  = 12
	noiseRate   = 2.0
	noiseTrials = 200000
)

// accuracyGain is what a solver of addition modulo 7 gains in accuracy from a checker in its first steps. Centred advantages keep the size
// of the rewards, as a division by the deviation would not.
func accuracyGain(c checker, seed uint64) (float64, error) {
	l, err := newLearner(noiseRate)
	if err != nil {
		return 0, err
	}
	r := rng.NewStream(seed, 11)
	logits := make([][]float64, modulus*modulus)
	for q := range logits {
		logits[q] = make([]float64, modulus)
	}
	for range noiseSteps {
		var batch []choice
		for q, row := range logits {
			policy, right := normalized(row), (q/modulus+q%modulus)%modulus
			rewards, answers := make([]float64, noiseDraws), make([]int, noiseDraws)
			for i := range rewards {
				answers[i] = policy.draw(r)
				rewards[i] = c.observe(answers[i] == right, r)
			}
			for i, a := range objective.Advantages(objective.AdvantageGroup, rewards) {
				batch = append(batch, single(q, answers[i], a))
			}
		}
		l.step(logits, batch)
	}
	accuracy := 0.0
	for q, row := range logits {
		accuracy += math.Exp(normalized(row)[(q/modulus+q%modulus)%modulus]) / float64(len(logits))
	}
	return accuracy - 1.0/modulus, nil
}

// estimate is the mean and deviation of the score-function gradient with respect to the right answer's logit, at the uniform policy.
func estimate(c checker, correct func(observed float64) float64, r *rng.Stream) (mean, deviation float64) {
	samples := make([]float64, noiseTrials)
	for i := range samples {
		right := chance(1.0/modulus, r)
		slope := -1.0 / modulus
		if right {
			slope++
		}
		samples[i] = correct(c.observe(right, r)) * slope
	}
	return interval.Moments(samples)
}

func verifierNoise(context.Context, Options) (outcome, error) {
	gains := map[float64]float64{}
	var figures []string
	for _, j := range []float64{1, 0.7, 0.4, 0.1, 0, -0.2} {
		c := checker{(1 - j) / 2, (1 - j) / 2}
		for seed := range uint64(noiseSeeds) {
			gain, err := accuracyGain(c, seed)
			if err != nil {
				return outcome{}, err
			}
			gains[j] += gain / noiseSeeds
		}
		figures = append(figures, fmt.Sprintf("%g: %+.4f", j, gains[j]))
	}
	pass := math.Abs(gains[0]) < 0.02*gains[1] && gains[-0.2] < 0
	for _, j := range []float64{0.7, 0.4, 0.1} {
		pass = pass && math.Abs(gains[j]/(j*gains[1])-1) < 0.2
	}
	r := rng.NewStream(110)
	c := checker{0.3, 0.2}
	same := func(observed float64) float64 { return observed }
	clean, cleanDeviation := estimate(checker{}, same, r)
	corrected, correctedDeviation := estimate(c, c.corrected(verify.Backward), r)
	weighed, _ := estimate(c, c.corrected(verify.Forward), r)
	noise := 4 * correctedDeviation / math.Sqrt(noiseTrials)
	truth := 1.0 / modulus * (1 - 1.0/modulus)
	pass = pass && math.Abs(clean-truth) < noise && math.Abs(corrected-truth) < noise && correctedDeviation > cleanDeviation &&
		math.Abs(weighed-c.youden()*truth) < noise
	return outcome{fmt.Sprintf("accuracy gained by J %s; slope true %.4f, backward %.4f (deviation %.2f against %.2f), forward %.4f = %.2f J",
		strings.Join(figures, ", "), truth, corrected, correctedDeviation, cleanDeviation, weighed, weighed/c.youden()/truth), pass}, nil
}
