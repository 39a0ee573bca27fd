package dataset

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"spar/internal/strictjson"
	"spar/loader/template"
)

// fillTexts reads prompt and responses that are strings or message lists.
func (row *Row) fillTexts(f fields) error {
	responses := []struct {
		key      string
		dst      *Text
		mayEmpty bool // a model may have said nothing
	}{
		{"completion", &row.Completion, false}, {"chosen", &row.Chosen, false}, {"rejected", &row.Rejected, true},
		{"real", &row.Chosen, false}, {"generated", &row.Rejected, true},
	}
	if err := textOf(f, "prompt", &row.Prompt); err != nil {
		return err
	}
	conversation := row.Prompt.IsMessages
	for _, r := range responses {
		if err := textOf(f, r.key, r.dst); err != nil {
			return err
		}
		conversation = conversation || r.dst.IsMessages
	}
	for _, r := range responses {
		m, ok := f[r.key]
		if !ok {
			continue
		}
		if conversation {
			if err := row.split(m.Key, r.dst); err != nil {
				return err
			}
		}
		if r.dst.String == "" && !r.mayEmpty && m.Key != "response" {
			return fmt.Errorf("%q is empty; there is nothing to learn from it", m.Key)
		}
	}
	return row.checkPrompt()
}

func (row *Row) checkPrompt() error {
	switch p := row.Prompt; {
	case !p.Present:
		return errors.New("there is no prompt; give one, or give message lists that begin with it")
	case p.IsMessages && len(p.Messages) == 0, !p.IsMessages && p.String == "":
		return errors.New("the prompt is empty")
	}
	return nil
}

// split takes the prompt off a response that is a message list, and leaves its one assistant message. A
// prompt that is not known yet is learnt from the first response.
func (row *Row) split(key string, response *Text) error {
	if !response.IsMessages {
		response.Messages = []template.Message{{Role: "assistant", Content: response.String}}
		response.IsMessages = true
	}
	last := len(response.Messages) - 1
	if last < 0 || response.Messages[last].Role != "assistant" {
		return fmt.Errorf("%q must end with a message of the assistant", key)
	}
	before, answer := response.Messages[:last], response.Messages[last]
	if !row.Prompt.IsMessages && row.Prompt.Present {
		row.Prompt = Text{IsMessages: true, Present: true, Messages: []template.Message{{Role: "user", Content: row.Prompt.String}}}
		if row.Prompt.Messages[0].Content == "" {
			return errors.New("the prompt is empty")
		}
	}
	if !row.Prompt.Present {
		row.Prompt = Text{IsMessages: true, Present: true, Messages: before}
	}
	if len(before) > 0 && !reflect.DeepEqual(before, row.Prompt.Messages) {
		return fmt.Errorf("the messages of %q before the answer are not those of the prompt; the responses of a row must share it", key)
	}
	response.Messages, response.String = []template.Message{answer}, answer.Content
	return nil
}

func textOf(f fields, key string, dst *Text) (err error) {
	m, ok := f[key]
	if !ok {
		return nil
	}
	dst.Present = true
	switch m.Value.Kind {
	case '"':
		dst.String = m.Value.Text
		return nil
	case '[':
		dst.IsMessages = true
		dst.Messages, err = messagesOf(m)
		return err
	}
	return fmt.Errorf("%q must be a string or a list of messages, not %s", m.Key, kindName(m.Value))
}

func messagesOf(m strictjson.Member) ([]template.Message, error) {
	if m.Value.Kind != '[' {
		return nil, fmt.Errorf("%q must be a list of messages, not %s", m.Key, kindName(m.Value))
	}
	if len(m.Value.Items) == 0 {
		return nil, fmt.Errorf("%q is an empty list; it needs at least one message", m.Key)
	}
	messages := make([]template.Message, len(m.Value.Items))
	for i, item := range m.Value.Items {
		if err := messageOf(item, &messages[i]); err != nil {
			return nil, fmt.Errorf("%q: message %d: %w", m.Key, i, err)
		}
	}
	return messages, nil
}

func messageOf(v strictjson.Value, dst *template.Message) error {
	if v.Kind != '{' {
		return fmt.Errorf("want an object with role and content, not %s", kindName(v))
	}
	var hasRole, hasContent bool
	for _, member := range v.Members {
		switch member.Key {
		case "role":
			hasRole = true
			if dst.Role = member.Value.Text; member.Value.Kind != '"' || strings.TrimSpace(dst.Role) == "" {
				return fmt.Errorf("role must be a string that is not empty, not %s", kindName(member.Value))
			}
		case "content":
			hasContent = true
			if dst.Content = member.Value.Text; member.Value.Kind != '"' {
				return fmt.Errorf("content must be a string, not %s", kindName(member.Value))
			}
		default:
			if dst.Extra == nil {
				dst.Extra = map[string]any{}
			}
			extra, err := extraOf(member.Value)
			if err != nil {
				return fmt.Errorf("%s: %w", strictjson.Quote(member.Key), err)
			}
			dst.Extra[member.Key] = extra
		}
	}
	if !hasRole || !hasContent {
		return errors.New("role and content are both needed")
	}
	return nil
}

// extraOf converts a further key of a message to what templates work with.
func extraOf(v strictjson.Value) (any, error) {
	if hasBinary(v) {
		return nil, errors.New("it holds bytes that are not UTF-8 text")
	}
	return template.FromJSON(v.AppendJSON(nil), "value")
}

func hasBinary(v strictjson.Value) bool {
	for _, m := range v.Members {
		if hasBinary(m.Value) {
			return true
		}
	}
	return v.Kind == kindBinary || slices.ContainsFunc(v.Items, hasBinary)
}
