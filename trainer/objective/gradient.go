package objective

import (
	"math"
	"strings"

	"spar/internal/fault"
)

// Draw is a sampled response with what a policy gradient needs of it. Logp, Old and Ref have one number per
// response token, in nats at temperature 1.
type Draw struct {
	Logp      []float64 // under the policy
	Old       []float64 // under the policy that drew the response; nil: it is the policy itself, so every ratio is 1
	Ref       []float64 // under the frozen reference; nil: no KL term
	Advantage float64   // see Advantages; rft reads it as a weight
	Group     int       // draws of one prompt share it; for the caller, no loss here reads it
}

// TokenResult is what a policy gradient says about a draw.
type TokenResult struct {
	Loss    float64   // its share of the step's loss: the sum over a step's draws is the loss
	Coef    []float64 // dLoss/dLogp of each token; reuses the slice that was there when it is long enough
	Clipped int       // tokens whose gradient the clip took away
	KL      float64   // k3 summed over the tokens, nats, neither weighted nor divided
}

// PolicyGradient is a loss over tokens of sampled responses. Only this package implements it. It does not change
// after NewPolicyGradient and may be used by any number of goroutines.
type PolicyGradient interface {
	// Name is the algorithm's.
	Name() string
	// Count says what draws add to the divisor of their step.
	Count(batch []Draw) StepSize
	// Evaluate writes out[i] for each batch[i], a whole step.
	Evaluate(batch []Draw, out []TokenResult)
	// EvaluatePart does it for a part of a step, a micro-batch, given the size of the whole step.
	EvaluatePart(step StepSize, batch []Draw, out []TokenResult)
}

// StepSize is what a step's loss is divided by. Those of parts add up to that of the whole.
type StepSize struct{ Draws, Tokens int }

// Add returns the size of two parts together.
func (s StepSize) Add(o StepSize) StepSize {
	return StepSize{s.Draws + o.Draws, s.Tokens + o.Tokens}
}

// Aggregations of token losses l[i][t] of draws i into the loss of a step.
const (
	AggregateToken    = "token"    // mean over all tokens of the step (DAPO, arXiv 2503.14476)
	AggregateSequence = "sequence" // mean over draws of the mean over their tokens (GRPO)
	AggregateConstant = "constant" // sum over tokens / (draws x MaxLength) (Dr. GRPO, arXiv 2503.20783)
)

// GradientParams are the parameters of all policy gradients; each reads its own.
type GradientParams struct {
	ClipLow, ClipHigh float64 // grpo, dr_grpo: ratios are clipped to [1 - ClipLow, 1 + ClipHigh]
	KLWeight          float64 // grpo, dr_grpo, reinforce: weight of k3; draws then need Ref
	Aggregation       string  // token, sequence or constant; "" is the algorithm's own
	MaxLength         int     // constant: the divisor's length, in tokens
}

// DefaultGradient is a clip of 0.2 without KL, as in TRL.
func DefaultGradient() GradientParams { return GradientParams{ClipLow: 0.2, ClipHigh: 0.2} }

// tokenLoss is the loss of one token before division.
type tokenLoss func(p GradientParams, advantage, logp, old float64) tokenTerm

type tokenTerm struct {
	loss, slope float64
	clipped     bool
}

// gradientKind is one algorithm.
type gradientKind struct {
	name        string
	loss        tokenLoss
	clips       bool   // reads ClipLow and ClipHigh
	aggregation string // its own
	fixed       bool   // takes no other aggregation
	keepsOnly   bool   // draws of advantage 0 and below are left out and do not count
}

// gradientKinds lists the algorithms.
//
//	grpo       DeepSeekMath, arXiv 2402.03300: clipped ratio, mean over draws of token means
//	dr_grpo    arXiv 2503.20783: the same token loss over a constant length, for advantages without a deviation
//	reinforce  -A logp, for draws of the policy itself; Old is not read
//	rft        -w logp of draws with a weight above 0 (arXiv 2308.01825), the filtered likelihood of STaR and ReST-EM
func gradientKinds() []gradientKind {
	return []gradientKind{
		{name: "grpo", loss: clippedRatio, clips: true, aggregation: AggregateSequence},
		{name: "dr_grpo", loss: clippedRatio, clips: true, aggregation: AggregateConstant, fixed: true},
		{name: "reinforce", loss: scoreFunction, aggregation: AggregateToken},
		{name: "rft", loss: scoreFunction, aggregation: AggregateToken, keepsOnly: true},
	}
}

// NewPolicyGradient returns the policy gradient of an algorithm (grpo dr_grpo reinforce rft). An unknown name, or a
// parameter out of range, is a usage error.
func NewPolicyGradient(algorithm string, p GradientParams) (PolicyGradient, error) {
	var names []string
	for _, k := range gradientKinds() {
		if k.name == algorithm {
			if p.Aggregation == "" {
				p.Aggregation = k.aggregation
			}
			if err := k.check(p); err != nil {
				return nil, err
			}
			return gradient{kind: k, params: p}, nil
		}
		names = append(names, k.name)
	}
	return nil, fault.Usagef("algorithm: %q is not one of %s", algorithm, strings.Join(names, ", "))
}

