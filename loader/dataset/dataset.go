// Package dataset reads training data: JSONL, plain or compressed (.gz, .zst), and Parquet. Each row is one
// example, whose shape is recognised by its keys:
//
//	messages                         a conversation
//	prompt, completion [, label]     one response; response is another name for completion
//	prompt, chosen, rejected         a preference; with message lists the prompt may be inside them
//	real, generated [, prompt]       a preference of self-play
//	problem, answer                  a task that a verifier can judge [, tests, solution, verifier]
//	problem, tests                   a task whose answer is a program [, solution, verifier]
//	prompt                           something to answer
//	text                             plain text
//
// Texts are strings or lists of messages. Instead of texts, prompt_ids, completion_ids, chosen_ids and rejected_ids
// give token ids, and ref_chosen_logps and ref_rejected_logps the reference's sums for a preference.
//
//	r, err := dataset.Open("pairs.jsonl.zst", dataset.Options{})
//	for row, err := r.Next(); err != io.EOF; row, err = r.Next() { ... }
//
// Reading is strict: what is not exactly one of these shapes is an error that names file and line, and
// nothing is repaired. Rows stream, so memory does not grow with the file. A Reader belongs to one goroutine.
package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/loader/template"
)

// Shape is what the keys of a row say it is.
type Shape int

// The shapes.
const (
	ShapeMessages Shape = iota + 1
	ShapePromptCompletion
	ShapePreference
	ShapeRealGenerated
	ShapeTask
	ShapePromptOnly
	ShapeText
)

// String is the list of keys that make the shape.
func (s Shape) String() string {
	for _, r := range rules {
		if r.shape == s {
			return strings.Join(r.need, " + ")
		}
	}
	return "no shape"
}

// Text is a string or a list of messages. A response that was given as messages has its text in String too.
type Text struct {
	String     string
	Messages   []template.Message
	IsMessages bool
	Present    bool
}

// Row is one example. Which fields are set depends on Shape: the real and generated texts of ShapeRealGenerated
// are in Chosen and Rejected, a conversation is in Messages, plain text in Text. When any text
// of a row is a message list, Prompt is one too, and every response is a single assistant message.
type Row struct {
	Line                int // of the file, from 1; of Parquet, the row
	Shape               Shape
	Prompt              Text
	Completion          Text
	Chosen, Rejected    Text
	Messages            []template.Message
	AddGenerationPrompt bool
	Text                string

	PromptIDs, CompletionIDs, ChosenIDs, RejectedIDs []int32

	RefChosenLogp, RefRejectedLogp *float64 // nats, summed over the response
	Label                          *bool    // of a completion: desirable or not

	// Of a task, whose problem is in Prompt. Solution is a response by people.
	Answer, Tests, Solution, Verifier string
}

// Options change how rows are read. The zero value stops at the first bad row.
type Options struct {
	SkipBad int // bad rows that may be left out before it is an error
}

// BadLine is a row that was left out.
type BadLine struct {
	Line   int
	Reason string
}

// source gives the rows of a file format. An error of class rowError concerns one row; any other ends the reading.
type source interface {
	next() (Row, error)
	close() error
}

// rowError is a bad row in a file that can be read on.
type rowError struct {
	line int
	err  error
}

func (e *rowError) Error() string { return e.err.Error() }
func (e *rowError) Unwrap() error { return e.err }

// Reader reads rows in order.
type Reader struct {
	name    string
	rows    source
	options Options
	skipped []BadLine
	good    int
	failed  error
}

// Open starts reading a file; its name says the format: .parquet, or JSONL with an optional .gz or .zst.
func Open(path string, o Options) (*Reader, error) {
	file, err := fsys.OS.Open(path)
	if err != nil {
		return nil, fault.Inputf("data: %w; give a file of JSON lines (.jsonl, .gz, .zst) or a .parquet file", err)
	}
	var rows source
	if strings.HasSuffix(path, ".parquet") {
		rows, err = openParquet(file, path)
	} else {
		rows, err = openLines(file, path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Reader{name: path, rows: rows, options: o}, nil
}

// NewReader reads uncompressed JSONL from a stream, such as standard input, called name in errors.
func NewReader(in io.Reader, name string, o Options) *Reader {
	return &Reader{name: name, rows: newLines(in, name, io.NopCloser(in)), options: o}
}

// Next returns the next good row. At the end it returns io.EOF, or an input error when there was no good
// row at all; after an error it returns the same error again.
func (r *Reader) Next() (Row, error) {
	for r.failed == nil {
		row, err := r.rows.next()
		var bad *rowError
		switch {
		case err == nil:
			r.good++
			return row, nil
		case errors.Is(err, io.EOF) && r.good == 0:
			r.failed = fault.Inputf("%s: there are no rows: give at least one example", r.name)
		case errors.As(err, &bad) && len(r.skipped) < r.options.SkipBad:
			r.skipped = append(r.skipped, BadLine{bad.line, err.Error()})
		case errors.As(err, &bad) && r.options.SkipBad > 0:
			r.failed = fault.Inputf("%w; %d bad rows before it were left out, as many as allowed", err, len(r.skipped))
		default:
			r.failed = err
		}
	}
	return Row{}, r.failed
}

// Skipped lists the bad rows left out so far.
func (r *Reader) Skipped() []BadLine { return r.skipped }

// Close closes the file.
func (r *Reader) Close() error { return r.rows.close() }

// ReadAll reads every row of a file.
func ReadAll(path string, o Options) ([]Row, error) {
	r, err := Open(path, o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var rows []Row
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

// HashFile is the SHA-256 of a file's bytes in hexadecimal digits.
func HashFile(path string) (string, error) {
	file, err := fsys.OS.Open(path)
	if err != nil {
		return "", fault.Inputf("data: %w; give a file of JSON lines (.jsonl, .gz, .zst) or a .parquet file", err)
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
