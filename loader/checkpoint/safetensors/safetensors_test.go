package safetensors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"spar/internal/fault"
	"spar/loader/checkpoint/dtype"
)

func open(data []byte) (*File, error) {
	return Open(bytes.NewReader(data), int64(len(data)), "a.safetensors")
}

func TestWriteThenOpen(t *testing.T) {
	entries := []Entry{{"b", []int{2, 3}}, {"scalar", nil}, {"empty", []int{0, 5}}, {"é\"<", []int{1}}}
	values := func(name string) ([]float32, error) {
		return map[string][]float32{"b": {1, 2, 3, 4, 5, 6}, "scalar": {7}, "é\"<": {8}}[name], nil
	}
	for _, d := range []dtype.Type{dtype.F32, dtype.F16, dtype.BF16} {
		var out bytes.Buffer
		if err := Write(&out, d, entries, values); err != nil {
			t.Fatal(err)
		}
		f, err := open(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if f.Metadata["format"] != "pt" || len(f.Tensors) != 4 || f.Tensors[0].Begin%8 != 0 {
			t.Errorf("%s: %+v, %v", d, f.Tensors, f.Metadata)
		}
		for _, tensor := range f.Tensors {
			stored := make([]byte, tensor.Bytes)
			if _, err := f.Section(tensor).ReadAt(stored, 0); err != nil && tensor.Bytes > 0 {
				t.Fatal(err)
			}
			got := make([]float32, len(stored)/d.Size())
			d.Decode(got, stored)
			if want, _ := values(tensor.Name); !slices.Equal(got, want) {
				t.Errorf("%s %s: %v, want %v", d, tensor.Name, got, want)
			}
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	entries := []Entry{{"w", []int{2}}}
	write := func(d dtype.Type, v ...float32) error {
		return Write(&bytes.Buffer{}, d, entries, func(string) ([]float32, error) { return v, nil })
	}
	if err := write(dtype.F16, 1, 1e6); err == nil || !strings.Contains(err.Error(), "element 1 is 1e+06") || fault.ExitCode(err) != 3 {
		t.Errorf("a value past F16: %v", err)
	}
	if err := write(dtype.F32, 1); err == nil {
		t.Error("one value for two elements was written")
	}
}

func TestTooManyTensorsAreRefusedQuickly(t *testing.T) {
	var h strings.Builder
	for i := range MaxTensors + 1 {
		fmt.Fprintf(&h, `,"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`, i)
	}
	header := "{" + h.String()[1:] + "}"
	start := time.Now()
	_, err := open(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...))
	if err == nil || !strings.Contains(err.Error(), "more than 200000 tensors") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

// What is accepted keeps every promise that readers rely on.
func FuzzOpen(f *testing.F) {
	var out bytes.Buffer
	err := Write(&out, dtype.BF16, []Entry{{"a", []int{2, 2}}, {"b", []int{0}}}, func(name string) ([]float32, error) {
		return map[string][]float32{"a": {1, 2, 3, 4}}[name], nil
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := open(data)
		if err != nil {
			if fault.ExitCode(err) != 3 {
				t.Fatalf("error without class: %v", err)
			}
			return
		}
		next := int64(8 + binary.LittleEndian.Uint64(data))
		for _, tensor := range file.Tensors {
			bytes := int64(tensor.DType.Size())
			for _, d := range tensor.Shape {
				bytes *= int64(d)
			}
			if bytes != tensor.Bytes || (bytes > 0 && tensor.Begin != next) || tensor.Begin+bytes > int64(len(data)) {
				t.Fatalf("%+v after byte %d of %d", tensor, next, len(data))
			}
			next += bytes
		}
		if next != int64(len(data)) {
			t.Fatalf("the tensors end at %d of %d", next, len(data))
		}
	})
}
