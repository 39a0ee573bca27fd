package objective

// mixed trains preference pairs beside self-play's own.
type mixed struct{ self, preference Objective }

// Mixed evaluates examples with Preference set under preference and all others under self. A step's loss is the sum over its pairs of
// both kinds, divided by the sum of their weights: with pairs that weigh 1 each, of which a share m are preference pairs,
//
//	loss = (1-m) mean of self over its pairs + m mean of preference over its pairs
//
// Needs are those of self; a preference pair has two responses and, unless preference needs none, a reference of its own.
// Neither objective may look at more than one example at a time (kto does).
func Mixed(self, preference Objective) Objective { return mixed{self, preference} }

func (m mixed) of(e Example) Objective {
	if e.Preference {
		return m.preference
	}
	return m.self
}

func (m mixed) Name() string { return m.self.Name() + "+" + m.preference.Name() }

func (m mixed) Needs() Needs { return m.self.Needs() }

func (m mixed) Weight(e Example) float64 { return m.of(e).Weight(e) }

func (m mixed) Evaluate(batch []Example, out []Result) {
	for i, e := range batch {
		m.of(e).Evaluate(batch[i:i+1], out[i:i+1])
	}
}
