package trainer

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"spar/internal/fault"
	"spar/internal/fsys"
	"spar/trainer/config"
)

// TestPaymentsComeBack: what is written without encoding/json is what encoding/json reads, every field of it.
func TestPaymentsComeBack(t *testing.T) {
	full := payment{Role: solverRole, Kind: "nim:2,3", Level: 3, Key: 4094, Sample: 7, Reward: 0.1, Advantage: -1.0 / 3, Left: true}
	for v, i := reflect.ValueOf(full), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Fatalf("the field %s is not tested", v.Type().Field(i).Name)
		}
	}
	want := []payment{full, {Role: proposerRole}, {Advantage: 1e-300, Reward: 1e300}, {Advantage: 5e-324, Reward: 123456789}}
	r := &run{c: config.Default("m", "play", ""), fs: fsys.OS, dir: t.TempDir()}
	if err := r.writePayments(1, want); err != nil {
		t.Fatal(err)
	}
	r.settled = settled{} // as another process would read them
	got, err := r.readPayments(1)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v and %v, want %+v", got, err, want)
	}
	if err := r.writePayments(1, []payment{{Advantage: math.NaN()}}); fault.ExitCode(err) != 5 {
		t.Errorf("an advantage that is no number gives %v", err)
	}
}
