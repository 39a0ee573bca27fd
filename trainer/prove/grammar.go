package prove

import (
	"context"
	"math"

	"spar/internal/rng"
)

// grammar is a language whose probabilities are known exactly: after a prompt of one subject, words follow each other by a matrix of
// the subject, until the end or the longest response.
type grammar struct {
	next [grammarSubjects][grammarWords + 1]tabular
} // from a word, or the start, to a word or the end

// Ids: 0 ends a response, 1..grammarWords are words, then the subjects.
const (
	grammarWords    = 10
	grammarSubjects = 3
	grammarLongest  = 16 // tokens of a response, the end included
	grammarSpread   = 1.2
)

// Widths of students: one that can hold the grammar, and one that cannot quite.
const (
	ableWidth  = 32
	smallWidth = 16
)

func grammarShape(width int) shape {
	return shape{vocabulary: 1 + grammarWords + grammarSubjects, width: width, layers: 1, positions: 40, stop: 0}
}

// twoGrammars are a language and a dialect, which differ as much as they share.
func twoGrammars(seed uint64) (data, dialect grammar) {
	r := rng.NewStream(seed, 0x6772616d)
	for s := range grammarSubjects {
		for w := range grammarWords + 1 {
			a, b := make([]float64, grammarWords+1), make([]float64, grammarWords+1)
			for k := range a {
				shared := normal(r)
				a[k], b[k] = grammarSpread*(shared+normal(r)), grammarSpread*(shared+normal(r))
			}
			a[0], b[0] = 0.6, 0.6
			if w == 0 { // a response is not empty
				a[0], b[0] = math.Inf(-1), math.Inf(-1)
			}
			data.next[s][w], dialect.next[s][w] = normalized(a), normalized(b)
		}
	}
	return data, dialect
}

func subjectPrompt(subject int) []int32 { return []int32{int32(1 + grammarWords + subject)} }

// respond draws a response.
func (g *grammar) respond(subject int, r *rng.Stream) []int32 {
	var out []int32
	word := 0
	for len(out) < grammarLongest-1 {
		word = g.next[subject][word].draw(r)
		out = append(out, int32(word))
		if word == 0 {
			return out
		}
	}
	return append(out, 0)
}

// logp is the log-prob of a response that the grammar can give.
func (g *grammar) logp(subject int, response []int32) (sum float64) {
	word := 0
	for _, id := range response[:min(len(response), grammarLongest-1)] {
		sum += g.next[subject][word][id]
		word = int(id)
	}
	return sum
}

// rows draws n prompts with a response each.
func (g *grammar) rows(n int, seed uint64) []row {
	r := rng.NewStream(seed, 0x726f7773)
	out := make([]row, n)
	for i := range out {
		subject := r.IntN(grammarSubjects)
		out[i] = row{subjectPrompt(subject), [][]int32{g.respond(subject, r)}}
	}
	return out
}

// schoolroom is what the grammar's claims share: a student that speaks the dialect, and rows of the data.
type schoolroom struct {
	*student
	data     grammar
	real     []row // training rows
	heldOut  []row
	dialect  [][]float32 // the weights of the student that speaks the dialect
	heldLogp []float64   // under the data's grammar
}

const (
	schoolRows    = 512
	schoolHeldOut = 2000
)

// openSchoolroom trains the dialect.
func openSchoolroom(ctx context.Context, o Options, width int, seed uint64) (*schoolroom, error) {
	s, err := newStudent(o, grammarShape(width), seed)
	if err != nil {
		return nil, err
	}
	data, dialect := twoGrammars(seed)
	room := &schoolroom{student: s, data: data, real: data.rows(schoolRows, seed+1), heldOut: data.rows(schoolHeldOut, seed+2)}
	for _, x := range room.heldOut {
		room.heldLogp = append(room.heldLogp, data.logp(int(x.prompt[0])-1-grammarWords, x.responses[0]))
	}
	if err := s.likelihood(ctx, training{steps: 600, batch: 64, rate: 3e-3}, dialect.rows(8192, seed+3), seed); err != nil {
		_ = s.close()
		return nil, err
	}
	room.dialect = s.weights()
	return room, nil
}

// divergence estimates KL(p_data || policy) in nats from the held-out rows, the same for every policy.
func (room *schoolroom) divergence(ctx context.Context) (float64, error) {
	sums, err := room.sums(ctx, room.heldOut)
	kl := 0.0
	for i := range sums {
		kl += (room.heldLogp[i] - sums[i][0]) / float64(len(sums))
	}
	return kl, err
}

// opposed are the real rows, each with a sample of the policy as it is now, at most twice as long as they can be.
func (room *schoolroom) opposed(ctx context.Context, seed uint64) ([]row, error) {
	prompts := make([][]int32, len(room.real))
	for i, x := range room.real {
		prompts[i] = x.prompt
	}
	samples, err := room.sample(ctx, prompts, 1, 2*grammarLongest, 1, seed)
	if err != nil {
		return nil, err
	}
	out := make([]row, len(room.real))
	for i, x := range room.real {
		out[i] = row{x.prompt, [][]int32{x.responses[0], samples[i][0]}}
	}
	return out, nil
}
