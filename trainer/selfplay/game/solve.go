package game

import "slices"

// Solver knows the exact value of every position of a game, by minimax with a memory. It keeps what it has looked at: tic-tac-toe has 5,478
// positions, nim:H,M at most 2 (M+1)^H.
type Solver struct {
	game   Game
	values map[State]float64
}

// NewSolver solves positions when they are first asked for.
func NewSolver(g Game) *Solver { return &Solver{game: g, values: map[State]float64{}} }

// Value is the outcome for the mover when both play best from here on: 1 won, 0 drawn, -1 lost.
func (s *Solver) Value(x State) float64 {
	if v, ok := s.values[x]; ok {
		return v
	}
	v, over := s.game.Outcome(x)
	if over {
		if s.game.Mover(x) == Second {
			v = -v
		}
	} else {
		v = -1
		for _, m := range s.game.Moves(x) {
			v = max(v, s.after(x, m))
		}
	}
	s.values[x] = v
	return v
}

// after is the value for x's mover of making a legal move.
func (s *Solver) after(x State, move string) float64 {
	next, err := s.game.Apply(x, move)
	if err != nil {
		return -1 // an illegal move loses
	}
	return -s.Value(next)
}

// Regret is what a move gives away against best play, 0 to 2. An illegal move loses the game, so in a lost position it costs nothing.
func (s *Solver) Regret(x State, move string) float64 { return s.Value(x) - s.after(x, move) }

// Optimal lists the legal moves that give nothing away.
func (s *Solver) Optimal(x State) []string {
	var out []string
	for _, m := range s.game.Moves(x) {
		if s.Regret(x, m) == 0 {
			out = append(out, m)
		}
	}
	return out
}

// Decisive reports whether the position has a legal move that gives something away: only there can play be right or wrong.
func (s *Solver) Decisive(x State) bool { return len(s.Optimal(x)) < len(s.game.Moves(x)) }

// Reachable lists the unfinished positions that can follow from the given ones, themselves included, in sorted order.
func Reachable(g Game, from ...State) []State {
	seen := map[State]bool{}
	open := slices.Clone(from)
	for len(open) > 0 {
		x := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[x] || len(g.Moves(x)) == 0 {
			continue
		}
		seen[x] = true
		for _, m := range g.Moves(x) {
			if next, err := g.Apply(x, m); err == nil {
				open = append(open, next)
			}
		}
	}
	out := make([]State, 0, len(seen))
	for x := range seen {
		out = append(out, x)
	}
	slices.Sort(out)
	return out
}
