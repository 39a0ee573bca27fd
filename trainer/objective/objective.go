// Package objective holds the training losses: pure functions from the log-probs of whole responses to
// a loss and its derivatives. The engine knows none of them; it multiplies a response's derivative
// into every one of its tokens.
//
//	o, err := objective.New("spin", "sigmoid", objective.Defaults())
//	o.Evaluate(batch, results)
//	for i, e := range batch { loss += results[i].Loss; weight += o.Weight(e) }  // step loss = loss / weight
//
// Everywhere lp is the sum of a response's token log-probs under the policy, in nats, ref the same under
// the frozen reference, r = lp - ref the log-ratio, sigma the logistic function and softplus(x) =
// log(1 + exp(x)). "Real" is the response to move towards (chosen), "gen" the one to move away from (generated,
// rejected). Losses are per example and to be minimised; references are constants.
//
// An Objective does not change after New and may be used by any number of goroutines.
//
// Losses over the tokens of sampled responses, with advantages, are PolicyGradients:
//
//	g, err := objective.NewPolicyGradient("grpo", objective.DefaultGradient())
//	advantages := objective.Advantages(objective.AdvantageGroupStd, rewards) // of each prompt's draws
//	g.Evaluate(draws, results)                                               // a whole step; or Count and EvaluatePart
package objective

import (
	"slices"
	"strings"

	"spar/internal/fault"
)

// Example is one training example. Needs says which fields an objective reads.
type Example struct {
	LpReal, RefReal    float64 // nats, summed over the response
	LpGen, RefGen      float64
	LpProto            float64 // the response of the first policy (tspin)
	LenReal, LenGen    int     // response tokens, the end token included
	Single             bool    // kto: there is one response, in the real fields, and Label judges it
	Label              bool    // kto: true for a desirable single response
	LogRatioMismatched float64 // kto: log-ratio of another example's response after this prompt
	Preference         bool    // Mixed: evaluated under the preference objective
}

// Result is what an objective says about an example.
type Result struct {
	Loss                float64
	DReal, DGen, DProto float64 // dLoss/dLp of each response
	Logged
}

// Logged are the implicit rewards that trainers of this family log. A lone response has the reward
// of the other at 0.
type Logged struct {
	RewardReal, RewardGen float64
	Margin                float64 // RewardReal - RewardGen
	Accuracy              float64 // 1 when RewardReal > RewardGen, else 0
}

// Needs lists the inputs of an objective besides LpReal.
type Needs struct {
	Reference  bool // RefReal, and RefGen where Generated
	Generated  bool // LpGen
	Proto      bool // LpProto
	Lengths    bool // LenReal, and LenGen where Generated
	Mismatched bool // LogRatioMismatched, for single examples; 0 is allowed
}

// Objective is one loss with its parameters. Only this package implements it.
type Objective interface {
	// Name is algorithm/loss_type, such as "dpo/hinge".
	Name() string
	Needs() Needs
	// Evaluate writes out[i] for each batch[i]. Only kto looks at more than one example at a time.
	Evaluate(batch []Example, out []Result)
	// Weight is what the example adds to the divisor of a step's loss: 1, or for sft its tokens.
	Weight(e Example) float64
}

// Params are the parameters of all losses; each reads its own.
type Params struct {
	Beta              float64 // dpo, spin, chi2: scale of the log-ratio (ipo: tau; tspin: alpha). space has none.
	C                 float64 // chi2: weight of the squares
	Alpha             float64 // chi2: share of real responses in the regulariser
	Tau               float64 // chi2: target of the log-ratio in nats; when above 0, C is 1/(Beta Tau)
	Huber             bool    // chi2: linear tails
	Mu                float64 // space: noise ratio
	Gamma             float64 // simpo: margin
	AnchorWeight      float64 // tspin: weight of the pair (generated, proto)
	LabelSmoothing    float64 // dpo sigmoid, cdpo, robust: flip rate of the labels
	DesirableWeight   float64 // kto
	UndesirableWeight float64 // kto
	SFTWeight         float64 // pairs: adds SFTWeight times the mean token loss of the real response
}

// Defaults are the values of an untouched config.
func Defaults() Params {
	return Params{Beta: 0.1, C: 0.5, Alpha: 0.5, Mu: 1, Gamma: 0.5, AnchorWeight: 1, DesirableWeight: 1, UndesirableWeight: 1}
}

// lossFunc is a loss that looks at one example.
type lossFunc func(p Params, e Example) Result

// family is an algorithm: its loss types, the first being the default.
type family struct {
	algorithm string
	kinds     []kind
}

type kind struct {
	lossType string
	loss     lossFunc // nil: built by build
	build    func(name string, p Params) Objective
	needs    Needs
	reads    []string // parameters, as in ranges
}

func families() []family {
	return []family{sftFamily(), dpoFamily(), spinFamily(), chi2Family(), spaceFamily(), tspinFamily()}
}

// New returns the objective of an algorithm (sft dpo spin chi2 space tspin) and loss type. An empty loss
// type is the algorithm's first; algorithms with a single loss take "sigmoid" for it as well, the value of an
// untouched config. An unknown name, or a parameter out of range, is a usage error.
func New(algorithm, lossType string, p Params) (Objective, error) {
	f, err := findFamily(algorithm)
	if err != nil {
		return nil, err
	}
	k, err := f.find(lossType)
	if err != nil {
		return nil, err
	}
	if err := p.check(algorithm, append(k.reads, "sft_weight")); err != nil {
		return nil, err
	}
	name := algorithm + "/" + k.lossType
	if k.build != nil {
		return k.build(name, p), nil
	}
	return separate{name: name, params: p, loss: k.loss, needs: k.needs}, nil
}

func findFamily(algorithm string) (family, error) {
	var names []string
	for _, f := range families() {
		if f.algorithm == algorithm {
			return f, nil
		}
		names = append(names, f.algorithm)
	}
	return family{}, fault.Usagef("algorithm: %q is not one of %s", algorithm, strings.Join(names, ", "))
}

func (f family) find(lossType string) (kind, error) {
	if lossType == "" || lossType == "sigmoid" && len(f.kinds) == 1 {
		return f.kinds[0], nil
	}
	if i := slices.IndexFunc(f.kinds, func(k kind) bool { return k.lossType == lossType }); i >= 0 {
		return f.kinds[i], nil
	}
	var names []string
	for _, k := range f.kinds {
		names = append(names, k.lossType)
	}
	return kind{}, fault.Usagef("loss_type: %q is not one of those of %s: %s", lossType, f.algorithm, strings.Join(names, ", "))
}

// separate is an objective whose examples do not see each other.
type separate struct {
	name   string
	params Params
	loss   lossFunc
	needs  Needs
}

func (s separate) Name() string { return s.name }

func (s separate) Needs() Needs {
	n := s.needs
	n.Lengths = n.Lengths || s.params.SFTWeight > 0
	return n
}

func (s separate) Weight(Example) float64 { return 1 }

func (s separate) Evaluate(batch []Example, out []Result) {
	for i, e := range batch {
		out[i] = s.loss(s.params, e)
		addSFT(s.params.SFTWeight, e, &out[i])
	}
}
