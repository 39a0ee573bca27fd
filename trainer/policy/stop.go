package policy

import "strings"

// decoder turns ids into text one at a time, holding back incomplete UTF-8.
type decoder interface {
	Next(id int32) string
}

// matcher looks for stop strings in the text of a growing sequence.
type matcher struct {
	decoder decoder
	stops   []string
	keep    int    // bytes of earlier text that a stop string may begin in
	seen    int    // tokens decoded
	tail    string // the end of their text
	found   int    // tokens up to and with the end of the first stop string; 0: none yet
}

func newMatcher(d decoder, stops []string) *matcher {
	m := &matcher{decoder: d}
	for _, s := range stops {
		if s != "" {
			m.stops = append(m.stops, s)
			m.keep = max(m.keep, len(s)-1)
		}
	}
	return m
}

// match decodes the tokens not seen before and returns the length of the shortest prefix whose text
// holds a stop string. tokens must begin with the tokens of earlier calls.
func (m *matcher) match(tokens []int32) (n int, found bool) {
	for ; m.found == 0 && m.seen < len(tokens); m.seen++ {
		piece := m.decoder.Next(tokens[m.seen])
		text := m.tail + piece
		for _, s := range m.stops {
			if strings.Contains(text, s) {
				m.found = m.seen + 1
			}
		}
		m.tail = text[max(0, len(text)-m.keep):]
	}
	return m.found, m.found > 0
}
