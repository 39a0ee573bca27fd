package search

import (
	"strings"

	"spar/internal/fault"
)

// Aggregations of the scores of a response's steps.
const (
	AggregateMin  = "min"  // a chain is as good as its weakest step
	AggregateProd = "prod" // the chance that all are right, if scores were independent chances
	AggregateLast = "last" // for judges that score everything so far
	AggregateMean = "mean"
)

func aggregation(name string) (func([]float64) float64, error) {
	switch name {
	case AggregateMin:
		return least, nil
	case AggregateProd:
		return product, nil
	case AggregateLast:
		return func(xs []float64) float64 { return xs[len(xs)-1] }, nil
	case AggregateMean:
		return mean, nil
	}
	return nil, fault.Usagef("search: the aggregation %q is not one of min, prod, last, mean", name)
}

func least(xs []float64) float64 {
	out := xs[0]
	for _, x := range xs {
		out = min(out, x)
	}
	return out
}

func product(xs []float64) float64 {
	out := 1.0
	for _, x := range xs {
		out *= x
	}
	return out
}

func mean(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

// Split cuts a text after every splitter. Where two begin at the same place the longer one counts. The parts together are the text.
func Split(text string, splitters []string) []string {
	var out []string
	for text != "" {
		end := firstEnd(text, splitters)
		out = append(out, text[:end])
		text = text[end:]
	}
	return out
}

// firstEnd is where the first step of a text ends.
func firstEnd(text string, splitters []string) int {
	first, end := len(text), len(text)
	for _, s := range splitters {
		at := strings.Index(text, s)
		if at >= 0 && (at < first || at == first && at+len(s) > end) {
			first, end = at, at+len(s)
		}
	}
	return end
}

func blank(step string) bool { return strings.TrimSpace(step) == "" }
