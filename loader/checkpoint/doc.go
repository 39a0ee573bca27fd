// Package checkpoint opens and writes models: Hugging Face directories (config.json with
// safetensors) and GGUF files. Both become the same Config and the same tensors, with Hugging Face
// names and layout, read as float32. FORMAT.md states what is accepted.
//
// Use: Open, look at Config and Tensors, Read the weights into the engine's memory, Close. Write
// makes a directory that transformers loads; Convert, Diff and Inspect serve `spar model`.
//
// Everything in a file is checked before use: wrong bytes end in a fault.Input error that says
// file, place and remedy. Nothing outside the model's folder is opened, and no code of a model is
// run. A Model may be read by several goroutines at once; Close waits for nobody.
package checkpoint
