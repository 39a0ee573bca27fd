package game

import (
	"context"

	"spar/internal/rng"
)

// opponentLane keeps the draws of opponents apart from others of the same seed.
const opponentLane = 0x6f70706f

// Random plays any legal move. What it draws depends on the seed, the game's number and the ply only.
type Random struct{ Seed uint64 }

// Answer draws moves.
func (r Random) Answer(_ context.Context, g Game, turns []Turn) ([]Reply, error) {
	return answer(r.Seed, turns, g.Moves), nil
}

// Perfect plays an optimal move, any of them. What it draws depends on the seed, the game's number and the ply only.
type Perfect struct {
	Seed   uint64
	Solver *Solver
}

// Answer draws optimal moves.
func (p Perfect) Answer(_ context.Context, _ Game, turns []Turn) ([]Reply, error) {
	return answer(p.Seed, turns, p.Solver.Optimal), nil
}

func answer(seed uint64, turns []Turn, moves func(State) []string) []Reply {
	out := make([]Reply, len(turns))
	for i, t := range turns {
		among := moves(t.State)
		out[i].Text = among[rng.NewStream(seed, opponentLane, uint32(t.Game), uint32(t.Ply)).IntN(len(among))]
	}
	return out
}
