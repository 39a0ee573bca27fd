package game

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"spar/internal/fault"
)

func newGame(t *testing.T, name string) Game {
	t.Helper()
	g, err := New(name)
	if err != nil {
		t.Fatal(err)
	}
	if g.Name() != name {
		t.Fatalf("%s calls itself %s", name, g.Name())
	}
	return g
}

// reachable are the unfinished positions after the starts of many seeds.
func reachable(g Game) []State {
	var starts []State
	for seed := range uint64(200) {
		starts = append(starts, g.Start(seed))
	}
	return Reachable(g, starts...)
}

// Bouton's theorem decides every position of Nim without search.
func TestNimIsSolvedAsBoutonSays(t *testing.T) {
	g := newGame(t, "nim:3,5")
	s := NewSolver(g)
	positions := reachable(g)
	if len(positions) < 300 {
		t.Fatalf("%d positions seen", len(positions))
	}
	for _, x := range positions {
		xor := byte(0)
		for _, heap := range []byte(x[1:]) {
			xor ^= heap - '0'
		}
		want := 1.0
		if xor == 0 {
			want = -1
		}
		if got := s.Value(x); got != want {
			t.Errorf("%q is worth %v, want %v", x, got, want)
		}
		if s.Decisive(x) && want < 0 {
			t.Errorf("%q is lost, and yet a move in it matters", x)
		}
	}
	if got := s.Optimal("0513"); !slices.Equal(got, []string{"a3"}) {
		t.Errorf("5, 1 and 3: %v, want to leave 2, 1 and 3", got)
	}
}

// The number of positions of tic-tac-toe, 5,478 with 958 finished ones, and its value are known.
func TestTicTacToeIsADraw(t *testing.T) {
	g := newGame(t, "tictactoe")
	s := NewSolver(g)
	if v := s.Value(g.Start(0)); v != 0 {
		t.Errorf("the empty board is worth %v", v)
	}
	if n := len(s.values); n != 5478 {
		t.Errorf("%d positions, want 5478", n)
	}
	if n := len(Reachable(g, g.Start(0))); n != 5478-958 {
		t.Errorf("%d unfinished positions, want 4520", n)
	}
	for _, c := range []struct {
		state State
		want  []string
	}{
		{"x...o...x", []string{"2", "4", "6", "8"}}, // a corner loses against the diagonal
		{"xx.oo....", []string{"3"}},
		{"x........", []string{"5"}},
	} {
		if got := s.Optimal(c.state); !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, want %v", c.state, got, c.want)
		}
	}
	if r := s.Regret("x........", "2"); r != 1 {
		t.Errorf("the edge beside a corner gives away %v, want a draw for a loss", r)
	}
}

