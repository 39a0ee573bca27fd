package game

import "strings"

// TicTacToe is noughts and crosses on three by three; First plays x. With best play it is a draw.
//
// A state is the nine cells, row by row, as x, o or a dot. A move is the cell's number from 1 to 9.
type TicTacToe struct{}

// lines are the cells of the three rows, three columns and two diagonals.
var lines = [...][3]int{{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {0, 3, 6}, {1, 4, 7}, {2, 5, 8}, {0, 4, 8}, {2, 4, 6}}

// Name is tictactoe.
func (TicTacToe) Name() string { return "tictactoe" }

// Rules of noughts and crosses.
func (TicTacToe) Rules() string {
	return "Tic-tac-toe: x and o take turns to mark an empty cell of a board of three rows with three cells. Whoever has three marks in a row, " +
		"a column or a diagonal wins; a full board without such a line is a draw. Cells are numbered 1 to 9, row by row from the top left, " +
		"and an empty cell shows as a dot. Answer with the number of the cell that you mark."
}

// Start is the empty board, whatever the seed.
func (TicTacToe) Start(uint64) State { return "........." }

// Mover is First while both have as many marks.
func (TicTacToe) Mover(s State) Role {
	if strings.Count(string(s), "x") == strings.Count(string(s), "o") {
		return First
	}
	return Second
}

// Prompt shows the rows and whose mark it is: "xo. .x. ..o x:".
func (g TicTacToe) Prompt(s State) string {
	return string(s[:3]) + " " + string(s[3:6]) + " " + string(s[6:]) + " " + g.mark(s) + ":"
}

// mark is the mover's.
func (g TicTacToe) mark(s State) string { return [...]string{"x", "o"}[g.Mover(s)] }

// Moves are the empty cells in order.
func (g TicTacToe) Moves(s State) []string {
	if _, over := g.Outcome(s); over {
		return nil
	}
	var out []string
	for i := range s {
		if s[i] == '.' {
			out = append(out, string(rune('1'+i)))
		}
	}
	return out
}

// Apply marks a cell.
func (g TicTacToe) Apply(s State, move string) (State, error) {
	_, over := g.Outcome(s)
	if over || len(move) != 1 || move[0] < '1' || move[0] > '9' || s[move[0]-'1'] != '.' {
		return s, &IllegalMove{Game: g.Name(), State: s, Move: move}
	}
	cell := int(move[0] - '1')
	return s[:cell] + State(g.mark(s)) + s[cell+1:], nil
}

// Outcome looks for a line.
func (TicTacToe) Outcome(s State) (value float64, over bool) {
	for _, l := range lines {
		if mark := s[l[0]]; mark != '.' && mark == s[l[1]] && mark == s[l[2]] {
			if mark == 'x' {
				return 1, true
			}
			return -1, true
		}
	}
	return 0, !strings.Contains(string(s), ".")
}