func (k gradientKind) check(p GradientParams) error {
	low := interval{low: 0, high: 1, above: true, text: "above 0 and at most 1"}
	switch {
	case k.clips && !low.holds(p.ClipLow):
		return fault.Usagef("clip_low: %v is out of range for %s: want %s", p.ClipLow, k.name, low.text)
	case k.clips && !positive.holds(p.ClipHigh):
		return fault.Usagef("clip_high: %v is out of range for %s: want %s", p.ClipHigh, k.name, positive.text)
	case !nonNegative.holds(p.KLWeight):
		return fault.Usagef("kl_weight: %v is out of range for %s: want %s", p.KLWeight, k.name, nonNegative.text)
	case k.keepsOnly && p.KLWeight > 0:
		return fault.Usagef("kl_weight: %s is maximum likelihood and has no KL term; use 0", k.name)
	case k.fixed && p.Aggregation != k.aggregation:
		return fault.Usagef("aggregation: %s is defined by %q; for %q use grpo", k.name, k.aggregation, p.Aggregation)
	}
	switch p.Aggregation {
	case AggregateToken, AggregateSequence:
	case AggregateConstant:
		if p.MaxLength < 1 {
			return fault.Usagef("max_length: %d tokens cannot divide the loss; aggregation %q wants at least 1", p.MaxLength, p.Aggregation)
		}
	default:
		return fault.Usagef("aggregation: %q is not one of token, sequence, constant", p.Aggregation)
	}
	return nil
}

// clippedRatio is -min(rho A, clip(rho) A) with rho = exp(logp - old).
func clippedRatio(p GradientParams, advantage, logp, old float64) tokenTerm {
	if advantage == 0 { // also where rho is infinite
		return tokenTerm{}
	}
	rho := math.Exp(logp - old)
	if advantage > 0 && rho > 1+p.ClipHigh {
		return tokenTerm{loss: -(1 + p.ClipHigh) * advantage, clipped: true}
	}
	if advantage < 0 && rho < 1-p.ClipLow {
		return tokenTerm{loss: -(1 - p.ClipLow) * advantage, clipped: true}
	}
	return tokenTerm{loss: -rho * advantage, slope: -rho * advantage}
}

// scoreFunction is -A logp, whose expected gradient is that of the expected reward (Williams, 1992).
func scoreFunction(_ GradientParams, advantage, logp, _ float64) tokenTerm {
	return tokenTerm{loss: -advantage * logp, slope: -advantage}
}

// k3 is Schulman's estimator of KL(policy || reference) from draws of the policy, exp(d) - d - 1 with d = ref - logp:
// never negative, and unbiased. The slope is with respect to logp.
func k3(logp, ref float64) (value, slope float64) {
	e := math.Expm1(ref - logp)
	return e - (ref - logp), -e
}

// gradient is a policy gradient with its parameters.
type gradient struct {
	kind   gradientKind
	params GradientParams
}

func (g gradient) Name() string { return g.kind.name }

func (g gradient) leavesOut(d Draw) bool { return g.kind.keepsOnly && d.Advantage <= 0 }

func (g gradient) Count(batch []Draw) (s StepSize) {
	for _, d := range batch {
		if !g.leavesOut(d) {
			s = s.Add(StepSize{1, len(d.Logp)})
		}
	}
	return s
}

func (g gradient) Evaluate(batch []Draw, out []TokenResult) {
	g.EvaluatePart(g.Count(batch), batch, out)
}

func (g gradient) EvaluatePart(step StepSize, batch []Draw, out []TokenResult) {
	for i, d := range batch {
		g.one(step, d, &out[i])
	}
}

func (g gradient) one(step StepSize, d Draw, r *TokenResult) {
	*r = TokenResult{Coef: zeros(r.Coef, len(d.Logp))}
	if g.leavesOut(d) || len(d.Logp) == 0 {
		return
	}
	weight := 1 / g.divisor(step, len(d.Logp))
	for t, logp := range d.Logp {
		old := logp
		if d.Old != nil {
			old = d.Old[t]
		}
		term := g.kind.loss(g.params, d.Advantage, logp, old)
		if d.Ref != nil {
			kl, slope := k3(logp, d.Ref[t])
			r.KL += kl
			term.loss += g.params.KLWeight * kl
			term.slope += g.params.KLWeight * slope
		}
		if term.clipped {
			r.Clipped++
		}
		r.Loss += weight * term.loss
		r.Coef[t] = weight * term.slope
	}
}

// divisor is what a token's loss of a draw of length tokens is divided by.
func (g gradient) divisor(step StepSize, length int) float64 {
	switch g.params.Aggregation {
	case AggregateSequence:
		return float64(step.Draws) * float64(length)
	case AggregateConstant:
		return float64(step.Draws) * float64(g.params.MaxLength)
	}
	return float64(step.Tokens)
}

// zeros returns n zeros in s when it has room.
func zeros(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	s = s[:n]
	clear(s)
	return s
}
