package objective

import (
	"math"

	"spar/internal/fault"
)

// interval is the range of a parameter: open below when above is set, open above when below is.
type interval struct {
	low, high    float64
	above, below bool
	text         string
}

var (
	positive    = interval{low: 0, high: math.MaxFloat64, above: true, text: "a number above 0"}
	nonNegative = interval{low: 0, high: math.MaxFloat64, text: "a number of at least 0"}
	share       = interval{low: 0, high: 1, text: "between 0 and 1"}
	flipRate    = interval{low: 0, high: 0.5, below: true, text: "at least 0 and below 0.5"}
)

func (v interval) holds(x float64) bool {
	// Written so that NaN fails.
	return (x > v.low || x == v.low && !v.above) && (x < v.high || x == v.high && !v.below)
}

// ranges maps each parameter's config key to its range and its place in Params.
var ranges = map[string]struct {
	interval
	value func(Params) float64
}{
	"beta":               {positive, func(p Params) float64 { return p.Beta }},
	"c":                  {positive, func(p Params) float64 { return p.C }},
	"alpha":              {share, func(p Params) float64 { return p.Alpha }},
	"tau":                {nonNegative, func(p Params) float64 { return p.Tau }},
	"mu":                 {positive, func(p Params) float64 { return p.Mu }},
	"gamma":              {nonNegative, func(p Params) float64 { return p.Gamma }},
	"anchor_weight":      {nonNegative, func(p Params) float64 { return p.AnchorWeight }},
	"label_smoothing":    {flipRate, func(p Params) float64 { return p.LabelSmoothing }},
	"desirable_weight":   {positive, func(p Params) float64 { return p.DesirableWeight }},
	"undesirable_weight": {positive, func(p Params) float64 { return p.UndesirableWeight }},
	"sft_weight":         {nonNegative, func(p Params) float64 { return p.SFTWeight }},
}

func (p Params) check(algorithm string, keys []string) error {
	for _, key := range keys {
		r := ranges[key]
		if x := r.value(p); !r.holds(x) {
			return fault.Usagef("%s: %v is out of range for %s: want %s", key, x, algorithm, r.text)
		}
	}
	return nil
}
