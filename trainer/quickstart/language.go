package quickstart

import (
	"math"
	"slices"

	"spar/internal/rng"
)

// The language is worked two-digit addition. A prompt is `<bos> a b + c d =`; a response explains the sum:
//
//	OPEN step(units) CONN step(tens) CONC answer(3 digits) REMARK <eos>
//	step = x + y + carry = s s, the operands swapped with some probability
//
// Every draw is independent given the prompt, so probabilities, entropy and divergences are exact.

// Ids of the words that code refers to.
const (
	padID   int32 = 0
	bosID   int32 = 1
	eosID   int32 = 2
	plusID  int32 = 3
	equalID int32 = 4
	zeroID  int32 = 5 // digits 0..9 are zeroID..zeroID+9
)

// Vocabulary lists the words by id.
var Vocabulary = []string{
	"<pad>", "<bos>", "<eos>", "+", "=", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9",
	"ok", "sure", "well", "hm", "then", "next", ",", "so", "thus", "hence",
	"done", "easy", "one", "check", "it", "again",
}

// choice is one way to fill a slot.
type choice struct {
	words       []string
	probability float64
}

// slots in order of appearance: OPEN, CONN, CONC, REMARK.
type slots [4][]choice

// Language is a distribution over responses; Real and Dialect differ in style only.
type Language struct {
	slots slots
	swap  float64 // probability of x and y changing places
	ids   [4][][]int32
}

// Real is the language of the data, p_data.
func Real() *Language {
	return newLanguage(slots{
		{{[]string{"ok"}, .4}, {[]string{"sure"}, .3}, {[]string{"well"}, .2}, {[]string{"hm"}, .1}},
		{{[]string{"then"}, .5}, {[]string{"next"}, .3}, {[]string{","}, .2}},
		{{[]string{"so"}, .5}, {[]string{"thus"}, .3}, {[]string{"hence"}, .2}},
		{{nil, .5}, {[]string{"done"}, .25}, {[]string{"easy", "one"}, .15}, {[]string{"check", "it", "again"}, .1}},
	}, .3)
}

// Dialect has the same words with every slot's probabilities in reverse order, and swaps with 0.7.
func Dialect() *Language {
	real := Real()
	reversed := real.slots
	for i, slot := range real.slots {
		reversed[i] = slices.Clone(slot)
		for j := range slot {
			reversed[i][j].probability = slot[len(slot)-1-j].probability
		}
	}
	return newLanguage(reversed, 1-real.swap)
}

func newLanguage(s slots, swap float64) *Language {
	l := &Language{slots: s, swap: swap}
	for i, slot := range s {
		for _, c := range slot {
			ids := make([]int32, len(c.words))
			for j, w := range c.words {
				ids[j] = int32(slices.Index(Vocabulary, w))
			}
			l.ids[i] = append(l.ids[i], ids)
		}
	}
	return l
}

// Sum is a prompt: two operands in 10..99.
type Sum struct{ A, B int }

// AllSums lists every prompt.
func AllSums() []Sum {
	var out []Sum
	for a := 10; a <= 99; a++ {
		for b := 10; b <= 99; b++ {
			out = append(out, Sum{a, b})
		}
	}
	return out
}

// HeldOut reports whether a prompt belongs to the tenth that is never trained on. The hash mixes well on purpose: a linear
// one would pick one residue of the answer's last digit.
func (s Sum) HeldOut() bool {
	return rng.Philox(0x68656c646f7574, [4]uint32{uint32(s.A), uint32(s.B)})[0]%10 == 0
}

// Prompt is the prompt's ids.
func (s Sum) Prompt() []int32 {
	return []int32{bosID, digit(s.A / 10), digit(s.A % 10), plusID, digit(s.B / 10), digit(s.B % 10), equalID}
}

// sumOf reads a prompt back.
func sumOf(prompt []int32) Sum {
	n := func(i int) int { return int(prompt[i] - zeroID) }
	return Sum{10*n(1) + n(2), 10*n(4) + n(5)}
}

func digit(n int) int32 { return zeroID + int32(n) }

// step is one digit pair with its carry.
type step struct{ x, y, carry int }

func (s step) total() int { return s.x + s.y + s.carry }

// steps are units and tens.
func (s Sum) steps() [2]step {
	units := step{s.A % 10, s.B % 10, 0}
	return [2]step{units, {s.A / 10, s.B / 10, units.total() / 10}}
}

func (s step) ids(swapped bool) []int32 {
	x, y := s.x, s.y
	if swapped {
		x, y = y, x
	}
	t := s.total()
	return []int32{digit(x), plusID, digit(y), plusID, digit(s.carry), equalID, digit(t / 10), digit(t % 10)}
}

