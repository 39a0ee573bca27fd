package gguf

import (
	"encoding/binary"
	"fmt"
	"math"

	"spar/internal/fault"
	"spar/internal/strictjson"
)

// Kind is the type of a metadata value, numbered as in the file.
type Kind uint32

// The kinds.
const (
	Uint8 Kind = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Bool
	String
	Array
	Uint64
	Int64
	Float64
)

// kindBytes is the size of a number, and the least size of a string.
var kindBytes = [...]uint64{Uint8: 1, Int8: 1, Uint16: 2, Int16: 2, Uint32: 4, Int32: 4, Float32: 4, Bool: 1, String: 8, Array: 0, Uint64: 8, Int64: 8, Float64: 8}

// Value is a metadata value. Numbers of an array stay in the bytes of the file.
type Value struct {
	Kind Kind
	Elem Kind // of an array
	Len  int  // of an array

	at      int64
	bits    uint64
	text    string
	strings []string
	packed  []byte
}

// String shows the value in an error.
func (v Value) String() string {
	switch v.Kind {
	case Array:
		return fmt.Sprintf("an array of %d elements", v.Len)
	case String:
		return "the string " + strictjson.Quote(v.text)
	case Float32, Float64:
		return fmt.Sprintf("the number %g", v.float())
	case Int8, Int16, Int32, Int64:
		return fmt.Sprintf("the signed number %d", v.int())
	}
	return fmt.Sprintf("the number %d", v.bits)
}

func (v Value) int() int64 {
	shift := 64 - 8*kindBytes[v.Kind]
	return int64(v.bits<<shift) >> shift
}

func (v Value) float() float64 {
	if v.Kind == Float32 {
		return float64(math.Float32frombits(uint32(v.bits)))
	}
	return math.Float64frombits(v.bits)
}

// value reads a typed value.
func (c *cursor) value(key string) Value {
	at := c.pos
	v := Value{Kind: Kind(c.u32())}
	switch {
	case c.err != nil:
	case v.Kind == Array:
		c.array(key, &v)
	case v.Kind == String:
		v.text = c.string("the value of "+strictjson.Quote(key), MaxStringBytes)
	case v.Kind > Float64:
		c.fail(at, "the value of %s has type %d; known are 0 to 12", strictjson.Quote(key), v.Kind)
	default:
		v.bits = c.uint(kindBytes[v.Kind])
		if v.Kind == Bool && v.bits > 1 && c.err == nil {
			c.fail(at, "the value of %s is the boolean %d; allowed are 0 and 1", strictjson.Quote(key), v.bits)
		}
	}
	return v
}

// array reads an array of numbers or strings; its length is compared with the bytes that are left
// before anything is allocated.
func (c *cursor) array(key string, v *Value) {
	at := c.pos
	v.Elem = Kind(c.u32())
	n := c.u64()
	if c.err != nil {
		return
	}
	if v.Elem > Float64 || v.Elem == Array {
		c.fail(at, "the value of %s is an array of type %d; arrays hold numbers, booleans or strings", strictjson.Quote(key), v.Elem)
		return
	}
	if n > MaxArrayLength || n > uint64(c.size-c.pos)/kindBytes[v.Elem] {
		c.fail(at, "the value of %s is an array of %d elements, more than the file can hold or the limit of %d; the file is damaged", strictjson.Quote(key), n, MaxArrayLength)
		return
	}
	v.Len = int(n)
	if v.Elem != String {
		v.packed = c.bytes(n * kindBytes[v.Elem])
		for i, b := range v.packed {
			if v.Elem == Bool && b > 1 {
				c.fail(at, "element %d of %s is the boolean %d; allowed are 0 and 1", i, strictjson.Quote(key), b)
			}
		}
		return
	}
	v.strings = make([]string, 0, n)
	for range n {
		v.strings = append(v.strings, c.string("a string in "+strictjson.Quote(key), MaxStringBytes))
		if c.err != nil {
			return
		}
	}
}

