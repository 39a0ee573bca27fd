package quickstart

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"spar/internal/fsys"
	"spar/loader"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDirections runs the whole quickstart and checks what the theory says of it, and no more: SPIN comes nearer to p_data in
// every iteration, its length goes to the data's, and real and generated become harder to tell apart. Kernels differ in their last bits
// and so do runs; the study's spread says that 0.1 nats mean nothing.
func TestDirections(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	r, err := Run(context.Background(), o)
	must(t, err)
	if len(r.Arms) != 4 {
		t.Fatalf("%d arms, want SPIN and its control, verified and its control", len(r.Arms))
	}
	var table bytes.Buffer
	must(t, r.Print(&table))
	t.Log(table.String())
	verified, few := r.Arms[2].Rows, r.Arms[3].Rows
	if gain := verified[3].Correct - verified[0].Correct; gain < 0.1 || verified[3].Correct < few[3].Correct+0.05 {
		t.Errorf("verified self-training gains %.2f to %.2f correct, more SFT ends at %.2f; want a gain of at least 0.1 and more than the control's", gain, verified[3].Correct, few[3].Correct)
	}
	for _, a := range r.Arms[:2] {
		if len(a.Rows) != 4 {
			t.Fatalf("%s: %d rows, want the base and 3 iterations", a.Name, len(a.Rows))
		}
		for i, row := range a.Rows[1:] {
			if row.KL > a.Rows[i].KL+0.1 {
				t.Errorf("%s: iteration %d goes from distance %.2f to %.2f", a.Name, row.Iteration, a.Rows[i].KL, row.KL)
			}
		}
		if a.Rows[3].KL > a.Rows[0].KL/2 {
			t.Errorf("%s: the distance goes from %.2f to %.2f only", a.Name, a.Rows[0].KL, a.Rows[3].KL)
		}
		if _, err := os.Stat(a.Report); err != nil {
			t.Error(err)
		}
	}
	spin := r.Arms[0].Rows
	if first, last := math.Abs(spin[0].Length-23.85), math.Abs(spin[3].Length-23.85); last > first {
		t.Errorf("the length goes from %.2f to %.2f, away from 23.85", spin[0].Length, spin[3].Length)
	}
	if spin[3].Accuracy >= spin[1].Accuracy {
		t.Errorf("accuracy goes from %.2f to %.2f: the opponent does not become harder to tell from the data", spin[1].Accuracy, spin[3].Accuracy)
	}
	if spin[0].Correct < 0.7 || spin[0].KL < 2 || spin[0].KL > 3.5 {
		t.Errorf("the base has distance %.2f and %.2f correct, want the study's 2.4 to 3.0 and 0.8 to 0.97", spin[0].KL, spin[0].Correct)
	}
}

// TestSmall runs a reduced quickstart with all arms, twice: the second run has nothing to do and gives the same table.
func TestSmall(t *testing.T) {
	o := Options{Dir: t.TempDir(), Chi2: true, Preferences: true, Seed: 5}.Short()
	first, err := Run(context.Background(), o)
	must(t, err)
	second, err := Run(context.Background(), o)
	must(t, err)
	if !reflect.DeepEqual(first, second) {
		t.Errorf("the second run gives another table:\n%+v\n%+v", first, second)
	}
	var table strings.Builder
	must(t, first.Print(&table))
	for _, want := range []string{"SPIN, beta 1", "control: more SFT", "chi2", "SPIN, 5 % preferences", "SPIN, 20 % preferences", "SPIN, then DPO", "DPO alone", "distance", "does not say", filepath.Join(o.Dir, "spin", "report.html")} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
}

// TestModelDirectory opens the model as any other and reads a response back as text.
func TestModelDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	must(t, WriteModel(fsys.OS, dir, 1))
	m, err := loader.Open(dir)
	must(t, err)
	defer m.Close()
	elements := 0
	for _, x := range m.Config.Tensors() {
		n := 1
		for _, d := range x.Shape {
			n *= d
		}
		elements += n
	}
	if elements != 227616 {
		t.Errorf("%d parameters, want 227,616", elements)
	}
	responses, _ := Real().Support(Sum{37, 58})
	text := m.Tokenizer.Decode(responses[0][:len(responses[0])-1])
	ids, err := m.Tokenizer.Encode(text, false)
	must(t, err)
	if !reflect.DeepEqual(ids, responses[0][:len(responses[0])-1]) || !strings.HasPrefix(text, " ok 7 + 8 + 0 = 1 5 then") {
		t.Errorf("%q encodes to %v", text, ids)
	}
}
