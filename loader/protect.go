package loader

import (
	"fmt"
	"slices"
	"strings"

	"spar/internal/fault"
	"spar/loader/template"
)

// Special token text inside messages must stay text, but a rendering is one string. So each such piece of a message is
// replaced by a mark before the template runs and put back after; where the marks were is data. A mark is made of
// noncharacters (Unicode 23.7), which templates neither trim, split nor compare with anything. The same conversation is
// also rendered unmarked: the two must agree, else the template acts on the text of special tokens and is refused.

const (
	markOpen, markClose = "\uFDD0", "\uFDD1"
	markDigit           = 0xFDE0 // and the next 15
)

// marker replaces pieces of messages by marks.
type marker struct {
	special []string  // texts of special tokens, longest first
	first   [256]bool // bytes that one of them starts with
	pieces  []string  // by number of the mark
}

// renderProtected renders a conversation and returns the byte ranges that hold special token text from the messages.
func (m *Model) renderProtected(messages []template.Message, addGenerationPrompt bool) (string, [][2]int, error) {
	if err := m.needTokenizer(); err != nil {
		return "", nil, err
	}
	text, err := m.RenderChat(messages, addGenerationPrompt)
	if err != nil {
		return "", nil, err
	}
	k := &marker{special: []string{markOpen, markClose}}
	for _, t := range m.Tokenizer.AddedTokens() {
		if t.Special {
			k.special = append(k.special, t.Content)
		}
	}
	for _, t := range k.special {
		k.first[t[0]] = true
	}
	slices.SortStableFunc(k.special, func(a, b string) int { return len(b) - len(a) })
	marked := make([]template.Message, len(messages))
	for i, msg := range messages {
		marked[i] = k.message(msg)
	}
	if len(k.pieces) == 0 {
		return text, nil, nil
	}
	rendered, err := m.RenderChat(marked, addGenerationPrompt)
	if err != nil {
		return "", nil, err
	}
	restored, plain := k.restore(rendered)
	if restored != text {
		return "", nil, fault.Inputf("%s: the chat template acts on the text of special tokens (%q) inside a message, so the message cannot be kept as data; remove that text from the message",
			m.Path, k.pieces[0])
	}
	return text, plain, nil
}

func (k *marker) message(msg template.Message) template.Message {
	msg.Role = k.whole(msg.Role) // a template may build a special token around a role
	msg.Content = k.text(msg.Content)
	if msg.Extra != nil {
		extra := make(map[string]any, len(msg.Extra))
		for key, v := range msg.Extra {
			extra[k.whole(key)] = template.MapStrings(v, k.text)
		}
		msg.Extra = extra
	}
	return msg
}

// whole marks special tokens that stand in s as a whole.
func (k *marker) whole(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		at := -1
		if k.first[s[i]] {
			at = slices.IndexFunc(k.special, func(t string) bool { return strings.HasPrefix(s[i:], t) })
		}
		if at < 0 {
			out.WriteByte(s[i])
			i++
			continue
		}
		out.WriteString(k.mark(k.special[at]))
		i += len(k.special[at])
	}
	return out.String()
}

// text marks special tokens, and what could become one with the template's text around it: a start of one at the end of
// s, or an end of one at its start. White space at the ends may be trimmed and does not count.
func (k *marker) text(s string) string {
	trimmed := strings.TrimSpace(s)
	if trimmed == "" {
		return s
	}
	from := strings.Index(s, trimmed)
	head, tail := 0, 0
	for _, t := range k.special {
		for n := min(len(t)-1, len(trimmed)); n > 0; n-- {
			if n > head && strings.HasPrefix(trimmed, t[len(t)-n:]) && boundary(trimmed, n) {
				head = n
			}
			if n > tail && strings.HasSuffix(trimmed, t[:n]) && boundary(trimmed, len(trimmed)-n) {
				tail = n
			}
		}
	}
	var out strings.Builder
	out.WriteString(s[:from])
	if head > 0 {
		out.WriteString(k.mark(trimmed[:head]))
	}
	stop := max(len(trimmed)-tail, head)
	out.WriteString(k.whole(trimmed[head:stop]))
	if stop < len(trimmed) {
		out.WriteString(k.mark(trimmed[stop:]))
	}
	out.WriteString(s[from+len(trimmed):])
	return out.String()
}

// boundary reports whether a character starts at byte i.
func boundary(s string, i int) bool { return i == len(s) || s[i]&0xC0 != 0x80 }

func (k *marker) mark(piece string) string {
	var out strings.Builder
	out.WriteString(markOpen)
	for _, digit := range fmt.Sprintf("%x", len(k.pieces)) {
		out.WriteRune(markDigit + rune(strings.IndexRune("0123456789abcdef", digit)))
	}
	out.WriteString(markClose)
	k.pieces = append(k.pieces, piece)
	return out.String()
}

// restore puts the pieces back and returns where they are.
func (k *marker) restore(s string) (string, [][2]int) {
	var out strings.Builder
	var plain [][2]int
	for {
		before, rest, ok := strings.Cut(s, markOpen)
		out.WriteString(before)
		if !ok {
			return out.String(), plain
		}
		digits, after, ok := strings.Cut(rest, markClose)
		number := 0
		for _, r := range digits {
			number = number<<4 | int(r-markDigit)&15
		}
		if !ok || number >= len(k.pieces) {
			out.WriteString(markOpen) // the template's own; the comparison with the plain rendering decides
			s = rest
			continue
		}
		plain = append(plain, [2]int{out.Len(), out.Len() + len(k.pieces[number])})
		out.WriteString(k.pieces[number])
		s = after
	}
}

// cutBefore drops the first n bytes of a text with plain ranges.
func cutBefore(text string, plain [][2]int, n int) (string, [][2]int) {
	var kept [][2]int
	for _, p := range plain {
		if p[1] > n {
			kept = append(kept, [2]int{max(p[0]-n, 0), p[1] - n})
		}
	}
	return text[n:], kept
}