// Errorf makes a fault.Input error placed at a metadata key.
func (f *File) Errorf(key, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if v, ok := f.values[key]; ok {
		return fault.Inputf("%s: byte %d: %s: %s", f.name, v.at, key, text)
	}
	return fault.Inputf("%s: %s: %s", f.name, key, text)
}

// Has reports whether the key is there.
func (f *File) Has(key string) bool {
	_, ok := f.values[key]
	return ok
}

// Text returns a string; false when the key is missing.
func (f *File) Text(key string) (string, bool, error) {
	v, ok := f.values[key]
	if ok && v.Kind != String {
		return "", true, f.Errorf(key, "it is %s instead of a string; write the file again", v)
	}
	return v.text, ok, nil
}

// Int returns a whole number of any integer kind; false when the key is missing.
func (f *File) Int(key string) (int64, bool, error) {
	v, ok := f.values[key]
	if !ok {
		return 0, false, nil
	}
	switch v.Kind {
	case Int8, Int16, Int32, Int64:
		return v.int(), true, nil
	case Uint8, Uint16, Uint32, Uint64:
		if v.bits <= math.MaxInt64 {
			return int64(v.bits), true, nil
		}
	}
	return 0, true, f.Errorf(key, "it is %s instead of a whole number below 2^63; write the file again", v)
}

// Float returns a floating point number; false when the key is missing. NaN and infinity are errors.
func (f *File) Float(key string) (float64, bool, error) {
	v, ok := f.values[key]
	if !ok {
		return 0, false, nil
	}
	if v.Kind != Float32 && v.Kind != Float64 {
		return 0, true, f.Errorf(key, "it is %s instead of a floating point number; write the file again", v)
	}
	if x := v.float(); math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, true, f.Errorf(key, "it is %s; it must be finite", v)
	}
	return v.float(), true, nil
}

// IsFloat32 reports whether the key holds a FLOAT32.
func (f *File) IsFloat32(key string) bool { return f.values[key].Kind == Float32 && f.Has(key) }

// Bool returns a boolean; false when the key is missing.
func (f *File) Bool(key string) (value, given bool, err error) {
	v, ok := f.values[key]
	if ok && v.Kind != Bool {
		return false, true, f.Errorf(key, "it is %s instead of a boolean; write the file again", v)
	}
	return v.bits == 1, ok, nil
}

// Strings returns an array of strings, which must not be changed; nil when the key is missing.
func (f *File) Strings(key string) ([]string, error) {
	v, ok := f.values[key]
	if ok && (v.Kind != Array || v.Elem != String) {
		return nil, f.Errorf(key, "it is %s instead of an array of strings; write the file again", v)
	}
	return v.strings, nil
}

// Int32s returns an array of INT32 or UINT32; nil when the key is missing.
func (f *File) Int32s(key string) ([]int32, error) {
	bits, err := f.words(key, "32-bit whole numbers", Int32, Uint32)
	if err != nil || bits == nil {
		return nil, err
	}
	list := make([]int32, len(bits))
	for i, b := range bits {
		list[i] = int32(b)
	}
	return list, nil
}

// Float32s returns an array of FLOAT32; nil when the key is missing.
func (f *File) Float32s(key string) ([]float32, error) {
	bits, err := f.words(key, "FLOAT32", Float32, Float32)
	if err != nil || bits == nil {
		return nil, err
	}
	list := make([]float32, len(bits))
	for i, b := range bits {
		list[i] = math.Float32frombits(b)
	}
	return list, nil
}

func (f *File) words(key, what string, a, b Kind) ([]uint32, error) {
	v, ok := f.values[key]
	if !ok {
		return nil, nil
	}
	if v.Kind != Array || (v.Elem != a && v.Elem != b) {
		return nil, f.Errorf(key, "it is %s instead of an array of %s; write the file again", v, what)
	}
	list := make([]uint32, v.Len)
	for i := range list {
		list[i] = binary.LittleEndian.Uint32(v.packed[4*i:])
	}
	return list, nil
}
