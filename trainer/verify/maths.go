package verify

import (
	"math/big"
	"regexp"

	"spar/trainer/verify/maths"
)

const noAnswer = "no answer was found in the response"

var asksForPercent = regexp.MustCompile(`(?i)percent|%`)

// wanted is the task's answer; data sets give it in a box or after ####, with the solution before it.
func wanted(it Item) string {
	if want, found := boxed(it.Answer); found {
		return want
	}
	if want, found := hashes(it.Answer); found {
		return want
	}
	return it.Answer
}

// mathsAnswer passes an answer that package maths shows to equal the task's. What cannot be told fails, with "unknown" in
// the detail. A problem that speaks of percent makes 50 and 50% the same.
func mathsAnswer(it Item) Outcome {
	got, found := finalAnswer(it.Response)
	if !found {
		return passed(false, "", noAnswer)
	}
	relation, reason := maths.Compare(wanted(it), got, maths.Options{Percent: asksForPercent.MatchString(it.Problem)})
	return passed(relation == maths.Equal, got, relation.String()+": "+reason)
}

// numeric passes a number within tolerance times the answer's size of the answer; both may be written as package
// maths reads them.
func numeric(tolerance float64) func(Item) Outcome {
	share := new(big.Rat).SetFloat64(tolerance)
	return func(it Item) Outcome {
		want, reason := maths.Value(wanted(it))
		if want == nil {
			return refused("the task's answer is no number: " + reason)
		}
		got, found := finalAnswer(it.Response)
		if !found {
			return passed(false, "", noAnswer)
		}
		value, reason := maths.Value(got)
		if value == nil {
			return passed(false, got, reason)
		}
		if tolerance == 0 {
			relation, reason := maths.Compare(wanted(it), got, maths.Options{})
			return passed(relation == maths.Equal, got, relation.String()+": "+reason)
		}
		gap := new(big.Rat).Sub(value, want)
		limit := new(big.Rat).Mul(share, want)
		return passed(gap.Abs(gap).Cmp(limit.Abs(limit)) <= 0, got, "the number is outside the tolerance")
	}
}
