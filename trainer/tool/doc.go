// Package tool holds the verbs that other programs build on: tokenize, score, sample, verify and step. Each
// reads JSON lines and writes one JSON object per result, in the order of its input, in exactly the
// shapes that docs/formats.md lists.
//
// A Model is opened once per call and used by one goroutine.
package tool
