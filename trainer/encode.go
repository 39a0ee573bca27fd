package trainer

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"spar/loader"
	"spar/loader/dataset"
	"spar/loader/template"
	"spar/trainer/config"
)

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// encoder turns rows into ids under the config's rules about length. Texts given as messages go through the model's chat
// template, the same for both sides of a pair; plain strings are encoded as they are and end with the model's end token.
type encoder struct {
	c      *config.Config
	m      *loader.Model
	counts map[string]int64
	pairs  bool // a rejected response is needed
}

// encode returns the row as ids, or keep false when a rule leaves it out.
func (e *encoder) encode(row dataset.Row) (x example, keep bool, err error) {
	x, err = e.ids(row)
	if err != nil {
		return x, false, err
	}
	if e.c.Verified() && x.task == nil {
		return x, false, fmt.Errorf("%s needs problem and answer, or problem and tests, here; this row has %s", e.c.Algorithm, row.Shape)
	}
	x.key, x.refChosen, x.refRejected = row.Line, row.RefChosenLogp, row.RefRejectedLogp
	if e.c.LossType == "kto" {
		x.label = row.Label
	}
	if e.pairs && len(x.rejected) == 0 && x.label == nil {
		return x, false, fmt.Errorf("%s needs a chosen and a rejected response here, this row has %s", e.c.Algorithm, row.Shape)
	}
	if !e.pairs && e.c.Algorithm != "dpo" {
		x.rejected = nil
	}
	keep, err = e.fit(&x)
	return x, keep, err
}

func (e *encoder) ids(row dataset.Row) (example, error) {
	switch {
	case row.Shape == dataset.ShapeTask:
		return e.task(row)
	case len(row.PromptIDs) > 0:
		return e.given(row)
	case row.Shape == dataset.ShapeMessages:
		return e.conversation(row.Messages)
	case row.Shape == dataset.ShapeText:
		return e.plain(row.Text)
	case row.Completion.Present:
		return e.texts(row.Prompt, row.Completion, dataset.Text{})
	case row.Chosen.Present:
		return e.texts(row.Prompt, row.Chosen, row.Rejected)
	}
	return example{}, fmt.Errorf("a row of shape %s has no response to learn from; training needs messages, prompt+completion, prompt+chosen+rejected or real+generated", row.Shape)
}

// given checks ids that the row brings.
func (e *encoder) given(row dataset.Row) (example, error) {
	x := example{prompt: row.PromptIDs, chosen: row.ChosenIDs, rejected: row.RejectedIDs}
	if len(row.CompletionIDs) > 0 {
		x.chosen = row.CompletionIDs
	}
	if len(x.chosen) == 0 {
		return x, errors.New("a row of ids needs completion_ids or chosen_ids with at least one id")
	}
	for _, ids := range [][]int32{x.prompt, x.chosen, x.rejected} {
		for _, v := range ids {
			if v < 0 || int(v) >= e.m.Config.VocabSize {
				return x, fmt.Errorf("id %d is outside of the model's vocabulary of %d; was it made with another tokenizer?", v, e.m.Config.VocabSize)
			}
		}
	}
	return x, nil
}

// conversation learns the last turn, which must be the assistant's.
func (e *encoder) conversation(messages []template.Message) (example, error) {
	n := len(messages)
	if n < 2 || messages[n-1].Role != "assistant" {
		return example{}, errors.New("the last of the messages must be the assistant's, after at least one other")
	}
	return e.chat(messages[:n-1], messages[n-1:], nil)
}

// task encodes a problem with a response to learn or to measure: people's solution, else the bare answer.
func (e *encoder) task(row dataset.Row) (x example, err error) {
	response := row.Solution
	if response == "" {
		response = row.Answer
	}
	if response == "" && !e.c.Verified() {
		return x, fmt.Errorf("the task has neither solution nor answer for %s to learn from", e.c.Algorithm)
	}
	t := &task{problem: row.Prompt, ids: row.PromptIDs, answer: row.Answer, tests: row.Tests, solved: row.Solution != "", verifier: row.Verifier}
	x, err = e.posed(t, response, "")
	x.task = t
	return x, err
}

