// Package suggest finds the known word that a misspelt one was probably meant to be, for error messages.
//
// Functions are pure and may be called from any goroutine.
package suggest

import "strings"

// longest is the length in bytes beyond which words are not compared.
const longest = 64

// Nearest is the known word with the smallest edit distance to word, letter case aside; the first of several. It is ""
// when none is near: more than one edit and a third of the known word's letters away.
func Nearest(word string, known []string) string {
	best, distance := "", len(word)
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), strings.ToLower(k)); d < min(distance, len(k)) && d <= 1+len(k)/3 {
			best, distance = k, d
		}
	}
	return best
}

// editDistance counts insertions, deletions and replacements of bytes (Levenshtein).
func editDistance(a, b string) int {
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
