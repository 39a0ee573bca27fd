package dataset

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"spar/internal/strictjson"
)

// fill sets the row's fields from its keys, whose combination is known to be right.
func (row *Row) fill(f fields) error {
	switch row.Shape {
	case ShapeMessages:
		return row.fillMessages(f)
	case ShapeTask:
		return row.fillTask(f)
	case ShapeText:
		return needText(f, "text", &row.Text)
	}
	if err := row.fillLogps(f); err != nil {
		return err
	}
	if m, ok := f["label"]; ok {
		if m.Value.Kind != 't' {
			return fmt.Errorf("%q must be true or false, not %s", m.Key, kindName(m.Value))
		}
		row.Label = &m.Value.Bool
	}
	ids := 0
	for _, m := range f {
		if strings.HasSuffix(m.Key, "_ids") {
			ids++
		}
	}
	if ids > 0 {
		return row.fillIDs(f)
	}
	return row.fillTexts(f)
}

// fillTask reads a problem and what a verifier needs to judge a response to it.
func (row *Row) fillTask(f fields) (err error) {
	if err := row.fillProblem(f["problem"], f); err != nil {
		return err
	}
	for key, dst := range map[string]*string{"answer": &row.Answer, "tests": &row.Tests, "solution": &row.Solution} {
		if _, given := f[key]; given {
			err = errors.Join(err, needText(f, key, dst))
		}
	}
	return errors.Join(err, mayText(f, "verifier", &row.Verifier))
}

// fillProblem reads a problem as text, messages or ids.
func (row *Row) fillProblem(m strictjson.Member, f fields) (err error) {
	if m.Key == "problem_ids" {
		if row.PromptIDs, err = idsOf(m); err == nil && len(row.PromptIDs) == 0 {
			err = errors.New("problem_ids is empty; a prompt needs at least one token to predict from")
		}
		return err
	}
	if err := textOf(f, "problem", &row.Prompt); err != nil {
		return err
	}
	if !row.Prompt.IsMessages && strings.TrimSpace(row.Prompt.String) == "" {
		return errors.New(`"problem" is empty`)
	}
	return nil
}

func (row *Row) fillMessages(f fields) (err error) {
	if m, ok := f["add_generation_prompt"]; ok {
		if m.Value.Kind != 't' {
			return fmt.Errorf("%q must be true or false, not %s", m.Key, kindName(m.Value))
		}
		row.AddGenerationPrompt = m.Value.Bool
	}
	row.Messages, err = messagesOf(f["messages"])
	return err
}

func (row *Row) fillLogps(f fields) error {
	chosen, hasChosen := f["ref_chosen_logps"]
	rejected, hasRejected := f["ref_rejected_logps"]
	if hasChosen != hasRejected {
		return errors.New("ref_chosen_logps and ref_rejected_logps belong together; give both or none")
	}
	if !hasChosen {
		return nil
	}
	for _, p := range []struct {
		member strictjson.Member
		dst    **float64
	}{{chosen, &row.RefChosenLogp}, {rejected, &row.RefRejectedLogp}} {
		x, err := strconv.ParseFloat(p.member.Value.Text, 64)
		if p.member.Value.Kind != '0' || err != nil || math.IsInf(x, 0) || x > 0 {
			return fmt.Errorf("%q must be a sum of log-probs, a number of at most 0, not %s", p.member.Key, shown(p.member.Value))
		}
		*p.dst = &x
	}
	return nil
}

func shown(v strictjson.Value) string {
	if v.Kind == '0' {
		return v.Text
	}
	return kindName(v)
}

// fillIDs reads a row of token ids; every text of the row must then be ids.
func (row *Row) fillIDs(f fields) error {
	for name, dst := range map[string]*[]int32{"prompt": &row.PromptIDs, "completion": &row.CompletionIDs, "chosen": &row.ChosenIDs, "rejected": &row.RejectedIDs} {
		m, ok := f[name]
		if !ok {
			continue
		}
		if !strings.HasSuffix(m.Key, "_ids") {
			return fmt.Errorf("the key %q is text and others are ids; give all of a row as ids or all as text", m.Key)
		}
		ids, err := idsOf(m)
		if err != nil {
			return err
		}
		*dst = ids
	}
	if len(row.PromptIDs) == 0 {
		return errors.New("prompt_ids is absent or empty; a prompt needs at least one token to predict from")
	}
	return nil
}

func idsOf(m strictjson.Member) ([]int32, error) {
	if m.Value.Kind != '[' {
		return nil, fmt.Errorf("%q must be a list of token ids, not %s", m.Key, kindName(m.Value))
	}
	ids := make([]int32, len(m.Value.Items))
	for i, item := range m.Value.Items {
		id, ok := item.IsInt()
		if !ok || id < 0 || id > math.MaxInt32 {
			return nil, fmt.Errorf("%q: item %d is %s, not a token id", m.Key, i, shown(item))
		}
		ids[i] = int32(id)
	}
	return ids, nil
}

// needText reads a string that must not be empty.
func needText(f fields, key string, dst *string) error {
	if err := mayText(f, key, dst); err != nil {
		return err
	}
	if strings.TrimSpace(*dst) == "" {
		return fmt.Errorf("%q is empty", key)
	}
	return nil
}

func mayText(f fields, key string, dst *string) error {
	m, ok := f[key]
	if !ok {
		return nil
	}
	if m.Value.Kind != '"' {
		return fmt.Errorf("%q must be a string, not %s", m.Key, kindName(m.Value))
	}
	*dst = m.Value.Text
	return nil
}
