package evolve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"spar/internal/fault"
	"spar/internal/fsys"
)

// stateName is the file that a run consists of.
const stateName = "state.json"

// maxState is the largest accepted state file in bytes.
const maxState = 64 << 20

// State is an evolution after a generation.
type State struct {
	Settings   string            `json:"settings"` // that it was made with
	Generation int               `json:"generation"`
	Counts     map[string]Counts `json:"counts"`  // by the kind of proposer
	History    []float64         `json:"history"` // the best score after each generation
	Islands    []Island          `json:"islands"`
}

// Counts say what became of proposals.
type Counts struct {
	Proposed int `json:"proposed"`
	Refused  int `json:"refused"` // no program: an edit that does not apply, or too long
	Failed   int `json:"failed"`  // a program that did not run to a result
	Ran      int `json:"ran"`     // a program with a score
	Kept     int `json:"kept"`    // the first or the best of its kind on its island
	Better   int `json:"better"`  // than everything before, on any island
}

// Best is the best program of all islands; among equals that of the first.
func (s *State) Best() Entry {
	best := s.Islands[0].Elites[0]
	for _, p := range s.Islands[1:] {
		if p.Elites[0].Score > best.Score {
			best = p.Elites[0]
		}
	}
	return best
}

// take counts a proposal of this generation and keeps it on its island if it deserves it.
func (s *State) take(island int, p Proposal, v Evaluation) {
	n := s.Counts[p.From]
	n.Proposed++
	switch {
	case p.Refused != "":
		n.Refused++
	case v.Failure != "":
		n.Failed++
	default:
		n.Ran++
		if v.Score > s.Best().Score {
			n.Better++
		}
		if s.Islands[island].add(Entry{Program: p.Program, Score: v.Score, Detail: v.Detail, From: p.From, Generation: s.Generation}) {
			n.Kept++
		}
	}
	s.Counts[p.From] = n
}

// counted is a line's part about the proposals so far.
func (s *State) counted() string {
	text := ""
	for _, kind := range slices.Sorted(maps.Keys(s.Counts)) {
		n := s.Counts[kind]
		text += fmt.Sprintf(", %s: %d of %d proposals ran, %d better", kind, n.Ran, n.Proposed, n.Better)
	}
	return text
}

// migrate copies the best program of each island to the next one.
func (s *State) migrate() {
	var best []Entry
	for _, p := range s.Islands {
		best = append(best, p.Elites[0])
	}
	for i, e := range best {
		s.Islands[(i+1)%len(best)].add(e)
	}
}

func (s *State) save(f fsys.FS, dir string) error {
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	return fsys.WriteFile(f, filepath.Join(dir, stateName), func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(append(data, '\n')))
		return err
	})
}

// load reads the state of a directory; nil where there is none yet.
func load(f fsys.FS, dir, settings string) (*State, error) {
	name := filepath.Join(dir, stateName)
	data, err := fsys.ReadFile(f, name, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fault.Inputf("%s: not a state of evolve: %w; remove it to begin again", name, err)
	}
	if s.Settings != settings {
		return nil, fault.Inputf("%s was made with other settings (%s; now: %s); use another directory", name, s.Settings, settings)
	}
	if s.Counts == nil || len(s.Islands) == 0 || slices.ContainsFunc(s.Islands, func(p Island) bool { return len(p.Elites) == 0 }) {
		return nil, fault.Inputf("%s: a part is missing; the file is damaged, remove it to begin again", name)
	}
	return &s, nil
}