// Sample draws a response.
func (l *Language) Sample(s Sum, r *rng.Stream) []int32 {
	var out []int32
	parts := s.steps()
	out = append(out, l.draw(0, r)...)
	out = append(out, parts[0].ids(l.drawSwap(parts[0], r))...)
	out = append(out, l.draw(1, r)...)
	out = append(out, parts[1].ids(l.drawSwap(parts[1], r))...)
	out = append(out, l.draw(2, r)...)
	out = append(out, s.answer()...)
	out = append(out, l.draw(3, r)...)
	return append(out, eosID)
}

func (s Sum) answer() []int32 {
	t := s.A + s.B
	return []int32{digit(t / 100), digit(t / 10 % 10), digit(t % 10)}
}

func (l *Language) draw(slot int, r *rng.Stream) []int32 {
	u := r.Float64()
	last := len(l.ids[slot]) - 1
	for i, c := range l.slots[slot][:last] {
		if u -= c.probability; u < 0 {
			return l.ids[slot][i]
		}
	}
	return l.ids[slot][last]
}

// drawSwap always draws, so that a stream stays in step; a swap of equal digits cannot be seen.
func (l *Language) drawSwap(s step, r *rng.Stream) bool { return r.Float64() < l.swap && s.x != s.y }

// LogProb is log p(response | sum) in nats, and false when the response is not in the support: wrong grammar, a wrong
// digit, a wrong answer, no end. This is the exact checker.
func (l *Language) LogProb(s Sum, response []int32) (float64, bool) {
	parts := s.steps()
	m := matcher{language: l, rest: response}
	m.slot(0)
	m.step(parts[0])
	m.slot(1)
	m.step(parts[1])
	m.slot(2)
	m.fixed(s.answer())
	m.remark()
	return m.logp, !m.failed && len(m.rest) == 0
}

// matcher eats a response from the left.
type matcher struct {
	language *Language
	rest     []int32
	logp     float64
	failed   bool
}

func (m *matcher) take(ids []int32) bool {
	if m.failed || len(m.rest) < len(ids) || !slices.Equal(m.rest[:len(ids)], ids) {
		return false
	}
	m.rest = m.rest[len(ids):]
	return true
}

func (m *matcher) fixed(ids []int32) {
	if !m.take(ids) {
		m.failed = true
	}
}

// slot matches one choice; the first words of a slot's choices differ, so the first match is the only one.
func (m *matcher) slot(i int) {
	for j, ids := range m.language.ids[i] {
		if m.take(ids) {
			m.logp += math.Log(m.language.slots[i][j].probability)
			return
		}
	}
	m.failed = true
}

func (m *matcher) step(s step) {
	p := 1.0
	switch {
	case s.x == s.y:
		m.fixed(s.ids(false))
	case m.take(s.ids(false)):
		p = 1 - m.language.swap
	case m.take(s.ids(true)):
		p = m.language.swap
	default:
		m.failed = true
	}
	m.logp += math.Log(p)
}

// remark matches a remark together with the end, because the empty remark matches anything.
func (m *matcher) remark() {
	for j, ids := range m.language.ids[3] {
		if m.take(append(slices.Clone(ids), eosID)) {
			m.logp += math.Log(m.language.slots[3][j].probability)
			return
		}
	}
	m.failed = true
}

// Support lists every response to a prompt with its probability.
func (l *Language) Support(s Sum) (responses [][]int32, probabilities []float64) {
	type partial struct {
		ids []int32
		p   float64
	}
	all := []partial{{nil, 1}}
	extend := func(options [][]int32, probability func(int) float64) {
		var next []partial
		for _, a := range all {
			for i, o := range options {
				next = append(next, partial{append(slices.Clone(a.ids), o...), a.p * probability(i)})
			}
		}
		all = next
	}
	extendSlot := func(i int) { extend(l.ids[i], func(j int) float64 { return l.slots[i][j].probability }) }
	extendStep := func(t step) {
		if t.x == t.y {
			extend([][]int32{t.ids(false)}, func(int) float64 { return 1 })
			return
		}
		extend([][]int32{t.ids(false), t.ids(true)}, func(j int) float64 { return []float64{1 - l.swap, l.swap}[j] })
	}
	parts := s.steps()
	extendSlot(0)
	extendStep(parts[0])
	extendSlot(1)
	extendStep(parts[1])
	extendSlot(2)
	extend([][]int32{s.answer()}, func(int) float64 { return 1 })
	extendSlot(3)
	for _, a := range all {
		responses = append(responses, append(a.ids, eosID))
		probabilities = append(probabilities, a.p)
	}
	return responses, probabilities
}
