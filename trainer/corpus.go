package trainer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"

	"spar/internal/fault"
	"spar/loader/dataset"
	"spar/trainer/selfplay/family"
)

// example is a row of a data set as token ids.
type example struct {
	key                    int // line of the file
	prompt                 []int32
	chosen                 []int32
	rejected               []int32 // nil: none; of a labelled row, the mismatched response
	label                  *bool   // kto: whether chosen, alone, is desirable
	refChosen, refRejected *float64
	task                   *task        // nil: nothing to verify
	pose                   *family.Pose // nil: not a proposer's prompt
}

// real reports whether the row brings a response by people. The bare answer of a task is none: no policy writes it so.
func (x example) real() bool { return x.task == nil || x.task.solved }

// task is what a verifier needs besides the response.
type task struct {
	problem       dataset.Text
	ids           []int32 // the problem as ids; nil: as text
	answer, tests string
	solved        bool   // chosen is a solution by people, not the bare answer
	verifier      string // in place of the config's; "": the config's
	kind          string // of a proposer's task; "": a row of the data
	level         int
}

// corpus is a data set ready for training.
type corpus struct {
	path       string
	fileHash   string
	hash       string // of the ids: tokenizer, template and truncation are in it
	examples   []example
	index      map[int]int // key -> place in examples
	counts     map[string]int64
	referenced bool     // every row brings the reference's log-probs
	notes      []string // for the user, once the run may begin
}

// newCorpus is one without rows yet; path is "" where they come from no file.
func newCorpus(path string) *corpus {
	return &corpus{path: path, index: map[int]int{}, counts: map[string]int64{}}
}

// add appends a row, which byKey then finds by its key.
func (c *corpus) add(x example) {
	c.index[x.key] = len(c.examples)
	c.examples = append(c.examples, x)
}

// byKey finds a row.
func (c *corpus) byKey(key int) (example, error) {
	i, ok := c.index[key]
	if !ok {
		return example{}, fault.Inputf("%s: has no row %d, which this run's pairs name; remove the run directory to begin anew", c.path, key)
	}
	return c.examples[i], nil
}

// reals is the number of rows with a response by people.
func (c *corpus) reals() int {
	n := 0
	for _, x := range c.examples {
		if x.real() {
			n++
		}
	}
	return n
}

// readCorpus reads and encodes a data set; at most limit examples, 0: all. Rows that pairs
// are made of must have a rejected response.
func (r *run) readCorpus(path string, limit int, pairs bool) (*corpus, error) {
	c := newCorpus(path)
	var err error
	if c.fileHash, err = dataset.HashFile(path); err != nil {
		return nil, err
	}
	reader, err := dataset.Open(path, dataset.Options{SkipBad: r.c.Data.SkipBad})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	enc := encoder{c: r.c, m: r.model, counts: c.counts, pairs: pairs}
	for limit == 0 || len(c.examples) < limit {
		row, more, err := nextRow(reader)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		c.counts["rows"]++
		x, keep, err := enc.encode(row)
		if err != nil {
			return nil, fault.Inputf("%s:%d: %w", path, row.Line, err)
		}
		if keep {
			c.add(x)
		}
	}
	for _, bad := range reader.Skipped() {
		c.notes = append(c.notes, "left out: "+bad.Reason) // which names file and line
		c.counts["bad lines left out"]++
	}
	return c, r.finish(c, pairs)
}

// finish checks the set as a whole and reports what was cut.
func (r *run) finish(c *corpus, pairs bool) error {
	if len(c.examples) == 0 {
		return fault.Inputf("%s: none of its %d rows is left (%s); raise max_length or change long_prompts and truncated_responses", c.path, c.counts["rows"], countsText(c.counts))
	}
	given := 0
	for _, x := range c.examples {
		if x.refChosen != nil {
			given++
		}
	}
	if given > 0 && given < len(c.examples) {
		return fault.Inputf("%s: %d of %d rows give ref_chosen_logps; give them in every row or in none", c.path, given, len(c.examples))
	}
	if err := r.mismatch(c); err != nil {
		return err
	}
	c.referenced = given > 0 && pairs
	c.hash = hashExamples(c.examples)
	c.notes = append(c.notes, fmt.Sprintf("%s: %s", c.path, countsText(c.counts)))
	return nil
}

// mismatch gives each labelled row of kto the response of the next one, from whose log-ratio the reference point is
// estimated.
func (r *run) mismatch(c *corpus) error {
	labelled := 0
	for _, x := range c.examples {
		if x.label != nil {
			labelled++
		}
	}
	if labelled == 0 {
		return nil
	}
	if labelled < len(c.examples) || labelled < 2 {
		return fault.Inputf("%s: %d of %d rows have a label; kto takes pairs, or at least two rows that all have one", c.path, labelled, len(c.examples))
	}
	for i := range c.examples {
		x, next := &c.examples[i], c.examples[(i+1)%len(c.examples)].chosen
		x.rejected = next[:min(len(next), r.c.MaxLength-len(x.prompt))]
	}
	return nil
}

// announce tells the user what was read and what was left out or cut.
func (r *run) announce() error {
	for _, c := range []*corpus{r.train, r.held, r.preferences} {
		if c == nil {
			continue
		}
		for _, note := range c.notes {
			r.logf("%s", note)
		}
	}
	return nil
}

func nextRow(r *dataset.Reader) (row dataset.Row, more bool, err error) {
	row, err = r.Next()
	if isEOF(err) {
		return row, false, nil
	}
	return row, err == nil, err
}

func hashExamples(examples []example) string {
	sum := sha256.New()
	var b []byte
	for _, x := range examples {
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(x.key))
		for _, ids := range [][]int32{x.prompt, x.chosen, x.rejected} {
			b = binary.LittleEndian.AppendUint64(b, uint64(len(ids)))
			for _, v := range ids {
				b = binary.LittleEndian.AppendUint32(b, uint32(v))
			}
		}
		if x.label != nil {
			b = strconv.AppendBool(b, *x.label)
		}
		for _, p := range []*float64{x.refChosen, x.refRejected} {
			if p != nil {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(*p))
			}
		}
		if x.task != nil {
			for _, text := range []string{x.task.answer, x.task.tests, x.task.verifier} {
				b = strconv.AppendQuote(b, text)
			}
			b = strconv.AppendBool(b, x.task.solved)
		}
		sum.Write(b)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// stopIDs are the ids that end a response.
func (r *run) stopIDs() []int32 { return r.model.StopIDs() }

// text decodes ids for people.
func (r *run) text(ids []int32) string {
	if r.model.Tokenizer == nil {
		return fmt.Sprint(ids)
	}
	// A final stop id is the end, not text.
	if n := len(ids); n > 0 && slices.Contains(r.stopIDs(), ids[n-1]) {
		ids = ids[:n-1]
	}
	return r.model.Tokenizer.Decode(ids)
}
