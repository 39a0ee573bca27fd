package game

import "strings"

// ReadMove finds the move in an answer: what the last \boxed{} holds, or else the last word without the marks around it. Moves are lower
// case.
func ReadMove(text string) string {
	if at := strings.LastIndex(text, `\boxed{`); at >= 0 {
		inside := text[at+len(`\boxed{`):]
		if end := strings.IndexByte(inside, '}'); end >= 0 {
			return strings.ToLower(strings.TrimSpace(inside[:end]))
		}
	}
	words := strings.Fields(text)
	if len(words) == 0 {
		return ""
	}
	return strings.ToLower(strings.Trim(words[len(words)-1], ".,;:!?*\"'`()[]"))
}
