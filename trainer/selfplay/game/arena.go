package game

import (
	"context"
	"slices"

	"spar/internal/fault"
)

// Turn is a position put to a player.
type Turn struct {
	Game  int // number in the match
	Ply   int // moves made before
	State State
}

// Reply is an answer to a turn. A player that does not compute leaves the ids empty.
type Reply struct {
	Text             string
	Prompt, Response []int32
	Logp             []float32 // of Response, nats at temperature 1
}

// Player answers positions. A call holds a turn of every running game in which it is to move, and is answered in the same order.
type Player interface {
	Answer(ctx context.Context, g Game, turns []Turn) ([]Reply, error)
}

// Match is a number of games between two players, played in parallel: one call of a player for each ply.
type Match struct {
	Game    Game
	Games   int
	Seed    uint64    // of the first game's start; the i-th starts from Seed + i
	Players [2]Player // by role; a player against itself stands in both
}

// Ply is a move that was made, or tried.
type Ply struct {
	Turn
	Reply
	Role  Role
	Move  string // as read from the text
	Legal bool
}

// Record is a finished game. Only its last ply may be illegal.
type Record struct {
	Plies   []Ply
	Outcome float64 // the first player's: 1, 0, -1
}

// Return is the outcome for a role.
func (r Record) Return(role Role) float64 {
	if role == Second {
		return -r.Outcome
	}
	return r.Outcome
}

// Play plays all games to the end.
func (m Match) Play(ctx context.Context) ([]Record, error) {
	records := make([]Record, m.Games)
	states := make([]State, m.Games)
	running := make([]int, m.Games)
	for i := range running {
		running[i], states[i] = i, m.Game.Start(m.Seed+uint64(i))
	}
	for ply := 0; len(running) > 0; ply++ {
		for _, role := range []Role{First, Second} {
			var turns []Turn
			for _, i := range running {
				if len(records[i].Plies) == ply && m.Game.Mover(states[i]) == role {
					turns = append(turns, Turn{Game: i, Ply: ply, State: states[i]})
				}
			}
			if err := m.ply(ctx, role, turns, records, states); err != nil {
				return nil, err
			}
		}
		running = slices.DeleteFunc(running, func(i int) bool { return m.finish(&records[i], states[i]) })
	}
	return records, nil
}

// ply lets one player make a move in each of its games.
func (m Match) ply(ctx context.Context, role Role, turns []Turn, records []Record, states []State) error {
	if len(turns) == 0 {
		return nil
	}
	replies, err := m.Players[role].Answer(ctx, m.Game, turns)
	if err != nil {
		return err
	}
	if len(replies) != len(turns) {
		return fault.New(fault.Failed, "the %s player of %s answered %d of %d positions", role, m.Game.Name(), len(replies), len(turns))
	}
	for i, t := range turns {
		p := Ply{Turn: t, Reply: replies[i], Role: role, Move: ReadMove(replies[i].Text)}
		next, err := m.Game.Apply(t.State, p.Move)
		if p.Legal = err == nil; p.Legal {
			states[t.Game] = next
		}
		records[t.Game].Plies = append(records[t.Game].Plies, p)
	}
	return nil
}

// finish writes the outcome of a game that is over.
func (m Match) finish(r *Record, s State) bool {
	if n := len(r.Plies); n > 0 && !r.Plies[n-1].Legal {
		r.Outcome = 1
		if r.Plies[n-1].Role == First {
			r.Outcome = -1
		}
		return true
	}
	value, over := m.Game.Outcome(s)
	r.Outcome = value
	return over
}
