package family

import (
	"context"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"spar/internal/fault"
	"spar/internal/rng"
)

// arithmetic is sums, differences and products of whole numbers, whose answers are exact. The level is the number of digits that an
// operand may have.
type arithmetic struct {
	levels int
	pose   string
	spaced bool
}

const arithmeticPose = "Write one sum, difference or product of two whole numbers with at most {level} digits each, such as {example}, and nothing else.\n"

// maxLevels bounds the digits of an operand.
const maxLevels = 9

func newArithmetic(o Options) (Family, error) {
	a := arithmetic{levels: o.Levels, pose: o.Pose, spaced: o.Spaced}
	if a.pose == "" {
		a.pose = arithmeticPose
	}
	if a.levels < 1 || a.levels > maxLevels {
		return nil, fault.Usagef("play.levels: %d is not between 1 and %d digits", a.levels, maxLevels)
	}
	if !strings.Contains(a.pose, "{level}") {
		return nil, fault.Usagef("play.pose: has no {level} in it, so the proposer is not told the difficulty")
	}
	return a, nil
}

func (a arithmetic) Name() string        { return "arithmetic" }
func (a arithmetic) Kinds() []string     { return []string{"arithmetic"} }
func (a arithmetic) Levels() int         { return a.levels }
func (a arithmetic) Verifiers() []string { return []string{"numeric"} }

func (a arithmetic) Poses(n int, levels []float64, r *rng.Stream) []Pose {
	if levels == nil {
		levels = evenly(a.levels)
	}
	out := make([]Pose, n)
	for i := range out {
		level := pick(levels, r) + 1
		limit := 1
		for range level {
			limit *= 10
		}
		example := fmt.Sprintf("%d+%d", r.IntN(limit), r.IntN(limit))
		text := strings.NewReplacer("{level}", strconv.Itoa(level), "{example}", a.written(example)).Replace(a.pose)
		out[i] = Pose{Text: text, Kind: "arithmetic", Level: level}
	}
	return out
}

var sum = regexp.MustCompile(`^\s*(\d{1,20})\s*([-+*])\s*(\d{1,20})\s*=?\s*$`)

func (a arithmetic) Read(_ context.Context, p Pose, response string) (Task, Reason, error) {
	text := response
	if a.spaced {
		text = strings.ReplaceAll(text, " ", "")
	}
	m := sum.FindStringSubmatch(text)
	if m == nil {
		return Task{}, Unreadable, nil
	}
	if len(m[1]) > p.Level || len(m[3]) > p.Level {
		return Task{}, Broken, nil // harder than asked for
	}
	x, _ := new(big.Int).SetString(m[1], 10)
	y, _ := new(big.Int).SetString(m[3], 10)
	z := new(big.Int)
	switch m[2] {
	case "+":
		z.Add(x, y)
	case "-":
		z.Sub(x, y)
	case "*":
		z.Mul(x, y)
	}
	if x.Sign() == 0 || y.Sign() == 0 || m[2] == "*" && (x.IsInt64() && x.Int64() == 1 || y.IsInt64() && y.Int64() == 1) {
		return Task{}, Trivial, nil
	}
	problem := m[1] + m[2] + m[3] + "="
	return Task{Kind: p.Kind, Level: p.Level, Problem: a.written(problem), Answer: z.String(), Verifier: "numeric"}, "", nil
}

// Wrap joins digits that are words of their own, which are no numeral to a verifier.
func (a arithmetic) Wrap(_, response string) string {
	if !a.spaced {
		return response
	}
	return strings.ReplaceAll(response, " ", "")
}

// written is an expression in the model's language.
func (a arithmetic) written(expression string) string {
	if !a.spaced {
		return expression
	}
	return " " + strings.Join(strings.Split(expression, ""), " ")
}
