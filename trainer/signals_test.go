package trainer

import (
	"testing"

	"spar/loader/pack"
	"spar/trainer/objective"
)

func TestShortcut(t *testing.T) {
	for _, x := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 2}, []float64{3, 4}, 1},
		{[]float64{3, 4}, []float64{1, 2}, 1},
		{[]float64{5, 5}, []float64{5, 5}, 0.5},
	} {
		if got := shortcut(x.a, x.b); got != x.want {
			t.Errorf("shortcut(%v, %v) = %v, want %v", x.a, x.b, got, x.want)
		}
	}
}

func TestMaterialSignals(t *testing.T) {
	const stop = 9
	group := func(key int, prompt int32, responses ...[]int32) pack.Group {
		return pack.Group{Key: key, Prompt: []int32{prompt}, Responses: responses}
	}
	m := material{groups: []pack.Group{
		group(1, 1, []int32{2, stop}, []int32{3, 3, 3}),
		group(1, 1, []int32{2, stop}, []int32{4, 4, 4}), // the same row, another sample
		group(2, 1, []int32{2, stop}, []int32{3, 3, 3}), // a row that repeats the first
		group(3, 2, []int32{2, stop}, []int32{3, 3, stop}),
	}}
	if length, ending := m.shortcuts([]int32{stop}); length != 1 || ending != 0.5+3.0/8 {
		t.Errorf("shortcuts %v, %v", length, ending)
	}
	if length, ending := (material{groups: []pack.Group{group(1, 1, []int32{2})}}).shortcuts([]int32{stop}); length != 0.5 || ending != 0.5 {
		t.Errorf("without pairs: %v, %v", length, ending)
	}
	e := objective.Example{LpReal: -4, RefReal: -5, LpGen: -7, RefGen: -4, LenReal: 3, LenGen: 5}
	if got := startGap(e); got != 0.5 {
		t.Errorf("start gap %v, want 0.5", got)
	}
	if got := startGap(objective.Example{}); got != 0 {
		t.Errorf("start gap of nothing %v", got)
	}
}

func TestDuplicates(t *testing.T) {
	row := func(prompt, response int32, answer string) example {
		return example{prompt: []int32{prompt}, chosen: []int32{response}, task: &task{answer: answer}}
	}
	c := corpus{examples: []example{row(1, 2, "a"), row(1, 2, "a"), row(1, 2, "b"), row(2, 2, "a")}}
	if got := c.duplicates(); got != 0.25 {
		t.Errorf("duplicates %v, want 0.25", got)
	}
	c = corpus{examples: []example{{prompt: []int32{1, 2}, chosen: []int32{3}}, {prompt: []int32{1}, chosen: []int32{2, 3}}}}
	if got := c.duplicates(); got != 0 {
		t.Errorf("duplicates of different rows: %v", got)
	}
}
