// Package loader shim, local only.
package loader

import (
	"spar/loader/checkpoint"
	"spar/loader/tokenizer"
)

type Model struct {
	*checkpoint.Model
	Tokenizer *tokenizer.Tokenizer
}

func Open(path string) (*Model, error) { m, err := checkpoint.Open(path); if err != nil { return nil, err }; return &Model{Model: m}, nil }
func OpenConfigOnly(path string) (*Model, error) { m, err := checkpoint.OpenConfigOnly(path); if err != nil { return nil, err }; return &Model{Model: m}, nil }
