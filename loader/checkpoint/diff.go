package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// DiffReport is how two models differ. The zero report says that they are equal as float32.
type DiffReport struct {
	Config  []string     `json:"config,omitempty"`  // "key: a value, b value"
	OnlyA   []string     `json:"only_a,omitempty"`  // tensors
	OnlyB   []string     `json:"only_b,omitempty"`  // tensors
	Shapes  []string     `json:"shapes,omitempty"`  // "name: a shape, b shape"
	Tensors []TensorDiff `json:"tensors,omitempty"` // of those in both with one shape, where a value differs
}

// TensorDiff is how far two tensors lie apart, element by element. NaN against NaN is equal; NaN
// against a number is an infinite difference.
type TensorDiff struct {
	Name      string  `json:"name"`
	Differing int     `json:"differing"` // elements
	Elements  int     `json:"elements"`
	MaxAbs    float64 `json:"-"`          // largest |a-b|
	MaxRel    float64 `json:"-"`          // largest |a-b| / max(|a|, |b|)
	At        int     `json:"max_abs_at"` // index of the largest |a-b|
}

// MarshalJSON writes the infinite differences as strings, which JSON numbers cannot hold.
func (t TensorDiff) MarshalJSON() ([]byte, error) {
	type plain TensorDiff
	return json.Marshal(struct {
		plain
		MaxAbs any `json:"max_abs"`
		MaxRel any `json:"max_rel"`
	}{plain(t), jsonFloat(t.MaxAbs), jsonFloat(t.MaxRel)})
}

func jsonFloat(x float64) any {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return fmt.Sprint(x)
	}
	return x
}

// Equal reports whether nothing differs.
func (d *DiffReport) Equal() bool {
	return len(d.Config)+len(d.OnlyA)+len(d.OnlyB)+len(d.Shapes)+len(d.Tensors) == 0
}

// Diff compares two open models: configs key by key, and the values of all tensors as float32. It
// holds one tensor of each in memory.
func Diff(a, b *Model) (*DiffReport, error) {
	d := &DiffReport{}
	var err error
	if d.Config, err = diffConfigs(a.Config, b.Config); err != nil {
		return nil, err
	}
	inB := map[string]TensorInfo{}
	for _, t := range b.Tensors() {
		inB[t.Name] = t
	}
	readA, readB := a.reader(), b.reader()
	for _, t := range a.Tensors() {
		other, ok := inB[t.Name]
		delete(inB, t.Name)
		switch {
		case !ok:
			d.OnlyA = append(d.OnlyA, t.Name)
			continue
		case !slices.Equal(t.Shape, other.Shape):
			d.Shapes = append(d.Shapes, fmt.Sprintf("%s: %v, %v", t.Name, t.Shape, other.Shape))
			continue
		}
		x, err := readA(t.Name)
		if err != nil {
			return nil, err
		}
		y, err := readB(t.Name)
		if err != nil {
			return nil, err
		}
		if td := diffValues(t.Name, x, y); td.Differing > 0 {
			d.Tensors = append(d.Tensors, td)
		}
	}
	for name := range inB {
		d.OnlyB = append(d.OnlyB, name)
	}
	slices.Sort(d.OnlyB)
	return d, nil
}

func diffValues(name string, a, b []float32) TensorDiff {
	d := TensorDiff{Name: name, Elements: len(a)}
	for i, x := range a {
		y := b[i]
		if x == y || (x != x && y != y) {
			continue
		}
		d.Differing++
		abs := math.Abs(float64(x) - float64(y))
		rel := abs / max(math.Abs(float64(x)), math.Abs(float64(y)))
		if math.IsNaN(abs) || math.IsNaN(rel) {
			abs, rel = math.Inf(1), math.Inf(1)
		}
		if abs > d.MaxAbs {
			d.MaxAbs, d.At = abs, i
		}
		d.MaxRel = max(d.MaxRel, rel)
	}
	return d
}

// diffConfigs compares the config.json forms, so that the keys are those that the user knows. The
// type of the stored weights is no difference of the model.
func diffConfigs(a, b *Config) ([]string, error) {
	x, err := configFields(a)
	if err != nil {
		return nil, err
	}
	y, err := configFields(b)
	if err != nil {
		return nil, err
	}
	var list []string
	for key, value := range x {
		if !bytes.Equal(value, y[key]) {
			list = append(list, fmt.Sprintf("%s: %s, %s", key, shown(value), shown(y[key])))
		}
	}
	for key, value := range y {
		if x[key] == nil {
			list = append(list, fmt.Sprintf("%s: %s, %s", key, shown(nil), shown(value)))
		}
	}
	slices.Sort(list)
	return list, nil
}

func configFields(c *Config) (map[string]json.RawMessage, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	err = json.Unmarshal(data, &fields)
	delete(fields, "torch_dtype")
	return fields, err
}

func shown(value []byte) string {
	if value == nil {
		return "absent"
	}
	return string(value)
}
