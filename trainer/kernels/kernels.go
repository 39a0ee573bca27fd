// Package kernels chooses the kernel family of a run: by what the CPU has, and by a short race between the
// families that it can run, since the widest is not the fastest on every CPU.
//
//	c, err := kernels.Choose(lib, native.BF16, "")
//	... c.Family, c.Origin, c.Figures
//
// The winners are kept in a small file of the user's cache, under the library's hash, the CPU's name and the
// number of CPUs: the same machine gives the same family, and with it the same bits, every time. A file
// that cannot be used is replaced after a new race, and Choice.Note says why; without a writable cache
// every process races anew.
//
// Concurrency: Choose may be called from any goroutine. Processes that race at the same time take turns,
// and the first one's result holds.
package kernels

import (
	"fmt"
	"slices"
	"sync"

	"spar/native"
)

// Where a choice came from.
const (
	Named  = "named"  // by a flag, a config or a caller
	Raced  = "raced"  // in this process
	Cached = "cached" // raced before, by this or another process
)

// Choice is a kernel family for one precision.
type Choice struct {
	Family  string   `json:"family"`
	Origin  string   `json:"origin"`            // Named, Raced or Cached
	Figures []Figure `json:"figures,omitempty"` // of the race; empty when named
	File    string   `json:"file,omitempty"`    // of the cache
	Note    string   `json:"note,omitempty"`    // why the cache was not used; one sentence
}

// Figure is one family's race: milliseconds of the forward pass through one layer of a 135 M model.
type Figure struct {
	Family   string  `json:"family"`
	Training float64 `json:"training_ms"` // of trainingRows rows
	Decode   float64 `json:"decode_ms"`   // of decodeRows rows
}

// String says what was chosen and how, for logs.
func (c Choice) String() string {
	switch c.Origin {
	case Cached:
		return fmt.Sprintf("%s, the winner of an earlier race on this machine (%s)", c.Family, c.File)
	case Raced:
		return c.Family + ", the winner of a race just now"
	}
	return c.Family + ", as asked"
}

// races holds what this process found, by library hash: without a cache it must not change its mind.
var races struct {
	sync.Mutex
	done map[string]outcome
}

// outcome is the result of a race for both precisions.
type outcome struct {
	FP32 verdict `json:"fp32"`
	BF16 verdict `json:"bf16"`

	origin, file, note string
}

// verdict is the result for one precision.
type verdict struct {
	Winner  string   `json:"winner"`
	Figures []Figure `json:"figures"`
}

// Choose returns the family named, or for "" and "auto" the one that won the race for the precision.
func Choose(lib *native.Library, p native.Precision, named string) (Choice, error) {
	if named != "" && named != "auto" {
		return Choice{Family: named, Origin: Named}, nil
	}
	races.Lock()
	defer races.Unlock()
	o, known := races.done[lib.Info().Hash]
	if !known {
		var err error
		if o, err = find(lib, cacheDir); err != nil {
			return Choice{}, err
		}
		if races.done == nil {
			races.done = map[string]outcome{}
		}
		races.done[lib.Info().Hash] = o
	}
	v := o.FP32
	if p == native.BF16 {
		v = o.BF16
	}
	return Choice{Family: v.Winner, Origin: o.origin, Figures: slices.Clone(v.Figures), File: o.file, Note: o.note}, nil
}
