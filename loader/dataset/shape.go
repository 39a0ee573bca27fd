package dataset

import (
	"fmt"
	"slices"
	"strings"

	"spar/internal/strictjson"
)

// rule is a shape with the keys that it must and may have.
type rule struct {
	shape     Shape
	need, may []string
}

var rules = []rule{
	{ShapeMessages, []string{"messages"}, []string{"add_generation_prompt"}},
	{ShapePromptCompletion, []string{"prompt", "completion"}, []string{"label"}},
	{ShapePreference, []string{"prompt", "chosen", "rejected"}, []string{"ref_chosen_logps", "ref_rejected_logps"}},
	{ShapePreference, []string{"chosen", "rejected"}, []string{"ref_chosen_logps", "ref_rejected_logps"}},
	{ShapeRealGenerated, []string{"real", "generated"}, []string{"prompt", "ref_chosen_logps", "ref_rejected_logps"}},
	{ShapeTask, []string{"problem", "answer"}, []string{"tests", "solution", "verifier"}},
	{ShapeTask, []string{"problem", "tests"}, []string{"solution", "verifier"}},
	{ShapePromptOnly, []string{"prompt"}, nil},
	{ShapeText, []string{"text"}, nil},
}

// canonical maps every known key to the name that rules use.
var canonical = map[string]string{
	"messages": "messages", "add_generation_prompt": "add_generation_prompt", "text": "text",
	"prompt": "prompt", "prompt_ids": "prompt", "completion": "completion", "completion_ids": "completion",
	"response": "completion", "response_ids": "completion", "label": "label",
	"chosen": "chosen", "chosen_ids": "chosen", "rejected": "rejected", "rejected_ids": "rejected",
	"ref_chosen_logps": "ref_chosen_logps", "ref_rejected_logps": "ref_rejected_logps",
	"real": "real", "generated": "generated", "problem": "problem", "problem_ids": "problem", "answer": "answer", "verifier": "verifier",
	"tests": "tests", "solution": "solution",
}

// fields are the known keys of a row, by canonical name.
type fields map[string]strictjson.Member

// rowOf converts a JSON object. Errors say what is wrong with it but not where it stands.
func rowOf(v strictjson.Value) (Row, error) {
	if v.Kind != '{' {
		return Row{}, fmt.Errorf("a row must be an object with keys, not %s", kindName(v))
	}
	f, err := fieldsOf(v)
	if err != nil {
		return Row{}, err
	}
	r, err := recognise(f)
	if err != nil {
		return Row{}, err
	}
	row := Row{Shape: r.shape}
	return row, row.fill(f)
}

func fieldsOf(v strictjson.Value) (fields, error) {
	f := fields{}
	for _, m := range v.Members {
		name, known := canonical[m.Key]
		if !known {
			if near := nearKey(m.Key); near != "" {
				return nil, fmt.Errorf("the key %s is not known; did you mean %q?", strictjson.Quote(m.Key), near)
			}
			continue // columns of other tools, such as ids and scores
		}
		if other, twice := f[name]; twice {
			return nil, fmt.Errorf("the keys %q and %q say the same; keep one", other.Key, m.Key)
		}
		f[name] = m
	}
	return f, nil
}

func recognise(f fields) (rule, error) {
	for _, r := range rules {
		if r.fits(f) {
			return r, nil
		}
	}
	var have, shapes []string
	for _, m := range f {
		have = append(have, m.Key)
	}
	slices.Sort(have)
	for _, r := range rules {
		shapes = append(shapes, strings.Join(r.need, " + "))
	}
	if len(have) == 0 {
		return rule{}, fmt.Errorf("the row has none of the keys of an example: want one of %s", strings.Join(shapes, "; "))
	}
	return rule{}, fmt.Errorf("the keys %s together are no kind of example: want one of %s", strings.Join(have, ", "), strings.Join(shapes, "; "))
}

func (r rule) fits(f fields) bool {
	for _, key := range r.need {
		if _, ok := f[key]; !ok {
			return false
		}
	}
	for key := range f {
		if !slices.Contains(r.need, key) && !slices.Contains(r.may, key) {
			return false
		}
	}
	return true
}

// nearKey is the known key that key is probably meant to be: the same but for case, or one letter off.
func nearKey(key string) string {
	var names []string
	for known := range canonical {
		names = append(names, known)
	}
	slices.Sort(names)
	lower := strings.ToLower(key)
	for _, known := range names {
		if lower == known || len(known) > 4 && oneEdit(lower, known) {
			return known
		}
	}
	return ""
}

// oneEdit reports whether one inserted, removed or changed byte makes a into b.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i < len(a) && a[i+1:] == b[i+1:]
	}
	return a[i:] == b[i+1:]
}

func kindName(v strictjson.Value) string {
	switch v.Kind {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't':
		return "true or false"
	case kindBinary:
		return "bytes that are not UTF-8"
	}
	return "null"
}
