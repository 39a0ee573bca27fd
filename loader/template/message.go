package template

import (
	"encoding/json"
	"fmt"

	"spar/internal/strictjson"
)

// Message is one turn of a conversation. Extra holds its other keys (tool_calls, name, ...), as FromJSON makes them.
// A content that is no string stands in Extra["content"], which then counts instead of Content; Missing there means that
// the message has no such key.
type Message struct {
	Role    string
	Content string
	Extra   map[string]any
}

type missing struct{}

// Missing as Extra["content"] says that a message has no content at all.
var Missing any = missing{}

// reasoning lists the names that a message's reasoning goes by; transformers lets templates read the first.
var reasoning = []string{"reasoning_content", "thinking", "reasoning"}

func (msg Message) dict() (*Dict, error) {
	d := &Dict{}
	extra := map[string]value{}
	for k, v := range msg.Extra {
		if v == Missing {
			continue
		}
		c, err := fromGo(v, 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		extra[k] = c
	}
	for _, name := range reasoning {
		if v := extra[name]; v != nil {
			if _, ok := extra["thinking"]; !ok {
				d.put("thinking", v)
			}
			extra["reasoning_content"] = v
			break
		}
	}
	d.put("role", msg.Role)
	if other, ok := msg.Extra["content"]; !ok {
		d.put("content", msg.Content)
	} else if other != Missing {
		d.put("content", extra["content"])
	}
	for _, k := range sortedKeys(msg.Extra) {
		if v, ok := extra[k]; ok && k != "content" {
			d.put(k, v)
		}
	}
	if v, ok := extra["reasoning_content"]; ok {
		d.put("reasoning_content", v)
	}
	return d, nil
}

// UnmarshalJSON reads {"role": ..., "content": ..., ...}.
func (msg *Message) UnmarshalJSON(data []byte) error {
	root, r, err := strictjson.Parse(data, "message", maxNesting)
	if err != nil {
		return err
	}
	if root.Kind != '{' {
		return r.ErrorAt(root.At, "a message is an object with role and content")
	}
	*msg = Message{}
	put := func(key string, v any) {
		if msg.Extra == nil {
			msg.Extra = map[string]any{}
		}
		msg.Extra[key] = v
	}
	role, content := false, false
	for _, m := range root.Members {
		switch {
		case m.Key == "role":
			if m.Value.Kind != '"' {
				return r.ErrorAt(m.At, "the role of a message must be a string")
			}
			msg.Role, role = m.Value.Text, true
			continue
		case m.Key == "content" && m.Value.Kind == '"':
			msg.Content, content = m.Value.Text, true
			continue
		}
		v, err := fromTree(m.Value)
		if err != nil {
			return r.ErrorAt(m.At, "%v", err)
		}
		content = content || m.Key == "content"
		put(m.Key, v)
	}
	if !role {
		return r.ErrorAt(root.At, "a message must have a role")
	}
	if !content {
		put("content", Missing)
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (msg Message) MarshalJSON() ([]byte, error) {
	d, err := msg.plain()
	if err != nil {
		return nil, err
	}
	e := &encoder{item: ",", key: ":"}
	if err := e.write(d, 1); err != nil {
		return nil, err
	}
	return []byte(e.out.String()), nil
}

// plain is dict without the other names of reasoning.
func (msg Message) plain() (*Dict, error) {
	d := &Dict{}
	d.put("role", msg.Role)
	if _, ok := msg.Extra["content"]; !ok {
		d.put("content", msg.Content)
	}
	for _, k := range sortedKeys(msg.Extra) {
		if msg.Extra[k] == Missing {
			continue
		}
		v, err := fromGo(msg.Extra[k], 0)
		if err != nil {
			return nil, err
		}
		d.put(k, v)
	}
	return d, nil
}

// MarshalJSON writes the dictionary with its keys in order.
func (d *Dict) MarshalJSON() ([]byte, error) {
	e := &encoder{item: ",", key: ":"}
	if err := e.write(d, 1); err != nil {
		return nil, err
	}
	return []byte(e.out.String()), nil
}

var _ json.Unmarshaler = (*Message)(nil)

// MarshalJSON writes the list.
func (l *list) MarshalJSON() ([]byte, error) {
	e := &encoder{item: ",", key: ":"}
	if err := e.write(l, 1); err != nil {
		return nil, err
	}
	return []byte(e.out.String()), nil
}

// MapStrings returns v, a value of Extra, with f applied to every string in it, keys included.
func MapStrings(v any, f func(string) string) any {
	switch v := v.(type) {
	case string:
		return f(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = MapStrings(item, f)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[f(k)] = MapStrings(item, f)
		}
		return out
	case *list:
		out := &list{items: make([]value, len(v.items)), form: v.form}
		for i, item := range v.items {
			out.items[i] = MapStrings(item, f)
		}
		return out
	case *Dict:
		out := &Dict{}
		for i, k := range v.keys {
			out.put(MapStrings(k, f), MapStrings(v.values[i], f))
		}
		return out
	}
	return v
}
