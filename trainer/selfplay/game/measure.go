package game

import "context"

// Measured is how well a role was played, against the exact solution.
type Measured struct {
	Games, Plies int
	Return       float64 // mean outcome of the role
	Illegal      float64 // share of plies that were no legal move
	Regret       float64 // mean over plies, 0 to 2
	Decisive     int     // plies in positions where a legal move gives something away
	Optimal      float64 // share of optimal moves among the decisive plies
	Chance       float64 // what any legal move, drawn evenly, would have in their place
}

// Measure measures both roles of finished games.
func Measure(s *Solver, records []Record) [2]Measured {
	var out [2]Measured
	for _, r := range records {
		for role := range out {
			m := &out[role]
			m.Games++
			m.Return += r.Return(Role(role))
		}
		for _, p := range r.Plies {
			out[p.Role].add(s, p)
		}
	}
	for role := range out {
		out[role].divide()
	}
	return out
}

func (m *Measured) add(s *Solver, p Ply) {
	m.Plies++
	if !p.Legal {
		m.Illegal++
	}
	regret := s.Regret(p.State, p.Move)
	m.Regret += regret
	if !s.Decisive(p.State) {
		return
	}
	m.Decisive++
	if p.Legal && regret == 0 {
		m.Optimal++
	}
	m.Chance += float64(len(s.Optimal(p.State))) / float64(len(s.game.Moves(p.State)))
}

// divide turns sums into means; of nothing they stay 0.
func (m *Measured) divide() {
	games, plies, decisive := float64(max(m.Games, 1)), float64(max(m.Plies, 1)), float64(max(m.Decisive, 1))
	m.Return /= games
	m.Illegal /= plies
	m.Regret /= plies
	m.Optimal /= decisive
	m.Chance /= decisive
}

// Examine puts each position to a player once and measures the answers, without playing on. Only decisive positions say anything.
func Examine(ctx context.Context, s *Solver, p Player, positions []State) (Measured, error) {
	turns := make([]Turn, len(positions))
	for i, x := range positions {
		turns[i] = Turn{Game: i, State: x}
	}
	replies, err := p.Answer(ctx, s.game, turns)
	if err != nil {
		return Measured{}, err
	}
	var m Measured
	for i, r := range replies {
		move := ReadMove(r.Text)
		_, err := s.game.Apply(positions[i], move)
		m.add(s, Ply{Turn: turns[i], Reply: r, Move: move, Legal: err == nil})
	}
	m.divide()
	return m, nil
}
