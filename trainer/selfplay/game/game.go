// Package game is self-play in two-player zero-sum games as text: rules, an arena, an exact solver, and advantages by role.
//
//	g, err := game.New("nim:3,5")
//	records, err := game.Match{Game: g, Games: 256, Seed: 1, Players: [2]game.Player{p, p}}.Play(ctx)
//	lessons := game.Lessons(g, records, baselines) // what a policy gradient learns from
//	measured := game.Measure(game.NewSolver(g), records)
//
// A game is a set of pure functions over states, which are short texts. Whoever moves reads a prompt and answers with text; an answer
// without a legal move loses the game at once. The only reward is the outcome.
//
// Games, states and records may be used by any number of goroutines. Solvers and Baselines belong to one at a time.
package game

import (
	"fmt"
	"strconv"
	"strings"

	"spar/internal/fault"
)

// State is a position with whose turn it is, as a game writes it. Equal positions are equal states.
type State string

// Role is a seat at the board: First moves first.
type Role int

// The two roles.
const (
	First  Role = 0
	Second Role = 1
)

// Other is the opponent's role.
func (r Role) Other() Role { return 1 - r }

func (r Role) String() string { return [...]string{"first", "second"}[r] }

// Game is the rules of a game that always ends. States given to it are its own.
type Game interface {
	// Name is what New takes.
	Name() string
	// Rules tells a player who does not know the game how it goes and how a move is written.
	Rules() string
	// Start is the first position of the game with that seed; First is to move.
	Start(seed uint64) State
	// Mover is whose turn it is; of a finished game, whose turn it would be.
	Mover(s State) Role
	// Prompt shows the position to the mover, without the rules.
	Prompt(s State) string
	// Moves lists the legal moves in a fixed order: none where the game is over, else at least one.
	Moves(s State) []string
	// Apply is the position after a move; an illegal one is an *IllegalMove.
	Apply(s State, move string) (State, error)
	// Outcome is the first player's: 1 won, 0 drawn, -1 lost. Over is false while the game goes on.
	Outcome(s State) (value float64, over bool)
}

// IllegalMove is a move that the rules do not allow.
type IllegalMove struct {
	Game  string
	State State
	Move  string
}

func (e *IllegalMove) Error() string {
	return fmt.Sprintf("%s: %q is not a legal move in %q", e.Game, e.Move, e.State)
}

// New returns a game by name: tictactoe, or nim with the number of heaps and the most that one holds, as in nim:3,5. An unknown name is
// a usage error.
func New(name string) (Game, error) {
	kind, sizes, _ := strings.Cut(name, ":")
	switch {
	case name == "tictactoe":
		return TicTacToe{}, nil
	case kind == "nim":
		heaps, most, ok := strings.Cut(sizes, ",")
		h, err := strconv.Atoi(heaps)
		m, other := strconv.Atoi(most)
		if !ok || err != nil || other != nil || h < 1 || h > MaxHeaps || m < 1 || m > MaxHeap {
			return nil, fault.Usagef("game: %q: write nim:H,M with 1 to %d heaps of at most 1 to %d objects, for example nim:3,5", name, MaxHeaps, MaxHeap)
		}
		return Nim{Heaps: h, Most: m}, nil
	}
	return nil, fault.Usagef("game: %q is not one of tictactoe, nim:H,M", name)
}
