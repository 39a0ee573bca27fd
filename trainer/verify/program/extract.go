package program

import "strings"

const fence = "```"

// Extract is the program in a response: the last closed block between fences (three backquotes at the start of a line,
// the first with or without a language), or the last that is open at the end, or, where there are no fences, the whole
// response.
func Extract(response string) string {
	var block, last []string
	inside, found := false, false
	for line := range strings.Lines(response) {
		if strings.HasPrefix(strings.TrimLeft(line, " \t"), fence) {
			if inside {
				last = block
			}
			inside, found, block = !inside, true, nil
			continue
		}
		if inside {
			block = append(block, line)
		}
	}
	if inside && len(block) > 0 {
		last = block // cut off before its end
	}
	if !found {
		return response
	}
	return strings.Join(last, "")
}
