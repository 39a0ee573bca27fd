package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"spar/internal/fault"
	"spar/loader/pack"
	"spar/trainer/policy"
	"spar/trainer/verify"
	"spar/trainer/verify/jail"
	"spar/trainer/verify/program"
)

// VerifyOptions say which verifier judges.
type VerifyOptions struct {
	verify.Spec
	Parallel int
	Model    ModelOptions // scores for likelihood, and for process where steps have no scores; Path "": none
}

type verifyRow struct {
	Problem  string     `json:"problem"`
	Response *string    `json:"response"`
	Answer   string     `json:"answer"`
	Tests    string     `json:"tests"`
	Steps    []stepText `json:"steps"`
}

// stepText is a step given as a number, its score, or as an object.
type stepText verify.Step

// UnmarshalJSON reads 0.5 and {"text","score"}.
func (s *stepText) UnmarshalJSON(data []byte) error {
	var score float64
	if json.Unmarshal(data, &score) == nil && string(data) != "null" {
		s.Score = &score
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if d.Decode((*verify.Step)(s)) != nil || data[0] != '{' {
		return errors.New(`a step must be a number or {"text","score"}`)
	}
	return nil
}

type judged struct {
	Verdict   verify.Verdict `json:"verdict"`
	Score     float64        `json:"score"`
	Extracted string         `json:"extracted"`
	Detail    string         `json:"detail"`
	MS        float64        `json:"ms"` // 0 for a row that stood before
}

// Verify writes {"verdict","score","extracted","detail","ms"} for each line of {"problem","response","answer","tests","steps"}, of
// which a verifier reads what it needs. All lines are one batch: majority votes among those with the same problem.
func Verify(ctx context.Context, o VerifyOptions, in io.Reader, name string, out io.Writer) (err error) {
	var pool *jail.Pool
	defer func() {
		if pool != nil {
			err = errors.Join(err, pool.Close())
		}
	}()
	options := verify.Options{Parallel: o.Parallel, Programs: program.Opener(func() (p *jail.Pool, err error) {
		pool, err = jail.Open(jail.Options{Workers: o.Parallel, Timeout: o.Timeout, MemoryMB: o.MemoryMB})
		return pool, err
	})}
	if o.Model.Path != "" {
		options.Score = o.Model.meanLogps
	}
	v, err := verify.Open(o.Spec, options)
	if err != nil {
		return err
	}
	var batch []verify.Item
	err = eachLine(in, name, func(_ int, row verifyRow) error {
		it, err := row.item()
		batch = append(batch, it)
		return err
	})
	if err != nil {
		return err
	}
	outcomes, err := v.Verify(ctx, batch)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, j := range outcomes {
		ms := float64(j.Took.Microseconds()) / float64(time.Millisecond/time.Microsecond)
		if err := enc.Encode(judged{j.Verdict, j.Score, j.Extracted, j.Detail, ms}); err != nil {
			return err
		}
	}
	return nil
}

func (row verifyRow) item() (verify.Item, error) {
	if row.Response == nil && row.Steps == nil {
		return verify.Item{}, errors.New(`"response" is missing`)
	}
	it := verify.Item{Problem: row.Problem, Answer: row.Answer, Tests: row.Tests}
	if row.Response != nil {
		it.Response = *row.Response
	}
	for _, s := range row.Steps {
		it.Steps = append(it.Steps, verify.Step(s))
	}
	return it, nil
}

// meanLogps opens the model and gives the mean log-prob per token of each response after its prompt, as score tokenizes
// them. An empty prompt is a line end, for something must stand before a response.
func (o ModelOptions) meanLogps(ctx context.Context, prompts, responses []string) ([]float64, error) {
	m, err := o.Load()
	if err != nil {
		return nil, err
	}
	defer m.Close()
	gs := make([]pack.Group, len(prompts))
	longest := 1
	for i := range prompts {
		if prompts[i] == "" {
			prompts[i] = "\n"
		}
		row := scoreRow{prompt: prompt{Prompt: &prompts[i]}, Response: &responses[i]}
		if gs[i], err = row.group(m, i+1); err != nil {
			return nil, fault.Inputf("response %d: %w", i+1, err)
		}
		longest = max(longest, len(gs[i].Prompt)+len(gs[i].Responses[0]))
	}
	p, err := o.Policy(m, longest, false)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	rows, err := p.Score(ctx, gs, policy.ScoreOptions{})
	if err != nil {
		return nil, err
	}
	means := make([]float64, len(rows))
	for i, r := range rows {
		means[i] = policy.Sum(r.Logp[0]) / float64(len(r.Logp[0]))
	}
	return means, nil
}
