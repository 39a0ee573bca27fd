package loader

import (
	"slices"
	"strings"

	"spar/internal/fault"
	"spar/loader/template"
)

// RenderChat returns the text of a conversation as the model's template writes it.
func (m *Model) RenderChat(messages []template.Message, addGenerationPrompt bool) (string, error) {
	if m.Template == nil {
		return "", fault.Inputf("%s has no chat template, so messages cannot be used; add one or give plain text", m.Path)
	}
	in := template.Input{Messages: messages, AddGenerationPrompt: addGenerationPrompt, Extra: map[string]any{}}
	for name, token := range m.namedTokens() {
		in.Extra[name] = token
	}
	return m.Template.Render(in)
}

// EncodeChat returns the ids of a conversation. The special tokens that the template writes become their ids; special
// token text inside the messages stays plain text, so that data cannot end a turn or open one.
func (m *Model) EncodeChat(messages []template.Message, addGenerationPrompt bool) ([]int32, error) {
	text, plain, err := m.renderProtected(messages, addGenerationPrompt)
	if err != nil {
		return nil, err
	}
	return m.Tokenizer.EncodeAround(text, plain)
}

// EncodePair is EncodeTurn for an answer that is text alone.
func (m *Model) EncodePair(prompt []template.Message, response string) (promptIDs, responseIDs []int32, err error) {
	return m.EncodeTurn(prompt, template.Message{Role: "assistant", Content: response})
}

// EncodeTurn returns the ids of a prompt, with the template's opening of the assistant's turn, and of a response in it:
// its text and the token that ends the turn. What the template writes after that token (a newline, often) is not part
// of the response. The rendering of the whole must start with the rendering of the prompt.
func (m *Model) EncodeTurn(prompt []template.Message, answer template.Message) (promptIDs, responseIDs []int32, err error) {
	end := m.turnEnd()
	if end.err != nil {
		return nil, nil, end.err
	}
	promptText, promptPlain, err := m.renderProtected(prompt, true)
	if err != nil {
		return nil, nil, err
	}
	whole := append(slices.Clip(prompt), answer)
	text, plain, err := m.renderProtected(whole, false)
	if err != nil {
		return nil, nil, err
	}
	if !strings.HasPrefix(text, promptText) {
		at := commonPrefix(text, promptText)
		return nil, nil, fault.Inputf("%s: the chat template writes the prompt otherwise once the answer is there (%q against %q at byte %d), so the answer cannot be told from the prompt; use another template",
			m.Path, excerpt(promptText, at), excerpt(text, at), at)
	}
	if promptIDs, err = m.Tokenizer.EncodeAround(promptText, promptPlain); err != nil {
		return nil, nil, err
	}
	rest, restPlain := cutBefore(text, plain, len(promptText))
	if responseIDs, err = m.Tokenizer.EncodeAround(rest, restPlain); err != nil {
		return nil, nil, err
	}
	at := slices.Index(responseIDs, end.id)
	if at < 0 { // a turn of another kind; the template's last special token ends it
		for at = len(responseIDs) - 1; at >= 0 && !m.Tokenizer.IsSpecial(responseIDs[at]); at-- {
		}
	}
	if at < 0 {
		return nil, nil, fault.Inputf("%s: the chat template ends the assistant's turn without a special token, so a model could not learn to stop; use another template", m.Path)
	}
	return promptIDs, responseIDs[:at+1], nil
}

// EncodeEnded encodes a plain string as a whole response: no special token is recognised in it, and the model's
// end-of-sequence token follows it.
func (m *Model) EncodeEnded(text string) ([]int32, error) {
	if err := m.needTokenizer(); err != nil {
		return nil, err
	}
	eos := m.Config.EOS
	if len(eos) == 0 {
		eos = m.Generation.EOS
	}
	if len(eos) == 0 {
		return nil, fault.Inputf("%s names no end-of-sequence token (eos_token_id), so a response cannot end; add it to config.json", m.Path)
	}
	ids, err := m.Tokenizer.Encode(text, false)
	if err != nil {
		return nil, err
	}
	return append(ids, int32(eos[0])), nil
}

// StopIDs returns the ids that end a response, sorted: the end-of-sequence tokens of the config and of the generation
// config, and the token that ends the assistant's turn in the template.
func (m *Model) StopIDs() []int32 {
	var ids []int32
	for _, id := range slices.Concat(m.Config.EOS, m.Generation.EOS) {
		ids = append(ids, int32(id))
	}
	if end := m.turnEnd(); end.err == nil {
		ids = append(ids, end.id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (m *Model) needTokenizer() error {
	if m.Tokenizer == nil {
		return fault.Inputf("%s has no tokenizer, so text cannot be used; add its tokenizer.json", m.Path)
	}
	return nil
}

// turnEnd is the token that the template puts after an assistant's answer.
type turnEnd struct {
	id  int32
	err error
}

// turnEnd renders a short conversation, once, and looks at what follows the answer.
func (m *Model) turnEnd() turnEnd {
	m.turnOnce.Do(func() { m.turn.id, m.turn.err = m.findTurnEnd() })
	return m.turn
}

func (m *Model) findTurnEnd() (int32, error) {
	const question, answer = "qvestio", "responsvm" // words no template writes itself
	if err := m.needTokenizer(); err != nil {
		return 0, err
	}
	text, err := m.RenderChat([]template.Message{{Role: "user", Content: question}, {Role: "assistant", Content: answer}}, false)
	if err != nil {
		return 0, err
	}
	at := strings.LastIndex(text, answer)
	if at < 0 || !strings.Contains(text, question) {
		return 0, fault.Inputf("%s: the chat template leaves messages out; use another template", m.Path)
	}
	ids, err := m.Tokenizer.Encode(text[at+len(answer):], true)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if m.Tokenizer.IsSpecial(id) {
			return id, nil
		}
	}
	return 0, fault.Inputf("%s: the chat template ends the assistant's turn without a special token, so a model could not learn to stop; use another template", m.Path)
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// excerpt shows a little of s around byte i.
func excerpt(s string, i int) string {
	return strings.ToValidUTF8(s[max(i-12, 0):min(i+24, len(s))], "")
}
