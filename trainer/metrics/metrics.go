// Package metrics writes a run's numbers: metrics.jsonl, one line per optimizer step or evaluation, and
// the same as a TensorBoard event file.
//
//	w, err := metrics.Open(fsys.OS, "runs/first")
//	err = w.Append(metrics.Record{Iteration: 0, Step: 12, Values: map[string]float64{"loss": 0.61}})
//
// Names are TRL's: loss, grad_norm, learning_rate, epoch, rewards/chosen, rewards/rejected,
// rewards/accuracies, rewards/margins, logps/chosen, logps/rejected; evaluations have the prefix eval_. In self-play
// "chosen" is the real response and "rejected" the generated one; rewards/real, rewards/generated,
// logps/real and logps/generated carry the same numbers under SPIN's names. Numbers of preference pairs that are mixed in have the prefix
// preference/. Logps are sums over a response's tokens in
// nats; rewards are beta times the log-ratio.
//
// A Writer belongs to one goroutine.
package metrics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"time"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// Record is one line. Step counts optimizer steps over the whole run.
type Record struct {
	Time      float64 // Unix seconds
	Iteration int
	Step      int64
	Values    map[string]float64
}

// reserved are the keys of a line that are not values.
var reserved = []string{"time", "iteration", "step"}

// MarshalJSON writes one flat object, keys in order. A value that is not finite is an error.
func (r Record) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"iteration":%d,"step":%d`, r.Iteration, r.Step)
	for _, name := range sortedNames(r.Values) {
		v := r.Values[name]
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("metric %s is %v", name, v)
		}
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ",%q:%s", name, text)
	}
	fmt.Fprintf(&b, `,"time":%.3f}`, r.Time)
	return b.Bytes(), nil
}

// UnmarshalJSON reads a line.
func (r *Record) UnmarshalJSON(data []byte) error {
	var flat map[string]float64
	if err := json.Unmarshal(data, &flat); err != nil {
		return err
	}
	r.Time, r.Iteration, r.Step = flat["time"], int(flat["iteration"]), int64(flat["step"])
	for _, key := range reserved {
		delete(flat, key)
	}
	r.Values = flat
	return nil
}

func sortedNames(m map[string]float64) []string { return slices.Sorted(maps.Keys(m)) }

// Writer appends to both files.
type Writer struct {
	fs     fsys.FS
	dir    string
	file   fsys.File
	events fsys.File
	bytes  int64
}

const (
	fileName = "metrics.jsonl"
	maxBytes = 4 << 30
)

// Open opens runDir/metrics.jsonl for appending; a torn last line is cut off. The event file is written anew from what is kept.
func Open(f fsys.FS, runDir string) (*Writer, error) {
	path := filepath.Join(runDir, fileName)
	file, err := f.Append(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	w := &Writer{fs: f, dir: runDir, file: file}
	whole, err := wholeLines(f, path)
	if err == nil {
		err = w.cut(whole)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return w, nil
}

// Rewind forgets what follows the first keep bytes, steps that will be done again. A file with fewer is an error: it
// was cut by someone else.
func (w *Writer) Rewind(keep int64) error {
	if keep == w.bytes {
		return nil
	}
	if keep > w.bytes {
		return fault.Inputf("%s: holds %d bytes, the run's journal vouches for %d; restore the file or start in another output_dir", w.file.Name(), w.bytes, keep)
	}
	return w.cut(keep)
}

// cut shortens the file and writes the event file anew.
func (w *Writer) cut(keep int64) error {
	if err := w.file.Truncate(keep); err != nil {
		return fmt.Errorf("%s: %w", w.file.Name(), err)
	}
	w.bytes = keep
	records, err := Read(w.fs, w.dir)
	if err != nil {
		return err
	}
	if w.events != nil {
		if err := w.events.Close(); err != nil {
			return fmt.Errorf("TensorBoard events: %w", err)
		}
		w.events = nil
	}
	w.events, err = rewriteEvents(w.fs, filepath.Join(w.dir, "tb"), records)
	return err
}

func wholeLines(f fsys.FS, path string) (int64, error) {
	data, err := fsys.ReadFile(f, path, maxBytes)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return int64(bytes.LastIndexByte(data, '\n') + 1), nil
}

// Append writes one record. Time is filled in when zero.
func (w *Writer) Append(r Record) error {
	if r.Time == 0 {
		r.Time = float64(time.Now().UnixMilli()) / 1000
	}
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("metrics of iteration %d, step %d: %w", r.Iteration, r.Step, err)
	}
	n, err := w.file.Write(append(text, '\n'))
	w.bytes += int64(n)
	if err != nil {
		return fmt.Errorf("%s: %w", w.file.Name(), err)
	}
	return writeEvent(w.events, recordEvent(r))
}

// Sync makes everything appended durable and returns the length of metrics.jsonl.
func (w *Writer) Sync() (int64, error) {
	if err := w.file.Sync(); err != nil {
		return 0, fmt.Errorf("%s: sync: %w", w.file.Name(), err)
	}
	return w.bytes, nil
}

// Close closes both files.
func (w *Writer) Close() error {
	err := w.file.Close()
	if w.events != nil {
		err = errors.Join(err, w.events.Close())
	}
	return err
}

// Read returns all whole lines of runDir/metrics.jsonl; a torn last line is left out, a missing file is empty.
func Read(f fsys.FS, runDir string) ([]Record, error) {
	path := filepath.Join(runDir, fileName)
	data, err := fsys.ReadFile(f, path, maxBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var out []Record
	for number := 1; ; number++ {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			return out, nil
		}
		var r Record
		if err := json.Unmarshal(data[:end], &r); err != nil {
			return nil, fault.Inputf("%s:%d: %w", path, number, err)
		}
		out, data = append(out, r), data[end+1:]
	}
}

var _ io.Closer = (*Writer)(nil)
