package evolve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/internal/rng"
)

func evolve(t *testing.T, f fsys.FS, task Task, o Options) *State {
	t.Helper()
	s, err := Run{Task: task, Runner: inProcess{}, Proposer: Mutation{task}, Options: o, FS: f, Dir: "run"}.Do(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stateOf(t *testing.T, f fsys.FS) []byte {
	t.Helper()
	b, err := fsys.ReadFile(f, filepath.Join("run", stateName), maxState)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMutationsBeatTheBaselines: random edits with selection, no model, end above what is known by hand. The held-out score is for the report: it
// is not selected for.
func TestMutationsBeatTheBaselines(t *testing.T) {
	for _, c := range []struct {
		task        Task
		generations int
	}{{CapSet{}, 20}, {BinPacking{}, 12}} {
		o := DefaultOptions()
		o.Generations = c.generations
		s := evolve(t, fsys.NewMemFS(), c.task, o)
		best := s.Best()
		held := score(t, c.task, best.Program, true)
		t.Logf("%s: %s, held out %s, %+v\n%s", c.task.Name(), best.Detail, held.Detail, s.Counts, best.Program)
		for _, b := range c.task.Baselines() {
			known := score(t, c.task, b.Program, false)
			t.Logf("%s: %s, held out %s", b.Name, known.Detail, score(t, c.task, b.Program, true).Detail)
			if best.Score <= known.Score {
				t.Errorf("%s: the best score is %v, and %s has %v", c.task.Name(), best.Score, b.Name, known.Score)
			}
		}
		if again := score(t, c.task, best.Program, false); again.Score != best.Score || again.Failure != "" {
			t.Errorf("%s: the best program scores %+v when run again, not %v", c.task.Name(), again, best.Score)
		}
		if !slices.IsSorted(s.History) || len(s.History) != c.generations {
			t.Errorf("%s: history %v", c.task.Name(), s.History)
		}
	}
}

// errKilled is the end of a run in the middle of a generation.
var errKilled = errors.New("killed")

// TestKilledRunsEndTheSame: whatever operation of the file system is the last one, the run that goes on ends with the same bytes.
func TestKilledRunsEndTheSame(t *testing.T) {
	o := Options{Seed: 4, Generations: 6, Islands: 3, PerIsland: 2, MigrateEvery: 2, Inspirations: 2, Parallel: 2, MaxProgramLen: 500}
	whole := fsys.NewMemFS()
	evolve(t, whole, CapSet{}, o)
	want := stateOf(t, whole)
	kills := 0
	for at := 1; ; at++ {
		disk := fsys.NewMemFS()
		n := 0
		faulty := fsys.NewFaulty(disk, func(op, name string, _ int) error {
			if n++; n >= at {
				return errKilled
			}
			return nil
		})
		_, err := Run{Task: CapSet{}, Runner: inProcess{}, Proposer: Mutation{CapSet{}}, Options: o, FS: faulty, Dir: "run"}.Do(context.Background())
		if err == nil {
			break
		}
		kills++
		disk = disk.Crash(rng.NewStream(uint64(at)))
		evolve(t, disk, CapSet{}, o)
		if got := stateOf(t, disk); !bytes.Equal(got, want) {
			t.Fatalf("killed at operation %d, the run ends otherwise", at)
		}
	}
	if kills < 20 {
		t.Errorf("only %d places to be killed at", kills)
	}
	more := o
	more.Generations = 9
	evolve(t, whole, CapSet{}, more)
	straight := fsys.NewMemFS()
	evolve(t, straight, CapSet{}, more)
	if !bytes.Equal(stateOf(t, whole), stateOf(t, straight)) {
		t.Error("a run that is prolonged ends unlike one of that length")
	}
}

func TestOtherSettingsAreRefused(t *testing.T) {
	f := fsys.NewMemFS()
	o := Options{Generations: 1, Islands: 1, PerIsland: 1, Parallel: 1, MaxProgramLen: 500}
	evolve(t, f, CapSet{}, o)
	o.Seed = 1
	run := Run{Task: CapSet{}, Runner: inProcess{}, Proposer: Mutation{CapSet{}}, Options: o, FS: f, Dir: "run"}
	if _, err := run.Do(context.Background()); fault.ExitCode(err) != int(fault.Input) || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("%v", err)
	}
	for text, want := range map[string]string{"{": "not a state", `{"settings":"` + run.settings() + `"}`: "missing"} {
		w, err := f.Create(filepath.Join("run", stateName))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, text)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Do(context.Background()); fault.ExitCode(err) != int(fault.Input) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	o.PerIsland = 0
	run.Options = o
	if _, err := run.Do(context.Background()); fault.ExitCode(err) != int(fault.Usage) {
		t.Errorf("%v", err)
	}
}

// broken is a runner that cannot run anything.
type broken struct{}

func (broken) Run(context.Context, string, Call) (string, error) { return "", errKilled }

func TestABrokenRunnerIsNoScore(t *testing.T) {
	o := DefaultOptions()
	_, err := Run{Task: CapSet{}, Runner: broken{}, Proposer: Mutation{CapSet{}}, Options: o, FS: fsys.NewMemFS(), Dir: "run"}.Do(context.Background())
	if !errors.Is(err, errKilled) {
		t.Errorf("%v", err)
	}
}

func TestTheArchiveKeepsTheBestOfEachKind(t *testing.T) {
	var p Island
	short, long := "def f():\n    return 1\n", "def f():\n    return 1 if 2 > 1 else 3\n"
	for i, c := range []struct {
		program string
		score   float64
		kept    bool
	}{{short, 1, true}, {long, 0, true}, {"def f():\n    return 2\n", 1, false}, {"def f():\n    return 3\n", 2, true}, {"def (", 9, false}, {long, -1, false}} {
		if got := p.add(Entry{Program: c.program, Score: c.score}); got != c.kept {
			t.Errorf("%d: kept %v", i, got)
		}
	}
	if len(p.Elites) != 2 || p.Elites[0].Score != 2 || p.Elites[1].Kind.Branches != 1 {
		t.Errorf("%+v", p.Elites)
	}
	s := State{Islands: []Island{p, {Elites: []Entry{{Program: short, Score: 5, Kind: p.Elites[0].Kind}}}, {Elites: []Entry{{Program: short, Score: 4, Kind: p.Elites[0].Kind}}}}}
	s.migrate()
	for i, want := range []float64{4, 5, 5} {
		if got := s.Islands[i].Elites[0].Score; got != want {
			t.Errorf("island %d has %v after the migration, want %v", i, got, want)
		}
	}
}