// Every move that is listed can be made and passes the turn; everything else is refused.
func TestMovesAreLegal(t *testing.T) {
	for _, name := range []string{"nim:2,4", "tictactoe"} {
		g := newGame(t, name)
		for _, x := range reachable(g) {
			for _, move := range g.Moves(x) {
				next, err := g.Apply(x, move)
				if err != nil || g.Mover(next) == g.Mover(x) {
					t.Errorf("%s: %q in %q leads to %q, %v", name, move, x, next, err)
				}
			}
			for _, move := range []string{"", "0", "a0", "c1", "a9", "5 ", "10", "x", "a1b1", "\xff"} {
				_, err := g.Apply(x, move)
				var illegal *IllegalMove
				if slices.Contains(g.Moves(x), move) == errors.As(err, &illegal) {
					t.Errorf("%s: %q in %q: %v", name, move, x, err)
				}
			}
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", "chess", "nim", "nim:3", "nim:0,3", "nim:5,3", "nim:3,10", "nim:a,b", "tictactoe:3"} {
		if _, err := New(name); fault.ExitCode(err) != int(fault.Usage) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestStartsFollowTheSeed(t *testing.T) {
	g := newGame(t, "nim:3,5")
	starts := map[State]bool{}
	for seed := range uint64(50) {
		x := g.Start(seed)
		starts[x] = true
		if x != g.Start(seed) || g.Mover(x) != First || len(g.Moves(x)) < 3 {
			t.Errorf("seed %d starts at %q", seed, x)
		}
	}
	if len(starts) < 20 {
		t.Errorf("50 seeds start at %d positions", len(starts))
	}
}

func TestReadMove(t *testing.T) {
	for text, want := range map[string]string{
		"b3": "b3", " B3\n": "b3", "I take b3.": "b3", `so \boxed{a1}, not \boxed{ b2 } then`: "b2", "(5)": "5", "": "", "   ": "", `\boxed{a1`: `\boxed{a1`,
	} {
		if got := ReadMove(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func play(t *testing.T, m Match) []Record {
	t.Helper()
	records, err := m.Play(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func TestPerfectPlayersGetTheValue(t *testing.T) {
	for _, name := range []string{"nim:3,5", "tictactoe"} {
		g := newGame(t, name)
		s := NewSolver(g)
		perfect, random := Perfect{Seed: 1, Solver: s}, Random{Seed: 2}
		for _, r := range play(t, Match{Game: g, Games: 100, Players: [2]Player{perfect, perfect}}) {
			if want := s.Value(r.Plies[0].State); r.Outcome != want {
				t.Fatalf("%s from %q between perfect players: %v, want %v", name, r.Plies[0].State, r.Outcome, want)
			}
		}
		m := Measure(s, play(t, Match{Game: g, Games: 400, Players: [2]Player{perfect, random}}))
		if m[First].Optimal != 1 || m[First].Regret != 0 || m[First].Return < 0.5 || m[First].Return != -m[Second].Return {
			t.Errorf("%s, perfect: %+v", name, m[First])
		}
		m = Measure(s, play(t, Match{Game: g, Games: 1000, Players: [2]Player{random, random}}))
		for role, r := range m {
			if r.Illegal != 0 || r.Decisive < 500 || math.Abs(r.Optimal-r.Chance) > 0.06 {
				t.Errorf("%s, random as %s: %+v", name, Role(role), r)
			}
		}
	}
}

// says is a player with one answer.
type says string

func (p says) Answer(_ context.Context, _ Game, turns []Turn) ([]Reply, error) {
	return slices.Repeat([]Reply{{Text: string(p)}}, len(turns)), nil
}

func TestAnIllegalMoveLoses(t *testing.T) {
	g := newGame(t, "nim:2,3")
	s := NewSolver(g)
	for _, c := range []struct {
		players [2]Player
		want    float64
		loser   Role
	}{{[2]Player{says("take some"), Random{}}, -1, First}, {[2]Player{Random{}, says("")}, 1, Second}} {
		records := play(t, Match{Game: g, Games: 20, Players: c.players})
		for _, r := range records {
			last := r.Plies[len(r.Plies)-1]
			if r.Outcome != c.want || last.Legal || last.Role != c.loser {
				t.Errorf("outcome %v after %+v", r.Outcome, last)
			}
		}
		if m := Measure(s, records)[c.loser]; m.Illegal != 1 || m.Optimal != 0 || m.Return != -1 {
			t.Errorf("measured %+v", m)
		}
	}
}

// counting passes calls on and counts them.
type counting struct {
	Player
	calls *int
}

func (c counting) Answer(ctx context.Context, g Game, turns []Turn) ([]Reply, error) {
	*c.calls++
	return c.Player.Answer(ctx, g, turns)
}

func TestAMatchCallsOnceAPly(t *testing.T) {
	g := newGame(t, "nim:3,5")
	calls := 0
	p := counting{Random{Seed: 3}, &calls}
	longest := 0
	records := play(t, Match{Game: g, Games: 64, Seed: 9, Players: [2]Player{p, p}})
	for i, r := range records {
		longest = max(longest, len(r.Plies))
		if r.Plies[0].State != g.Start(9+uint64(i)) {
			t.Errorf("game %d starts at %q", i, r.Plies[0].State)
		}
		alone := play(t, Match{Game: g, Games: i + 1, Seed: 9, Players: [2]Player{Random{Seed: 3}, Random{Seed: 3}}})[i]
		if alone.Outcome != r.Outcome || len(alone.Plies) != len(r.Plies) {
			t.Errorf("game %d depends on the games beside it", i)
		}
	}
	if calls != longest {
		t.Errorf("%d calls for a longest game of %d plies", calls, longest)
	}
}

func TestAPlayerMustAnswerAll(t *testing.T) {
	mute := says("")
	_, err := Match{Game: newGame(t, "tictactoe"), Games: 2, Players: [2]Player{silent{}, mute}}.Play(context.Background())
	if err == nil || !strings.Contains(err.Error(), "0 of 2") {
		t.Errorf("%v", err)
	}
}

type silent struct{}

func (silent) Answer(context.Context, Game, []Turn) ([]Reply, error) { return nil, nil }

// The first player wins three games of four: worked by hand with a decay of 1/2.
func TestAdvantagesByRole(t *testing.T) {
	g := newGame(t, "nim:2,3")
	ply := func(role Role) Ply { return Ply{Role: role, Reply: Reply{Response: []int32{1}}} }
	var records []Record
	for _, outcome := range []float64{1, 1, -1, 1} {
		records = append(records, Record{Outcome: outcome, Plies: []Ply{ply(First), ply(Second), ply(First)}})
	}
	b := &Baselines{Decay: 0.5}
	want := [][2]float64{{1, -1}, {0.5, -0.5}, {-1.75, 1.75}, {1.125, -1.125}}
	lessons := Lessons(g, records, b)
	if len(lessons) != 12 {
		t.Fatalf("%d lessons, want 12", len(lessons))
	}
	for i, l := range lessons {
		if l.Game != i/3 || l.Advantage != want[l.Game][l.Role] {
			t.Errorf("lesson %d: %+v, want advantage %v", i, l, want[l.Game][l.Role])
		}
	}
	if got := b.Means[g.Name()]; got != [2]float64{0.4375, -0.4375} {
		t.Errorf("baselines %v", got)
	}
	// An opponent without ids teaches nothing and moves no baseline.
	records = []Record{{Outcome: 1, Plies: []Ply{{Role: First}, ply(Second)}}}
	if l := Lessons(g, records, b); len(l) != 1 || l[0].Role != Second || b.Means[g.Name()][First] != 0.4375 {
		t.Errorf("%+v, baselines %v", l, b.Means)
	}
}
