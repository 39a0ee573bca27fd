// Command word-tasks makes arithmetic word problems of one to three steps with their answers, as tasks for a verifier.
//
//	word-tasks -out DIR [-train 128] [-eval 48] [-seed 0]
//
// It writes DIR/train.jsonl and DIR/held-out.jsonl, rows of problem (messages: two solved examples, then the problem itself) and answer.
// The two files tell different stories, so that they share no problem. The same seed gives the same files everywhere.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"spar/internal/rng"
)

// task is a row.
type task struct {
	Problem []message `json:"problem"`
	Answer  string    `json:"answer"`
	Steps   int       `json:"steps"`
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func main() {
	out := flag.String("out", "", "directory to write to")
	train := flag.Int("train", 128, "training tasks")
	eval := flag.Int("eval", 48, "held-out tasks")
	seed := flag.Uint64("seed", 0, "of the draws")
	flag.Parse()
	if *out == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*out, *train, *eval, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "word-tasks:", err)
		os.Exit(1)
	}
}

func run(out string, train, eval int, seed uint64) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for lane, file := range []struct {
		name    string
		stories []story
		n       int
	}{{"train.jsonl", trainStories, train}, {"held-out.jsonl", heldOutStories, eval}} {
		tasks, err := draw(file.stories, file.n, rng.NewStream(seed, uint32(lane)))
		if err != nil {
			return err
		}
		if err := write(filepath.Join(out, file.name), tasks); err != nil {
			return err
		}
	}
	return nil
}

// tries bounds the search for another problem that was not there yet.
const tries = 1000

// draw tells n problems, no two the same, from the stories in turn.
func draw(stories []story, n int, s *rng.Stream) ([]task, error) {
	seen := map[string]bool{}
	var out []task
	for i := range n {
		from := stories[i%len(stories)]
		found := false
		for range tries {
			problem, answer := from.tell(s)
			if found = answer >= 0 && !seen[problem]; found {
				seen[problem] = true
				out = append(out, task{append(slices.Clone(shown), message{"user", problem}), strconv.Itoa(answer), from.steps})
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("%q has no further problems after %d; ask for fewer", from.text, len(out))
		}
	}
	return out, nil
}

func write(path string, tasks []task) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriter(file)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	for _, t := range tasks {
		if err := e.Encode(t); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return errors.Join(b.Flush(), file.Sync(), file.Close())
}
