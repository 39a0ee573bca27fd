package game

// DefaultDecay is that of SPIRAL's code.
const DefaultDecay = 0.95

// Baselines are running means of outcomes, one for each game and role: the role-conditioned baseline of SPIRAL (arXiv 2506.24119). Moving
// first may be worth something in itself; without a baseline for each role every move of the favoured side would be learnt, good or bad.
//
// The fields are what has to be kept for a run to continue as it was. The zero value with a Decay is ready.
type Baselines struct {
	Decay float64               // of a running mean, a game at a time
	Means map[string][2]float64 // by the game's name, then role; a game that was not played yet has zeros
}

// advantage is the return of a role over its baseline, which then moves towards that return: a baseline never holds the outcome that it is
// taken from.
func (b *Baselines) advantage(name string, role Role, value float64) float64 {
	if b.Means == nil {
		b.Means = map[string][2]float64{}
	}
	means := b.Means[name]
	before := means[role]
	means[role] = b.Decay*before + (1-b.Decay)*value
	b.Means[name] = means
	return value - before
}

// Lesson is a response with its advantage: what a policy gradient takes.
type Lesson struct {
	Prompt, Response []int32
	Old              []float32 // log-probs of Response under the policy that drew it
	Advantage        float64
	Game             int // number of the game; its lessons follow one another
	Role             Role
}

// Lessons are the plies of finished games in order, each with the advantage of its player in that game. Both players of a game are
// taken, one after the other; plies without response ids, those of opponents that do not compute, are left out, and such a role moves
// no baseline.
func Lessons(g Game, records []Record, b *Baselines) []Lesson {
	var out []Lesson
	for i, r := range records {
		var advantages [2]float64
		for _, role := range []Role{First, Second} {
			if r.learns(role) {
				advantages[role] = b.advantage(g.Name(), role, r.Return(role))
			}
		}
		for _, p := range r.Plies {
			if len(p.Response) > 0 {
				out = append(out, Lesson{Prompt: p.Prompt, Response: p.Response, Old: p.Logp, Advantage: advantages[p.Role], Game: i, Role: p.Role})
			}
		}
	}
	return out
}

// learns reports whether a role has responses in the game.
func (r Record) learns(role Role) bool {
	for _, p := range r.Plies {
		if p.Role == role && len(p.Response) > 0 {
			return true
		}
	}
	return false
}
