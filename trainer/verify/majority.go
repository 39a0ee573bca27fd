package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"spar/trainer/verify/maths"
)

// plurality is the most frequent of answers: those that package maths finds equal count as one, written as the first of
// them. Empty answers do not vote. Of equally frequent answers the one given first wins. label is "" when nobody votes;
// votes has one entry per label.
func plurality(answers []string) (label string, votes map[string]int) {
	votes = map[string]int{}
	var labels []string
	for _, a := range answers {
		a = strings.TrimSpace(a)
		if a == "" {
			continue
		}
		l := sameAs(a, labels, votes)
		if votes[l]++; votes[l] == 1 {
			labels = append(labels, l)
		}
	}
	for _, l := range labels {
		if label == "" || votes[l] > votes[label] {
			label = l
		}
	}
	return label, votes
}

// comparedLabels bounds the labels that a new answer is compared with beyond its text.
const comparedLabels = 64

func sameAs(answer string, labels []string, votes map[string]int) string {
	if votes[answer] > 0 {
		return answer
	}
	for _, l := range labels[:min(len(labels), comparedLabels)] {
		if relation, _ := maths.Compare(l, answer, maths.Options{}); relation == maths.Equal {
			return l
		}
	}
	return answer
}

// majority passes the responses that agree with the majority of the batch's responses to the same problem.
type majority struct{}

func (majority) Name() string { return "majority" }

func (majority) Verify(ctx context.Context, batch []Item) ([]Outcome, error) {
	answers := make([]string, len(batch))
	groups := map[string][]int{}
	for i, it := range batch {
		answers[i], _ = finalAnswer(it.Response)
		groups[it.Problem] = append(groups[it.Problem], i)
	}
	out := make([]Outcome, len(batch))
	for _, group := range groups {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		poll(answers, group, out)
	}
	return out, nil
}

// poll judges one group of the batch.
func poll(answers []string, group []int, out []Outcome) {
	start := time.Now()
	of := make([]string, len(group))
	for k, i := range group {
		of[k] = answers[i]
	}
	label, votes := plurality(of)
	for _, i := range group {
		switch {
		case label == "":
			out[i] = refused("no response to the problem has an answer")
		case answers[i] == "":
			out[i] = passed(false, "", noAnswer)
		default:
			agrees := sameAs(strings.TrimSpace(answers[i]), []string{label}, map[string]int{label: 1}) == label
			out[i] = passed(agrees, answers[i], "it is not the majority's answer")
			out[i].Detail = strings.TrimPrefix(out[i].Detail+fmt.Sprintf("; %d of %d say %s", votes[label], len(group), label), "; ")
		}
		out[i].Took = time.Since(start) / time.Duration(len(group))
	}
}
