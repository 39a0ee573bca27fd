package game

import (
	"fmt"
	"strconv"
	"strings"

	"spar/internal/rng"
)

// Limits of Nim: moves are a letter and a digit, and every position can be solved by search.
const (
	MaxHeaps = 4
	MaxHeap  = 9
)

// nimLane keeps the draws of first positions apart from others of the same seed.
const nimLane = 0x6e696d

// Nim is normal play: from one heap take one object or more; whoever takes the last one wins. A game starts with Heaps heaps of 1 to Most
// objects each. Its theory is complete (Bouton, 1901): the mover wins unless the exclusive or of the heaps is zero.
//
// A state is a digit for the mover and one for each heap. A move is the heap's letter and the number to take: b3.
type Nim struct{ Heaps, Most int }

// Name is nim:H,M.
func (n Nim) Name() string { return fmt.Sprintf("nim:%d,%d", n.Heaps, n.Most) }

// Rules of normal play.
func (n Nim) Rules() string {
	return "Nim: there are heaps of objects, named a, b, c and so on. On your turn take one object or more from a single heap. " +
		"Whoever takes the last object wins. Answer with the heap's letter and the number that you take, for example b3."
}

// Start draws each heap from 1 to Most.
func (n Nim) Start(seed uint64) State {
	draw := rng.NewStream(seed, nimLane)
	s := []byte{'0'}
	for range n.Heaps {
		s = append(s, byte('1'+draw.IntN(n.Most)))
	}
	return State(s)
}

// Mover is written in the state.
func (n Nim) Mover(s State) Role { return Role(s[0] - '0') }

// Prompt lists the heaps: "nim a3 b2 c5:".
func (n Nim) Prompt(s State) string {
	var b strings.Builder
	b.WriteString("nim")
	for i := 1; i < len(s); i++ {
		fmt.Fprintf(&b, " %c%c", 'a'+i-1, s[i])
	}
	return b.String() + ":"
}

// Moves go heap by heap, from one object to all.
func (n Nim) Moves(s State) []string {
	var out []string
	for i := 1; i < len(s); i++ {
		for take := 1; take <= int(s[i]-'0'); take++ {
			out = append(out, string(rune('a'+i-1))+strconv.Itoa(take))
		}
	}
	return out
}

// Apply takes from a heap.
func (n Nim) Apply(s State, move string) (State, error) {
	illegal := &IllegalMove{Game: n.Name(), State: s, Move: move}
	if len(move) != 2 {
		return s, illegal
	}
	heap, take := int(move[0])-'a'+1, int(move[1])-'0'
	if heap < 1 || heap >= len(s) || take < 1 || take > int(s[heap]-'0') {
		return s, illegal
	}
	next := []byte(s)
	next[0] = byte('0' + n.Mover(s).Other())
	next[heap] -= byte(take)
	return State(next), nil
}

// Outcome is decided when nothing is left: the player to move has lost.
func (n Nim) Outcome(s State) (value float64, over bool) {
	if strings.Trim(string(s[1:]), "0") != "" {
		return 0, false
	}
	if n.Mover(s) == First {
		return -1, true
	}
	return 1, true
}
