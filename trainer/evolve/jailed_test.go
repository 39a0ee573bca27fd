package evolve

import (
	"context"
	"errors"
	"testing"
	"time"

	"spar/trainer/verify/jail"
)

func openJail(t *testing.T) Runner {
	t.Helper()
	pool, err := jail.Open(jail.Options{Workers: 2, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatalf("%v; evolve runs the programs of a model in a jail only", err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return Jailed(pool)
}

// The jail and the interpreter in this process give the same scores.
func TestScoresInTheJail(t *testing.T) {
	r := openJail(t)
	for _, task := range []Task{BinPacking{}, CapSet{}} {
		for _, b := range task.Baselines() {
			got, err := task.Evaluate(context.Background(), r, b.Program, true)
			if want := score(t, task, b.Program, true); err != nil || got != want {
				t.Errorf("%s: %+v in the jail, %+v outside; %v", b.Name, got, want, err)
			}
		}
		for _, program := range []string{"def priority(a, b, c=0):\n    return 1 // 0\n", "load('os.star', 'x')\n", "def priority(a, b, c=0):\n    for i in range(1000000000000):\n        pass\n    return 0\n"} {
			if v, err := task.Evaluate(context.Background(), r, program, false); v.Failure == "" || err != nil {
				t.Errorf("%q: %+v %v", program, v, err)
			}
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := r.Run(ended, BinPacking{}.Seed(), Call{"priority", "1, 2, 3"})
	var failed *Failure
	if err == nil || errors.As(err, &failed) {
		t.Errorf("a cancelled run says %v", err)
	}
}