// posed is a task's prompt, with a hint after the problem, and a response.
func (e *encoder) posed(t *task, response, hint string) (x example, err error) {
	if t.ids == nil {
		answer := dataset.Text{String: response, Messages: []template.Message{{Role: "assistant", Content: response}}}
		return e.texts(withHint(t.problem, hint), answer, dataset.Text{})
	}
	if x, err = e.given(dataset.Row{PromptIDs: t.ids, CompletionIDs: t.ids}); err != nil { // which checks them
		return x, err
	}
	after, err := e.m.Tokenizer.Encode(hint, false)
	if err != nil {
		return x, err
	}
	x.prompt = slices.Concat(t.ids, after)
	x.chosen, err = e.ended(response)
	return x, err
}

// withHint puts a hint after a problem, of a conversation after its last message.
func withHint(problem dataset.Text, hint string) dataset.Text {
	if !problem.IsMessages {
		problem.String += hint
		return problem
	}
	problem.Messages = slices.Clone(problem.Messages)
	problem.Messages[len(problem.Messages)-1].Content += hint
	return problem
}

func (e *encoder) texts(prompt, chosen, rejected dataset.Text) (example, error) {
	if prompt.IsMessages {
		return e.chat(prompt.Messages, chosen.Messages, rejected.Messages)
	}
	x, err := e.strings(prompt.String, chosen.String)
	if err != nil || !rejected.Present {
		return x, err
	}
	x.rejected, err = e.ended(rejected.String)
	return x, err
}

// chat encodes answers of one message each, with whatever further keys the template reads; rejected may be nil.
func (e *encoder) chat(prompt, chosen, rejected []template.Message) (x example, err error) {
	if e.m.Template == nil {
		return x, fmt.Errorf("the row has messages, and the model %s has no chat template; give strings, or a model with one", e.m.Path)
	}
	if x.prompt, x.chosen, err = e.m.EncodeTurn(prompt, chosen[0]); err != nil || rejected == nil {
		return x, err
	}
	_, x.rejected, err = e.m.EncodeTurn(prompt, rejected[0])
	return x, err
}

func (e *encoder) strings(prompt, chosen string) (x example, err error) {
	if e.m.Tokenizer == nil {
		return x, fmt.Errorf("the row has text, and the model %s has no tokenizer; give prompt_ids and completion_ids", e.m.Path)
	}
	if x.prompt, err = e.m.Tokenizer.Encode(prompt, false); err != nil {
		return x, err
	}
	if len(x.prompt) == 0 {
		if e.m.Config.BOS < 0 {
			return x, errors.New("the prompt is empty, and the model has no begin token to predict from")
		}
		x.prompt = []int32{int32(e.m.Config.BOS)}
	}
	x.chosen, err = e.ended(chosen)
	return x, err
}

// ended encodes a whole response, with the model's end token.
func (e *encoder) ended(text string) ([]int32, error) {
	if e.m.Tokenizer == nil {
		return nil, fmt.Errorf("the row has text, and the model %s has no tokenizer; give ids", e.m.Path)
	}
	return e.m.EncodeEnded(text)
}

// plain learns a text without a prompt: its first token is the prompt.
func (e *encoder) plain(text string) (example, error) {
	x, err := e.strings("", text)
	if err != nil && e.m.Tokenizer != nil && e.m.Config.BOS < 0 {
		ids, err := e.ended(text)
		if err != nil || len(ids) < 2 {
			return x, errors.Join(err, errors.New("the text is too short to predict anything"))
		}
		return example{prompt: ids[:1], chosen: ids[1:]}, nil
	}
	return x, err
}

// fit applies max_length. Nothing is cut without being counted.
func (e *encoder) fit(x *example) (keep bool, err error) {
	limit := e.c.MaxLength
	if len(x.prompt) >= limit {
		switch e.c.LongPrompts {
		case "error":
			return false, fmt.Errorf("the prompt has %d tokens and max_length %d leaves no room for a response; raise max_length or set long_prompts to exclude or keep_end", len(x.prompt), limit)
		case "exclude":
			e.counts["long prompts left out"]++
			return false, nil
		}
		e.counts["long prompts cut"]++
		x.prompt = x.prompt[len(x.prompt)-max(1, limit/2):]
	}
	room := limit - len(x.prompt)
	if len(x.chosen) <= room && len(x.rejected) <= room {
		return true, nil
	}
	if e.c.TruncatedResponses == "exclude" {
		e.counts["long responses left out"]++
		return false, nil
	}
	e.counts["long responses cut"]++
	x.chosen, x.rejected = x.chosen[:min(room, len(x.chosen))], x.rejected[:min(room, len(x.rejected))]
	return true, nil
}
