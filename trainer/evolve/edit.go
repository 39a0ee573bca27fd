package evolve

import (
	"strings"
)

// The lines around a block of an edit, as AlphaEvolve writes them.
const (
	searchLine  = "<<<<<<< SEARCH"
	dividerLine = "======="
	replaceLine = ">>>>>>> REPLACE"
)

// ApplyEdit makes a program of an answer: the parent with the answer's blocks applied one after the other,
//
//	<<<<<<< SEARCH
//	lines of the program
//	=======
//	lines to put there
//	>>>>>>> REPLACE
//
// or else the text between the answer's first pair of ``` fences, as a whole program. A block's lines must occur in the program exactly
// once. The refusal says why there is no program.
func ApplyEdit(parent, answer string) (program, refused string) {
	if strings.Contains(answer, searchLine) {
		return applyBlocks(parent, answer)
	}
	_, rest, ok := strings.Cut(answer, "```")
	if !ok {
		return "", "neither an edit nor a program"
	}
	_, rest, _ = strings.Cut(rest, "\n") // the language's name
	whole, _, ok := strings.Cut(rest, "```")
	if !ok || strings.TrimSpace(whole) == "" {
		return "", "a program without an end"
	}
	return whole, ""
}

func applyBlocks(parent, answer string) (program, refused string) {
	program = strings.TrimSuffix(parent, "\n") + "\n"
	for {
		_, rest, ok := strings.Cut(answer, searchLine+"\n")
		if !ok {
			return program, ""
		}
		search, rest, ok := cutAtLine(rest, dividerLine)
		if !ok {
			return "", "an edit without a divider"
		}
		replace, rest, ok := cutAtLine(rest, replaceLine)
		if !ok {
			return "", "an edit without an end"
		}
		if search == "" || strings.Count("\n"+program, "\n"+search) != 1 {
			return "", "an edit of lines that are not in the program exactly once"
		}
		program = strings.TrimPrefix(strings.Replace("\n"+program, "\n"+search, "\n"+replace, 1), "\n")
		answer = rest
	}
}

// cutAtLine cuts text around the first line that is the given one.
func cutAtLine(text, line string) (before, after string, ok bool) {
	for rest := text; rest != ""; {
		first, next, _ := strings.Cut(rest, "\n")
		if strings.TrimRight(first, " \r") == line {
			return text[:len(text)-len(rest)], next, true
		}
		rest = next
	}
	return "", "", false
}
