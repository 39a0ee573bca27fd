package metrics

import (
	"encoding/json"
	"fmt"
	"io"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Evaluation is eval.json: a policy measured on held-out prompts. The discriminator's numbers (rewards) compare the new
// policy with the one before it, on real responses and on samples that the one before drew; they
// are absent in the baseline, which has no policy before it.
type Evaluation struct {
	Iteration int                `json:"iteration"` // -1: the policy before the first iteration
	Prompts   int                `json:"prompts"`
	Samples   int                `json:"samples"`
	Values    map[string]float64 `json:"values"` // by TRL's names, and the caller's own
	Examples  []Example          `json:"examples"`
}

// Example is one held-out prompt with the real and a fresh response, as text.
type Example struct {
	Prompt    string  `json:"prompt"`
	Real      string  `json:"real"`
	Generated string  `json:"generated"`
	Finish    string  `json:"finish"`
	RealLogp  float64 `json:"real_logp"`           // nats, whole response, new policy
	GenLogp   float64 `json:"generated_logp"`      // nats
	Verdict   string  `json:"verdict,omitempty"`   // of the fresh response, where responses are verified
	Extracted string  `json:"extracted,omitempty"` // the answer that the verifier found in it
}

// ReadEvaluation reads an eval.json.
func ReadEvaluation(f fsys.FS, path string) (Evaluation, error) {
	var e Evaluation
	data, err := fsys.ReadFile(f, path, 256<<20)
	if err != nil {
		return e, fmt.Errorf("%s: %w", path, err)
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fault.Inputf("%s: %w", path, err)
	}
	return e, nil
}

// WriteEvaluation writes an eval.json whole or not at all.
func WriteEvaluation(f fsys.FS, path string, e Evaluation) error {
	return fsys.WriteFile(f, path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", " ")
		return enc.Encode(e)
	})
}
