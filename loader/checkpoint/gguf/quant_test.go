package gguf

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"testing"
)

// The vectors come from ggml itself; the file names the library and its hash.
func TestDecodersGiveTheBitsOfGgml(t *testing.T) {
	data, err := os.ReadFile("testdata/ggml.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			Name    string
			Type    Type
			Data    []byte
			Float32 []byte
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) != 8 {
		t.Fatalf("%d cases, want the 8 quantised types", len(golden.Cases))
	}
	for _, c := range golden.Cases {
		k := kinds[c.Type]
		n := len(c.Float32) / 4
		if k.name != c.Name || len(c.Data) != n/k.block*k.bytes {
			t.Fatalf("%s: the table says %+v, the file has %d bytes for %d elements", c.Name, k, len(c.Data), n)
		}
		got := make([]float32, n)
		k.decode(got, c.Data)
		for i, x := range got {
			want := binary.LittleEndian.Uint32(c.Float32[4*i:])
			if math.Float32bits(x) != want && !(x != x && math.Float32frombits(want) != math.Float32frombits(want)) {
				t.Fatalf("%s: element %d is %08x, ggml has %08x", c.Name, i, math.Float32bits(x), want)
			}
		}
	}
}

func TestReadInPieces(t *testing.T) {
	// More blocks than one buffer of Read holds.
	k := kinds[Q8_0]
	blocks := 3*(1<<18)/k.bytes + 5
	data := make([]byte, blocks*k.bytes)
	for b := range blocks {
		binary.LittleEndian.PutUint16(data[b*k.bytes:], 0x3c00)
		for j := range 32 {
			data[b*k.bytes+2+j] = byte(b + j)
		}
	}
	f := &File{r: bytes.NewReader(data), name: "a.gguf"}
	tensor := Tensor{Name: "w", Type: Q8_0, Shape: []int{blocks, 32}, Bytes: int64(len(data))}
	dst := make([]float32, tensor.Elements())
	if err := f.Read(tensor, dst); err != nil {
		t.Fatal(err)
	}
	for i, x := range dst {
		if want := float32(int8(byte(i/32 + i%32))); x != want {
			t.Fatalf("element %d is %g, want %g", i, x, want)
		}
	}
	f.r = bytes.NewReader(data[:len(data)-1])
	if err := f.Read(tensor, dst); err == nil {
		t.Error("a file that shrank was read")
	}
}
