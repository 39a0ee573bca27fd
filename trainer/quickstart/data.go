package quickstart

import (
	"bufio"
	"encoding/json"
	"errors"
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
	drawn := map[string][]row{}
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
		drawn[d.file] = drawRows(d.language, d.sums, d.rows, r)
		if err := writeLines(f, filepath.Join(dir, d.file), drawn[d.file]); err != nil {
			return err
		}
	}
	tasks := append(tasksOf(drawn[fewFile]), unlabelled(o, seen)...)
	return errors.Join(writeLines(f, filepath.Join(dir, tasksFile), tasks), writeLines(f, filepath.Join(dir, heldTasks), tasksOf(drawn[heldOutFile])))
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

// tasksOf are rows as tasks, with their responses as solutions.
func tasksOf(rows []row) []task {
	out := make([]task, len(rows))
	for i, x := range rows {
		out[i] = taskOf(sumOf(x.PromptIDs), x.CompletionIDs)
	}
	return out
}

// unlabelled are tasks without a solution.
func unlabelled(o Options, seen []Sum) []task {
	r := rng.NewStream(o.Seed, 0x64617461, 0x7461736b)
	out := make([]task, o.Unlabelled)
	for i := range out {
		out[i] = taskOf(seen[r.IntN(len(seen))], nil)
	}
	return out
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

func drawRows(l *Language, sums []Sum, n int, r *rng.Stream) []row {
	rows := make([]row, n)
	for i := range rows {
		s := sums[r.IntN(len(sums))]
		rows[i] = row{s.Prompt(), l.Sample(s, r)}
	}
	return rows
}
