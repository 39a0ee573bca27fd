package quickstart

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"spar/internal/fsys"
	"spar/internal/rng"
)

// Names of the data sets in the quickstart's data directory.
const (
	dialectFile = "dialect.jsonl"  // what the base is trained on
	realFile    = "real.jsonl"     // p_data: what the arms are trained on
	heldOutFile = "held-out.jsonl" // p_data on prompts that are in no other file
	fewFile     = "few.jsonl"      // p_data: what the base of the verified arm is trained on
	tasksFile   = "tasks.jsonl"    // those rows as tasks with their solution, and prompts without one
	heldTasks   = "held-out-tasks.jsonl"
)

// row is a line of a data set, as token ids.
type row struct {
	PromptIDs     []int32 `json:"prompt_ids"`
	CompletionIDs []int32 `json:"completion_ids"`
}

// writeData makes the three data sets.
func writeData(f fsys.FS, dir string, o Options) error {
	if err := fsys.MakeDir(f, dir); err != nil {
		return err
	}
	seen, heldOut := splitSums()
	for i, d := range []struct {
		file     string
		language *Language
		sums     []Sum
		rows     int
	}{
		{dialectFile, Dialect(), seen, o.BaseSteps * baseBatch},
		{realFile, Real(), seen, o.RealPairs},
		{heldOutFile, Real(), heldOut, o.EvalRows},
		{fewFile, Real(), seen, o.FewPairs},
	} {
		r := rng.NewStream(o.Seed, 0x64617461, uint32(i))
		if err := writeRows(f, filepath.Join(dir, d.file), d.language, d.sums, d.rows, r); err != nil {
			return err
		}
	}
	return writeTasks(f, dir, o, seen)
}

// splitSums parts the prompts that may be trained on from the held-out ones.
func splitSums() (seen, heldOut []Sum) {
	for _, s := range AllSums() {
		if s.HeldOut() {
			heldOut = append(heldOut, s)
		} else {
			seen = append(seen, s)
		}
	}
	return seen, heldOut
}

// task is a line of a data set for a verifier.
type task struct {
	ProblemIDs []int32 `json:"problem_ids"`
	Answer     string  `json:"answer"`
	Solution   string  `json:"solution,omitempty"`
}

// taskOf is a sum as a task: a right response concludes with the right digits. response may be nil.
func taskOf(s Sum, response []int32) task {
	t := task{ProblemIDs: s.Prompt(), Answer: "(so|thus|hence)" + written(s.answer()) + "( |$)"}
	if response != nil {
		t.Solution = written(response[:len(response)-1])
	}
	return t
}

// written is ids as text.
func written(ids []int32) string {
	text := ""
	for _, id := range ids {
		text += " " + Vocabulary[id]
	}
	return text
}

// writeTasks makes the data of the verified arm.
func writeTasks(f fsys.FS, dir string, o Options, seen []Sum) error {
	few, err := readRows(f, filepath.Join(dir, fewFile))
	if err != nil {
		return err
	}
	var tasks []task
	for _, x := range few {
		tasks = append(tasks, taskOf(sumOf(x.PromptIDs), x.CompletionIDs))
	}
	r := rng.NewStream(o.Seed, 0x64617461, 0x7461736b)
	for range o.Unlabelled {
		tasks = append(tasks, taskOf(seen[r.IntN(len(seen))], nil))
	}
	if err := writeLines(f, filepath.Join(dir, tasksFile), tasks); err != nil {
		return err
	}
	held, err := readRows(f, filepath.Join(dir, heldOutFile))
	if err != nil {
		return err
	}
	tasks = nil
	for _, x := range held {
		tasks = append(tasks, taskOf(sumOf(x.PromptIDs), x.CompletionIDs))
	}
	return writeLines(f, filepath.Join(dir, heldTasks), tasks)
}

func readRows(f fsys.FS, path string) ([]row, error) {
	data, err := fsys.ReadFile(f, path, 1<<30)
	if err != nil {
		return nil, err
	}
	var out []row
	for d := json.NewDecoder(bytes.NewReader(data)); d.More(); {
		var x row
		if err := d.Decode(&x); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, x)
	}
	return out, nil
}

func writeLines[T any](f fsys.FS, path string, lines []T) error {
	return fsys.WriteFile(f, path, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		e := json.NewEncoder(b)
		for _, x := range lines {
			if err := e.Encode(x); err != nil {
				return err
			}
		}
		return b.Flush()
	})
}

func writeRows(f fsys.FS, path string, l *Language, sums []Sum, n int, r *rng.Stream) error {
	rows := make([]row, n)
	for i := range rows {
		s := sums[r.IntN(len(sums))]
		rows[i] = row{s.Prompt(), l.Sample(s, r)}
	}
	return writeLines(f, path, rows)
}
