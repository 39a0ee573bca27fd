// Package journal keeps a run's memory of what it has finished: journal.jsonl, one line per sealed stage
// with the hashes of what went in and what came out, and run.json, the run's lineage.
//
//	j, err := journal.Open(fsys.OS, "runs/first/journal.jsonl")
//	if e, done := j.Find(0, "sample"); !done { ...; err = j.Append(entry) }
//
// A line is `{"crc32c":"<8 hex>","entry":{...}}`, the checksum (Castagnoli) over the entry's bytes. A last line
// without its newline is a torn write and is cut off; any other damage is an error. One goroutine at a time.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Entry is one finished stage.
type Entry struct {
	Iteration    int                `json:"iteration"`
	Stage        string             `json:"stage"`
	Inputs       map[string]string  `json:"inputs"`           // name -> hash
	Outputs      map[string]string  `json:"outputs"`          // path inside the run directory -> hash
	Finished     string             `json:"finished"`         // RFC 3339, for people; nothing reads it
	Seconds      float64            `json:"seconds"`          // of this process, without earlier interrupted tries
	Tokens       int64              `json:"tokens"`           // tokens drawn, scored or trained on in those seconds
	MetricsBytes int64              `json:"metrics_bytes"`    // length of metrics.jsonl when the stage was sealed
	Counts       map[string]int64   `json:"counts,omitempty"` // what was kept, excluded, cut
	Values       map[string]float64 `json:"values,omitempty"` // figures for the report
	Ops          []Op               `json:"ops,omitempty"`    // where the engine's time went
}

// Op is the time of one kind of native op within a stage.
type Op struct {
	Name    string  `json:"name"`
	Calls   int64   `json:"calls"`
	Seconds float64 `json:"seconds"`
	Flops   int64   `json:"flops"`
	Bytes   int64   `json:"bytes"`
}

type line struct {
	CRC   string          `json:"crc32c"`
	Entry json.RawMessage `json:"entry"`
}

const maxBytes = 256 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Journal is an open journal file.
type Journal struct {
	fs      fsys.FS
	path    string
	file    fsys.File
	entries []Entry
}

// Open reads the journal, cuts a torn last line and opens it for appending; a missing file is an empty journal.
// Damage anywhere else is a fault.Input error naming the line.
func Open(f fsys.FS, path string) (*Journal, error) {
	entries, whole, err := read(f, path)
	if err != nil {
		return nil, err
	}
	file, err := f.Append(path)
	if err != nil {
		return nil, fmt.Errorf("%s: open for appending: %w", path, err)
	}
	if err := file.Truncate(whole); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: cut the torn last line: %w", path, err)
	}
	return &Journal{fs: f, path: path, file: file, entries: entries}, nil
}

// Read returns the entries of a journal without opening it for writing.
func Read(f fsys.FS, path string) ([]Entry, error) {
	entries, _, err := read(f, path)
	return entries, err
}

func read(f fsys.FS, path string) (entries []Entry, whole int64, err error) {
	data, err := fsys.ReadFile(f, path, maxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	for number := 1; len(data) > 0; number++ {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			break
		}
		e, err := parse(data[:end])
		if err != nil {
			return nil, 0, fault.Inputf("%s:%d: damaged journal line: %w; the lines before it are whole, so cut the file there to redo the rest", path, number, err)
		}
		entries = append(entries, e)
		data, whole = data[end+1:], whole+int64(end)+1
	}
	return entries, whole, nil
}

func parse(text []byte) (Entry, error) {
	var l line
	var e Entry
	if err := json.Unmarshal(text, &l); err != nil {
		return e, err
	}
	if got := checksum(l.Entry); got != l.CRC {
		return e, fmt.Errorf("checksum is %s, the line says %s", got, l.CRC)
	}
	return e, json.Unmarshal(l.Entry, &e)
}

func checksum(b []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(b, castagnoli)) }

// Append writes one entry and syncs it; only then does the stage count as finished.
func (j *Journal) Append(e Entry) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("%s: entry of iteration %d, stage %s: %w", j.path, e.Iteration, e.Stage, err)
	}
	text, err := json.Marshal(line{CRC: checksum(body), Entry: body})
	if err != nil {
		return fmt.Errorf("%s: %w", j.path, err)
	}
	if _, err := j.file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("%s: write: %w", j.path, err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("%s: sync: %w", j.path, err)
	}
	j.entries = append(j.entries, e)
	return nil
}

// Entries returns all entries in order. The slice is the journal's own.
func (j *Journal) Entries() []Entry { return j.entries }

// Find returns the newest entry of a stage.
func (j *Journal) Find(iteration int, stage string) (Entry, bool) {
	return Find(j.entries, iteration, stage)
}

// Find returns the newest entry of a stage among entries.
func Find(entries []Entry, iteration int, stage string) (Entry, bool) {
	for i := len(entries) - 1; i >= 0; i-- {
		if e := entries[i]; e.Iteration == iteration && e.Stage == stage {
			return e, true
		}
	}
	return Entry{}, false
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }
