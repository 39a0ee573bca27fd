package checkpoint

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

func TestFrequenciesAgreeWithTransformers(t *testing.T) {
	data, err := os.ReadFile("testdata/rope.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			Name    string
			Config  json.RawMessage
			Length  int
			Scale   float64
			InvFreq []float64 `json:"inv_freq"`
			Float32 []float32
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) < 10 {
		t.Fatalf("only %d cases", len(golden.Cases))
	}
	for _, g := range golden.Cases {
		t.Run(g.Name, func(t *testing.T) {
			c, err := ParseConfig(g.Config, g.Name)
			if err != nil {
				t.Fatal(err)
			}
			inv, scale, err := c.InvFreq(g.Length)
			if err != nil {
				t.Fatal(err)
			}
			if len(inv) != len(g.InvFreq) || math.Abs(scale-g.Scale) > 1e-15*g.Scale {
				t.Fatalf("%d frequencies, scale %v; want %d, %v", len(inv), scale, len(g.InvFreq), g.Scale)
			}
			for i, f := range inv {
				if math.Abs(f-g.InvFreq[i]) > 1e-14*g.InvFreq[i] {
					t.Errorf("frequency %d is %v, want %v", i, f, g.InvFreq[i])
				}
				// float32 powers of a large base lose a few bits more than the format has.
				if math.Abs(f-float64(g.Float32[i])) > 4e-6*f {
					t.Errorf("frequency %d is %v, transformers uses %v", i, f, g.Float32[i])
				}
			}
		})
	}
}
