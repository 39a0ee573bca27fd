// Package template renders chat templates: the subset of Jinja that models' templates use, exactly as the transformers
// library renders it, and nothing else.
//
//	t, err := template.Parse(source, "chat_template.jinja")
//	text, err := t.Render(template.Input{Messages: messages, AddGenerationPrompt: true, BOS: "<s>", EOS: "</s>"})
//
// A construct, filter, test, method or function outside the subset is an error of Parse that names it and its line.
// Templates come from strangers: they reach nothing but their input, and a rendering is limited in steps and bytes.
//
// A Template does not change and may be used by any number of goroutines.
package template

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"spar/internal/fault"
)

// Template is a parsed chat template.
type Template struct {
	name string
	hash string
	body []statement
}

// Input is what a template sees.
type Input struct {
	Messages            []Message
	AddGenerationPrompt bool
	BOS, EOS            string         // bos_token and eos_token; "" leaves the name undefined
	Tools               any            // a list of tool descriptions (FromJSON); nil is none
	Now                 time.Time      // for strftime_now; zero leaves that name undefined, so that renderings repeat
	Extra               map[string]any // more variables, as enable_thinking
}

// Parse reads a template. name is what errors call it.
func Parse(src, name string) (*Template, error) {
	if len(src) > maxSourceKB<<10 {
		return nil, fault.Inputf("%s is %d bytes long; the limit for a template is %d", name, len(src), maxSourceKB<<10)
	}
	if !utf8.ValidString(src) {
		return nil, fault.Inputf("%s is not valid UTF-8; save it as UTF-8", name)
	}
	tokens, err := lex(src, name)
	if err != nil {
		return nil, err
	}
	p := &parser{file: name, tokens: tokens}
	body, err := p.body()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(src))
	return &Template{name: name, hash: hex.EncodeToString(sum[:]), body: body}, nil
}

// Hash is the SHA-256 of the source, in hexadecimal.
func (t *Template) Hash() string { return t.hash }

// Render returns the text of a conversation.
func (t *Template) Render(in Input) (string, error) {
	m := &machine{file: t.name, now: in.Now, globals: builtins(in.Now), out: &strings.Builder{}}
	s, err := in.variables()
	if err != nil {
		return "", fault.Inputf("%s cannot be given its input: %v", t.name, err)
	}
	if _, err := m.runAll(t.body, s); err != nil {
		var p *positioned
		if errors.As(err, &p) {
			return "", failAt(t.name, p.line, "%v", err)
		}
		return "", fault.Inputf("%s: %v", t.name, err)
	}
	return m.out.String(), nil
}

func (in Input) variables() (*scope, error) {
	s := &scope{}
	messages := &list{}
	for i, msg := range in.Messages {
		d, err := msg.dict()
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		messages.items = append(messages.items, d)
	}
	s.set("messages", messages)
	tools, err := fromGo(in.Tools, 0)
	if err != nil {
		return nil, fmt.Errorf("tools: %w", err)
	}
	s.set("tools", tools)
	s.set("documents", nil)
	s.set("add_generation_prompt", in.AddGenerationPrompt)
	if in.BOS != "" {
		s.set("bos_token", in.BOS)
	}
	if in.EOS != "" {
		s.set("eos_token", in.EOS)
	}
	for k, v := range in.Extra {
		converted, err := fromGo(v, 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		s.set(k, converted)
	}
	// What the template itself sets must not be seen as input.
	return &scope{outer: s}, nil
}

// fromGo turns Go data into template values. Keys of a Go map come in order of name; a *Dict keeps its own.
func fromGo(v any, depth int) (value, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("values are nested deeper than %d", maxNesting)
	}
	switch v := v.(type) {
	case nil, bool, int64, string, *list:
		return v, nil
	case float64:
		return v, nil
	case int:
		return int64(v), nil
	case json.Number:
		return parseNumber(v.String())
	case *Dict:
		return v, nil
	case []any:
		out := &list{}
		for _, item := range v {
			c, err := fromGo(item, depth+1)
			if err != nil {
				return nil, err
			}
			out.items = append(out.items, c)
		}
		return out, nil
	case map[string]any:
		d := &Dict{}
		for _, k := range sortedKeys(v) {
			c, err := fromGo(v[k], depth+1)
			if err != nil {
				return nil, err
			}
			d.put(k, c)
		}
		return d, nil
	}
	return nil, fmt.Errorf("a %T is no template value; use what FromJSON gives", v)
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
