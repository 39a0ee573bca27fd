package trainer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"spar/internal/fsys"
	"spar/trainer/journal"
	"spar/trainer/progress"
)

// stage is one unit of work: a function from hashed inputs to files.
type stage struct {
	iteration int
	name      string
	inputs    map[string]string // name -> hash
	outputs   []string          // files or directories, relative to the run directory
	books     bool              // of selection or ledger: making its files durable and hashing them is overhead too
	work      func(ctx context.Context, e *journal.Entry) error
}

// heading is the stage's name for people; what comes before the first iteration belongs to none.
func (s stage) heading() string {
	if s.name == "baseline" || s.name == "preferences" {
		return s.name
	}
	return fmt.Sprintf("iteration %d, %s", s.iteration, s.name)
}

// trains reports whether the stage takes optimizer steps.
func (s stage) trains() bool {
	return s.name == "update" || s.name == "verifier" || s.name == "proposer"
}

// progress starts the line of a task of the stage in hand.
func (r *run) progress(total, done int, unit string) *progress.Line {
	return progress.Start(r.o.Log, r.o.Terminal, r.heading, total, done, unit)
}

// do does a stage unless it is sealed with the same inputs and its outputs are whole.
func (r *run) do(ctx context.Context, s stage) error {
	r.place("iteration %d, stage %s", s.iteration, s.name)
	if r.sealed(s) {
		return nil
	}
	if err := stopCause(ctx); err != nil {
		return err
	}
	if !s.trains() { // else it rewinds to its checkpoint instead
		if err := r.metrics.Rewind(r.metricsSealed()); err != nil {
			return err
		}
	}
	e := journal.Entry{Iteration: s.iteration, Stage: s.name, Inputs: s.inputs, Outputs: map[string]string{},
		Counts: map[string]int64{}, Values: map[string]float64{}}
	r.heading = s.heading()
	started := time.Now()
	if err := s.work(ctx, &e); err != nil {
		return fmt.Errorf("iteration %d, stage %s: %w", s.iteration, s.name, err)
	}
	return r.seal(s, e, started)
}

// sealed reports whether the journal has the stage and its outputs are as they were.
func (r *run) sealed(s stage) bool {
	e, found := r.journal.Find(s.iteration, s.name)
	if !found {
		return false
	}
	if what := different(e.Inputs, s.inputs); what != "" {
		r.logf("iteration %d, stage %s: %s changed since it was sealed; doing it again", s.iteration, s.name, what)
		return false
	}
	for _, name := range sortedKeys(e.Outputs) {
		hash, err := hashPath(r.fs, r.path(name))
		if err != nil || hash != e.Outputs[name] {
			r.logf("iteration %d, stage %s: %s is missing or not as it was sealed; doing it again", s.iteration, s.name, name)
			return false
		}
	}
	return true
}

func different(a, b map[string]string) string {
	for _, k := range sortedKeys(b) {
		if a[k] != b[k] {
			return k
		}
	}
	for _, k := range sortedKeys(a) {
		if _, ok := b[k]; !ok {
			return k
		}
	}
	return ""
}

// seal hashes the outputs of a stage that began at the given time and writes its line into the journal.
func (r *run) seal(s stage, e journal.Entry, started time.Time) error {
	done := r.counted()
	for _, name := range s.outputs {
		hash, err := hashPath(r.fs, r.path(name))
		if err != nil {
			return fmt.Errorf("iteration %d, stage %s: %w", s.iteration, s.name, err)
		}
		e.Outputs[name] = hash
	}
	var err error
	if e.MetricsBytes, err = r.metrics.Sync(); err != nil {
		return err
	}
	if e.Ops, err = r.readProfile(); err != nil {
		return err
	}
	if s.books {
		done()
	}
	r.takeOverhead(e.Values)
	e.Seconds = time.Since(started).Seconds()
	e.Finished = time.Now().UTC().Format(time.RFC3339)
	return r.journal.Append(e)
}

// metricsSealed is the length of metrics.jsonl that the last sealed stage vouches for.
func (r *run) metricsSealed() int64 {
	entries := r.journal.Entries()
	if len(entries) == 0 {
		return 0
	}
	return entries[len(entries)-1].MetricsBytes
}

// output is the journalled hash of an earlier stage's file, "" when the stage has none.
func (r *run) output(iteration int, stage, name string) string {
	e, _ := r.journal.Find(iteration, stage)
	return e.Outputs[name]
}

// hashPath is the SHA-256 of a file, or of the names and hashes of a directory's files.
func hashPath(f fsys.FS, path string) (string, error) {
	info, err := f.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return hashFile(f, path)
	}
	entries, err := f.ReadDir(path)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, entry := range entries {
		hash, err := hashPath(f, filepath.Join(path, entry.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%q %s\n", entry.Name(), hash)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func hashFile(f fsys.FS, path string) (string, error) {
	file, err := f.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hashText is the SHA-256 of named values, for inputs that are settings.
func hashText(parts ...any) string {
	text := make([]string, len(parts))
	for i, p := range parts {
		text[i] = fmt.Sprintf("%q", fmt.Sprint(p))
	}
	sum := sha256.Sum256([]byte(strings.Join(text, " ")))
	return hex.EncodeToString(sum[:])
}
