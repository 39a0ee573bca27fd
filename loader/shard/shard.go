// Package shard stores scored samples: prompt and response ids, a log-prob for each response token, a loss
// mask, a verdict, and the hashes of what made them. FORMAT.md describes the bytes.
//
// A shard is written once. A Writer appends records to name.open in checksummed blocks; Sync makes what
// was appended safe; Seal writes the index and renames the file to its final name, after which no byte of it
// ever changes. After a crash, Append cuts name.open after its last good block and goes on.
//
//	w, err := shard.Create(fsys.OS, "rollouts/0000.shard", header, shard.Options{})
//	err = w.Append(record); err = w.Sync(); err = w.Seal()
//
//	r, err := shard.Open(fsys.OS, "rollouts/0000.shard")
//	err = r.Header().Match(name, want)   // refuses samples of another model
//	err = r.Read(i, &record)
//
// A Writer belongs to one goroutine; a Reader may be used by any number. No function panics on bad
// bytes: damage is an input error that names file and byte.
package shard

import (
	"fmt"

	"spar/internal/fault"
)

// Suffix ends the names of sealed shards, and OpenSuffix, after it, those of unsealed ones.
const (
	Suffix     = ".shard"
	OpenSuffix = ".open"
)

// Header says what made the records of a shard. Hashes are compared as text, up to 127 bytes.
type Header struct {
	TokenizerHash string `json:"tokenizer_hash"`
	TemplateHash  string `json:"template_hash"`
	PolicyHash    string `json:"policy_hash"`
	SamplerHash   string `json:"sampler_hash"`
	VocabSize     int    `json:"vocab_size"`     // ids are below it
	Info          string `json:"info,omitempty"` // free text for people, up to 2,048 bytes
}

// Match compares the header of file name with what is wanted and names both values when they differ.
// Empty fields and a zero VocabSize of want are not compared; Info never is.
func (h Header) Match(name string, want Header) error {
	for _, c := range []struct{ what, have, want string }{
		{"tokenizer", h.TokenizerHash, want.TokenizerHash},
		{"chat template", h.TemplateHash, want.TemplateHash},
		{"policy", h.PolicyHash, want.PolicyHash},
		{"sampler settings", h.SamplerHash, want.SamplerHash},
	} {
		if c.want != "" && c.have != c.want {
			return fault.Inputf("%s: made with the %s %s, but this run has %s: use the shard with the run that made it, or sample again",
				name, c.what, orNone(c.have), c.want)
		}
	}
	if want.VocabSize != 0 && h.VocabSize != want.VocabSize {
		return fault.Inputf("%s: made with a vocabulary of %d, but this run has %d: use the shard with the model that made it",
			name, h.VocabSize, want.VocabSize)
	}
	return nil
}

func orNone(hash string) string {
	if hash == "" {
		return "(none)"
	}
	return hash
}

// Record is one response with its prompt. Logp, RefLogp and Mask are nil or have one entry for each response id.
type Record struct {
	Group, Sample    int // the prompt's number, and the response's among those of the prompt
	Prompt, Response []int32
	Logp             []float32 // of the sampler, nats at temperature 1
	RefLogp          []float32 // of the reference
	Mask             []byte    // 1 where the token counts in the loss, 0 where not; nil: all count
	Finish           uint8     // Finish...
	Verdict          uint8     // Verdict...
	Reward           float32
	Meta             []byte // the caller's, up to 16 MiB
}

// Reasons for the end of a response, with the engine's numbers.
const (
	FinishNone   = 0
	FinishStop   = 1 // a stop id, which is the last id
	FinishLength = 2 // out of tokens
	FinishHost   = 3 // ended from outside, as by a stop string
)

// Verdicts of a verifier.
const (
	VerdictNone    = 0
	VerdictPass    = 1
	VerdictFail    = 2
	VerdictTimeout = 3
	VerdictCrash   = 4
	VerdictOOM     = 5
	VerdictRefused = 6
)

var (
	finishNames  = [...]string{"none", "stop", "length", "host"}
	verdictNames = [...]string{"none", "pass", "fail", "timeout", "crash", "oom", "refused"}
)

// damaged is the error of bytes that are not as they were written.
func damaged(name string, offset int64, format string, args ...any) error {
	return fault.Inputf("%s: byte %d: %s; the file is damaged: restore a copy or make it again", name, offset, fmt.Sprintf(format, args...))
}
